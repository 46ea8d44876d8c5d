"""Tasks: the things to predict, in both layouts.

*Columns*: each target column is a task. *Rows*: a column says which task (school, site, speaker) each
row belongs to, and every target column is one task per group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from umbel.tasks.kind import Kind

__all__ = ["Target", "Task", "TaskSet"]


@dataclass(frozen=True)
class Target:
    """A column of answers.

    :param name: the column's name, and of its predictions.
    :param kind: its fitted kind.
    :param weight: the user's own weight, multiplied to the loss; > 0 or 0.
    :param decide_by: the metric that decisions are chosen for on validation; the kind's own where None.
    :param costs: cost of deciding column j where the truth is row i, [C, C]; replaces ``decide_by``.
    """

    name: str
    kind: Kind
    weight: float = 1.0
    decide_by: str | None = None
    costs: tuple[tuple[float, ...], ...] | None = None


@dataclass(frozen=True)
class Task:
    """One thing to predict: a target column, or a target column within one group of rows.

    :param name: unique among the tasks.
    :param target: the column with its answers.
    :param group: index of the group in ``TaskSet.groups``; None in the columns layout.
    """

    name: str
    target: str
    kind: Kind
    weight: float = 1.0
    group: int | None = None


@dataclass(frozen=True)
class TaskSet:
    """All tasks of a problem, in order.

    :param targets: the target columns.
    :param by: the column that says which group a row belongs to; None in the columns layout.
    :param groups: labels of the groups, sorted as text; empty in the columns layout.
    """

    targets: tuple[Target, ...]
    by: str | None = None
    groups: tuple[str, ...] = ()
    _tasks: tuple[Task, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.by is None:
            tasks = [Task(t.name, t.name, t.kind, t.weight) for t in self.targets]
        else:
            alone = len(self.targets) == 1
            tasks = [
                Task(g if alone else f"{t.name} | {g}", t.name, t.kind, t.weight, i)
                for t in self.targets
                for i, g in enumerate(self.groups)
            ]
        object.__setattr__(self, "_tasks", tuple(tasks))

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The P tasks: targets in order, and within each the groups in order."""
        return self._tasks

    @property
    def by_rows(self) -> bool:
        """True in the rows layout."""
        return self.by is not None

    def __len__(self) -> int:
        return len(self._tasks)

    def target(self, name: str) -> Target:
        """The target column called ``name``."""
        return next(t for t in self.targets if t.name == name)

    def only(self, *names: str) -> TaskSet:
        """The same with some of the target columns."""
        return TaskSet(tuple(t for t in self.targets if t.name in names), self.by, self.groups)

    @property
    def state(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {
            "by": self.by,
            "groups": list(self.groups),
            "targets": [
                {
                    "name": t.name,
                    "weight": t.weight,
                    "kind": t.kind.state,
                    "decide_by": t.decide_by,
                    "costs": t.costs,
                }
                for t in self.targets
            ],
        }

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> TaskSet:
        """The tasks that :attr:`state` tells of."""
        targets = [
            Target(
                t["name"],
                Kind.from_state(t["kind"]),
                t["weight"],
                t["decide_by"],
                None if t["costs"] is None else tuple(map(tuple, t["costs"])),
            )
            for t in state["targets"]
        ]
        return TaskSet(tuple(targets), state["by"], tuple(state["groups"]))
