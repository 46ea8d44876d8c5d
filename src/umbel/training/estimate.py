"""Time and memory before a long fit: every learner tried on a few rows, and counted up."""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from umbel.data.dataset import Dataset
from umbel.training.build import Plan
from umbel.training.learner import LEARNERS, Learner
from umbel.training.making import make

__all__ = ["LONG", "Estimate", "estimate"]

SAMPLE = 1000
LONG = 20_000
"""Rows from which a fit is long enough to be announced."""


@dataclass(frozen=True)
class Estimate:
    """What a fit will cost, within a factor of about three.

    :param seconds: CPU-seconds, by learner.
    :param memory: bytes: the table, its encoded inputs, and parameters with the optimiser's copies.
    """

    seconds: Mapping[str, float]
    memory: int

    def __str__(self) -> str:
        total = sum(self.seconds.values())
        span = f"{total / 60:.0f} CPU-minutes" if total >= 120 else f"{total:.0f} CPU-seconds"
        return f"about {span} and {self.memory / 2**30:.1f} GiB"


def estimate(train: Dataset, valid: Dataset, plans: Mapping[str, Plan]) -> Estimate:
    """Estimate the cost of fitting some plans.

    Each learner is fitted on at most ``SAMPLE`` training rows, nets for a few epochs; time is taken to
    grow with rows, epochs, sets of options, folds and tasks.

    :param train, valid: the rows it would be fitted on; no answer is kept.
    :param plans: by name.
    """
    few = train.take(np.linspace(0, len(train) - 1, min(SAMPLE, len(train))).astype(int))
    check = valid.take(np.arange(min(SAMPLE // 4, len(valid))))
    seconds: dict[str, float] = {}
    parameters = 0
    for name, plan in plans.items():
        learner, options, times = plan.learner, dict(plan.space[0]), len(plan.space)
        part, held = few, check
        if learner == "independent":  # one of the tasks, times their number
            times *= len(train.tasks) * len(options["space"])
            learner, options = options["learner"], dict(options["space"][0])
            first = train.tasks.targets[0].name
            part, held = few.only(first), check.only(first)
        one, fitted = _time(learner, options, part, held)
        rows = len(train) / max(len(few), 1)
        seconds[name] = one * rows * times * max(plan.folds, 1)
        parameters = max(parameters, fitted.parameters)
    cells = len(train.source) * max(len(train.schema.columns), 1)
    memory = int(train.source.memory_usage(index=True).sum()) + 8 * cells + 16 * parameters
    return Estimate(seconds, memory)


def _time(learner: str, options: dict[str, Any], part: Dataset, held: Dataset) -> tuple[float, Learner]:
    """CPU-seconds of one fit of these rows with all its epochs."""
    known = inspect.signature(LEARNERS.get(learner)).parameters
    if "epochs" not in known:
        begin = time.process_time()
        fitted = make(learner, options).fit(part, held)
        return time.process_time() - begin, fitted
    epochs = int(options.get("epochs", known["epochs"].default))
    short = {**options, "checkpoint": None, "diagnose": False} if "checkpoint" in known else dict(options)
    spent = []
    for count in (1, 1, 5):  # the first fit also encodes and imports, the second tells what is not epochs
        begin = time.process_time()
        fitted = make(learner, {**short, "epochs": count}).fit(part, held)
        spent.append(time.process_time() - begin)
    return max(spent[2] - spent[1], 0.1 * spent[2]) / 4 * epochs, fitted
