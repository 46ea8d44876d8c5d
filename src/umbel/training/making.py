"""Learners made by name, and their whole state with the name, so that one learner can hold others."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from umbel.data.schema import Schema
from umbel.errors import ConfigError, near
from umbel.tasks import TaskSet
from umbel.training.learner import LEARNERS, Learner, State

__all__ = ["freeze", "make", "thaw"]


def make(name: str, options: Mapping[str, Any] | None = None) -> Learner:
    """A new learner.

    :param name: as registered.
    :param options: its keyword options.
    :raises ConfigError: no such learner, or it has no such option (near names are given).
    """
    form = LEARNERS.get(name)
    known = list(inspect.signature(form).parameters)
    for option in options or {}:
        if option not in known:
            raise ConfigError(
                f"an option of the learner '{name}' must be one it has",
                found=f"'{option}'",
                remedy=near(option, known),
            )
    learner: Learner = form(**(options or {}))
    return learner


def freeze(learner: Learner) -> State:
    """Name, options and all that was fitted, to be saved."""
    return {"learner": learner.name, "options": learner.options, "fitted": learner.state()}


def thaw(state: State, tasks: TaskSet, schema: Schema) -> Learner:
    """The fitted learner that :func:`freeze` told of."""
    learner = make(state["learner"], state["options"])
    learner.restore(state["fitted"], tasks, schema)
    return learner
