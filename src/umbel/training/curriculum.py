"""The curriculum of a net: its options, and the difficulty of the rows that it follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from umbel.data.dataset import Dataset
from umbel.data.keys import read_keys
from umbel.data.split_spec import CHEAP
from umbel.training.checkpoint import Store
from umbel.training.difficulty import find_difficulty
from umbel.training.distributed import Processes
from umbel.training.learner import LEARNERS

__all__ = ["PART", "Pacing", "hardness"]

PART = "difficulty"
"""Name of the part of a checkpoint that keeps the difficulties."""


class Pacing(BaseModel):
    """How fast harder rows come, and by whose loss they are hard.

    :param start: share of each task's easiest rows that come at first, in (0, 1].
    :param epochs: all rows come from this epoch on; half of the net's where neither it nor steps is given.
    :param steps: or all rows come from this step on; the share grows with each step.
    :param learner: whose loss on entities it has not seen is the difficulty.
    :param folds: in how many folds of entities it answers, >= 2.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: float = Field(0.3, gt=0, le=1)
    epochs: int | None = Field(None, ge=1)
    steps: int | None = Field(None, ge=1)
    learner: str = CHEAP
    folds: int = Field(5, ge=2)

    @model_validator(mode="after")
    def _ends_once(self) -> Pacing:
        if self.epochs is not None and self.steps is not None:
            raise ValueError("the end of a curriculum is told by epochs or by steps, not by both")
        return self

    @staticmethod
    def of(given: Mapping[str, Any]) -> Pacing:
        """From the options a user wrote.

        :raises ConfigError: an unknown option (near names are given), a value it cannot have, or no such
            learner.

        >>> Pacing.of({"strat": 0.5})
        Traceback (most recent call last):
        umbel.errors.ConfigError: a key must be one that is known
          found:  curriculum_options.strat
          remedy: did you mean 'start'?
        """
        found = read_keys(Pacing, given, "curriculum_options")
        LEARNERS.get(found.learner)
        return found

    def until(self, epochs: int) -> dict[str, int | None]:
        """When all rows come, as :class:`~umbel.data.curriculum.Curriculum` has it.

        :param epochs: of the net, at most.

        >>> Pacing().until(20), Pacing(steps=50).until(20)
        ({'epochs': 10, 'steps': None}, {'epochs': None, 'steps': 50})
        """
        neither = self.epochs is None and self.steps is None
        return {"epochs": -(-epochs // 2) if neither else self.epochs, "steps": self.steps}


def hardness(
    train: Dataset, pacing: Pacing, *, seed: int, among: Processes, store: Store | None = None
) -> Tensor:
    """How hard the training rows are: the out-of-fold loss of a cheap model, see ``training.difficulty``.

    It is measured once for these rows and tasks, and kept with the checkpoint: a fit that goes on, be it on
    another machine, has the very same numbers. Several processes have those of the first.

    :param train: the training rows, [B].
    :param pacing: whose loss it is.
    :param seed: of the folds.
    :param among: the processes that fit together.
    :param store: of this fit's checkpoints.
    :returns: [B] float64, larger is harder; NaN where no task has a label.
    :raises DataError: there are fewer entities than folds, or all labels of a task are in one fold.
    :raises KindError: the learner does not serve these tasks.
    """
    kept = store is not None and (store.folder / PART).exists()
    among.wait()  # nobody looks after another has written
    if store is not None and kept:
        saved: Tensor = store.part(PART)["rows"]
        return saved
    tasks = train.tasks
    key = (PART, pacing.learner, pacing.folds, seed, tasks.by, tuple(t.name for t in tasks.targets))

    def measure() -> np.ndarray[Any, np.dtype[np.float64]]:
        return find_difficulty(train, learner=pacing.learner, folds=pacing.folds, seed=seed).rows

    own = torch.from_numpy(np.array(train.cached(key, measure)))  # a copy: what is kept must not change
    found = among.total(own if among.first else torch.zeros_like(own))
    if store is not None and among.first:
        store.put(PART, {"rows": found})
    return found
