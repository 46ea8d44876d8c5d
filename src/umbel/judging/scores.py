"""Scores of all models on all tasks, with intervals, gains and verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from umbel.errors import ConfigError, near
from umbel.judging.bootstrap import IntervalRule
from umbel.judging.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "DELTA_M", "MeanGain", "Score", "Scorecard"]

COLUMNS = [
    "task",
    "metric",
    "model",
    "value",
    "low",
    "high",
    "gain",
    "gain_low",
    "gain_high",
    "verdict",
]
"""Columns of ``scores.csv``, in order."""

DELTA_M = (
    "Mean over tasks of the relative gain in the primary metric over the {reference} model: "
    "100 % * sign * (value - reference) / |reference|, sign being -1 where smaller is better "
    "(Maninis et al. 2019, eq. 4). Tasks whose reference is undefined or not told apart from 0 are "
    "left out and counted."
)


@dataclass(frozen=True)
class Score:
    """One metric of one model on one task. None is a number that is undefined; ``note`` says why.

    :param low, high: 95 % interval of the value.
    :param gain: difference to the reference on the same rows, positive is better; None for itself.
    :param verdict: ``gains``, ``no evidence``, ``loses``; empty for the reference; ``undefined: why``.
    :param note: what was left out or could not be said.
    """

    task: str
    metric: str
    model: str
    value: float | None
    low: float | None = None
    high: float | None = None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    verdict: str = ""
    note: str = ""


@dataclass(frozen=True)
class MeanGain:
    """Mean relative gain over the reference (delta m), in percent.

    :param percent: None where no task has a relative gain.
    :param low, high: its 95 % interval.
    :param used: the tasks in the mean.
    :param left_out: the other tasks, each with the reason.
    :param definition: in words, with the source.
    """

    percent: float | None
    low: float | None
    high: float | None
    used: tuple[str, ...]
    left_out: Mapping[str, str]
    definition: str


@dataclass(frozen=True)
class Scorecard:
    """All scores of one comparison.

    :param scores: in the order task, metric, model.
    :param reference: the model that gains are measured against.
    :param primary: by task, its primary metric.
    :param pooled: the lines that pool all groups of a target (rows layout), each with the tasks it pools.
    :param replicates: (task, metric, model) -> [R] values of the bootstrap resamples, or of the splits.
    :param units: by task, how many entities stand behind its scores.
    :param rule: how replicates become an interval.
    :param rows: by task, how many rows are known.
    """

    scores: tuple[Score, ...]
    reference: str
    primary: Mapping[str, str]
    pooled: Mapping[str, tuple[str, ...]]
    units: Mapping[str, int]
    rows: Mapping[str, int]
    rule: IntervalRule
    replicates: Mapping[tuple[str, str, str], NDArray[np.float64]] = field(repr=False, default_factory=dict)

    @property
    def tasks(self) -> list[str]:
        """The tasks, without the rows that pool them."""
        return [task for task in self.primary if task not in self.pooled]

    @property
    def models(self) -> list[str]:
        """The models, in the order they were given."""
        return list(dict.fromkeys(score.model for score in self.scores))

    def frame(self) -> pd.DataFrame:
        """One row per task, metric and model, columns :data:`COLUMNS`; an undefined number is empty."""
        import pandas as pd

        rows = [[getattr(score, column) for column in COLUMNS] for score in self.scores]
        frame = pd.DataFrame(rows, columns=COLUMNS)
        numbers = COLUMNS[3:-1]
        return frame.astype(dict.fromkeys(numbers, float))

    def score(self, task: str, model: str, metric: str | None = None) -> Score:
        """One score.

        :param metric: the task's primary metric where None.
        :raises ConfigError: there is no such score; near names are given.
        """
        if task not in self.primary:
            raise ConfigError("a score is of a task", found=f"'{task}'", remedy=near(task, self.primary))
        metric = metric or self.primary[task]
        for score in self.scores:
            if (score.task, score.metric, score.model) == (task, metric, model):
                return score
        there = [f"{s.metric} of {s.model}" for s in self.scores if s.task == task]
        wanted = f"{metric} of {model}"
        raise ConfigError(
            f"task '{task}' must have the score asked for", found=f"'{wanted}'", remedy=near(wanted, there)
        )

    def value(self, task: str, model: str, metric: str | None = None) -> float | None:
        """The value of one score; None where it is undefined."""
        return self.score(task, model, metric).value

    def of(self, model: str) -> list[Score]:
        """Scores of one model in each task's primary metric, tasks in order, pooled ones at the end."""
        mine = [s for s in self.scores if s.model == model and s.metric == self.primary[s.task]]
        return sorted(mine, key=lambda score: score.task in self.pooled)

    def verdicts(self, model: str) -> dict[str, str]:
        """By task (and pooled task), the verdict on a model in the primary metric."""
        return {score.task: score.verdict for score in self.of(model)}

    def notes(self) -> list[str]:
        """What was left out or is undefined, one line each."""
        return list(
            dict.fromkeys(f"{s.task}, {s.metric} of {s.model}: {s.note}" for s in self.scores if s.note)
        )

    def mean_gain(self, model: str) -> MeanGain:
        """Mean relative gain of a model over the reference (delta m), in percent, with its interval.

        In the rows layout each target counts once, by its pooled score: a single group's few rows make
        no trustworthy denominator.

        Source: Maninis et al. 2019, "Attentive single-tasking of multiple tasks", eq. 4.
        """
        used, left_out, shares, points = [], {}, [], []
        for task in list(self.pooled) or self.tasks:
            metric = METRICS.get(self.primary[task])
            reason, relative, point = self._relative(task, metric.name, metric.sign, model)
            if reason:
                left_out[task] = reason
            else:
                used.append(task)
                shares.append(relative)
                points.append(point)
        definition = DELTA_M.format(reference=self.reference)
        if not used:
            return MeanGain(None, None, None, (), left_out, definition)
        replicates = 100 * np.mean(shares, axis=0)
        percent = self.rule.point(100 * float(np.mean(points)), replicates)
        low, high = self.rule(replicates, min(self.units[task] for task in used)) or (None, None)
        return MeanGain(percent, low, high, tuple(used), left_out, definition)

    def _relative(
        self, task: str, metric: str, sign: int, model: str
    ) -> tuple[str, NDArray[np.float64], float]:
        """Why there is no relative gain (or empty), its replicates and its point value, as shares."""
        none = np.zeros(0)
        found = {s.model: s for s in self.scores if s.task == task and s.metric == metric}
        mine, theirs = found.get(model), found.get(self.reference)
        if mine is None or theirs is None:
            return "not answered by both models", none, 0.0
        if mine.value is None or theirs.value is None:
            return f"undefined for {model if mine.value is None else self.reference}", none, 0.0
        near_zero = theirs.low is not None and theirs.high is not None and theirs.low <= 0 <= theirs.high
        if near_zero or abs(theirs.value) < 1e-12:
            return f"the {self.reference} model's value is not told apart from 0", none, 0.0
        value = self.replicates.get((task, metric, model), none)
        base = self.replicates.get((task, metric, self.reference), none)
        relative = np.divide(
            sign * (value - base), np.abs(base), out=np.full_like(base, np.nan), where=base != 0
        )
        return "", relative, sign * (mine.value - theirs.value) / abs(theirs.value)
