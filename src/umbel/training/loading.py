"""A fitted model from its folder."""

from __future__ import annotations

from pathlib import Path

from umbel.data.schema import Schema
from umbel.errors import ModelFileError
from umbel.tasks import TaskSet
from umbel.training.config import Config
from umbel.training.estimator import MultiTask
from umbel.training.making import thaw
from umbel.training.saving import read_model

__all__ = ["load"]


def load(folder: str | Path) -> MultiTask:
    """The model that :meth:`MultiTask.save` wrote. Loading runs no code of the file.

    :raises ModelFileError: the folder is not a model, damaged, of a newer format, or of another family.
    """
    state = read_model(Path(folder))
    if "family" in state:
        raise ModelFileError(
            "a model of a table is read by `umbel predict` and `umbel evaluate`",
            found=f"'{folder}' holds a model of the family '{state['family']}'",
            remedy=f"use the commands of `umbel {state['family']}`",
        )
    config = Config.read(state["config"])
    tasks, schema = TaskSet.from_state(state["tasks"]), Schema.from_state(state["schema"])
    model = MultiTask.of(config)
    learner = thaw(state["learner"], tasks, schema)
    return model.take(config, learner, tasks, schema, state["rules"], state["notes"], state["lone"])
