"""What is asked: tasks, and one kind of answer per file, with its likelihood."""

from umbel.tasks.kind import KINDS, Kind, Response, Rule
from umbel.tasks.prediction import Encoded, Prediction
from umbel.tasks.task import Target, Task, TaskSet

__all__ = ["KINDS", "Encoded", "Kind", "Prediction", "Response", "Rule", "Target", "Task", "TaskSet"]
