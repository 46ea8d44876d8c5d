"""Forecasts held against each other: explained variance and accuracy, a paired bootstrap by target day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from over_seeds import over_seeds

from umbel.judging.bootstrap import Resamples
from umbel.judging.verdict import verdict

__all__ = ["COVERS", "Judged", "correlation", "judge_days"]

COVERS = (
    "The intervals (95 %) cover the test days, by a paired bootstrap of whole days (all tickers of a day "
    "move together), the same for all models and seeds, and the chance of parameters and batches, by the "
    "spread over the seeds (degrees of freedom after Welch and Satterthwaite). They do not cover other "
    "quarters than the one tested, and are not corrected for how many differences are looked at."
)
RESAMPLES = 2000

Array = NDArray[np.float64]
Told = tuple[float, float, float]


@dataclass(frozen=True)
class Judged:
    """A figure of one task, of every model and seed.

    :param values: by model, on the test rows (column 0) and every resample of its days, [S, 1 + R].
    """

    values: Mapping[str, Array]

    def of(self, model: str) -> Told:
        """Mean over seeds, and its interval."""
        return self._told(self.values[model])

    def each(self, model: str) -> list[float]:
        """The figure of each seed."""
        return [float(v) for v in self.values[model][:, 0]]

    def difference(self, model: str, other: str) -> tuple[float, float, float, str]:
        """One model less another: mean over seeds, interval, verdict."""
        mean, low, high = self._told(self.values[model] - self.values[other])
        return mean, low, high, verdict(low, high)

    def _told(self, values: Array) -> Told:
        return over_seeds(values[:, 0], values[:, 1:].mean(axis=0))


def judge_days(
    truth: Array, forecasts: Mapping[str, Array], days: NDArray[Any], *, binary: bool, seed: int = 0
) -> Judged:
    """Accuracy (at probability 1/2) or R2 of every model.

    :param truth: [N].
    :param forecasts: by model, of each seed, [S, N].
    :param days: the target day of each row, [N].
    """
    codes = np.unique(days, return_inverse=True)[1].astype(np.int64)
    drawn, rows = Resamples(codes, RESAMPLES, seed), np.arange(len(truth))
    found = {name: np.empty((len(one), RESAMPLES + 1)) for name, one in forecasts.items()}
    for span, counts in drawn.blocks(rows):
        total = counts.sum(axis=0)
        # the variance of the answers among the rows drawn
        centre = truth @ counts / total
        spread = np.square(truth) @ counts - total * np.square(centre)
        for name, said in forecasts.items():
            if binary:
                found[name][:, span] = ((said > 0.5) == (truth > 0.5)).astype(float) @ counts / total
            else:
                found[name][:, span] = 1 - np.square(truth - said) @ counts / spread
    return Judged(found)


def correlation(truth: Array, said: Array) -> float:
    """Matthews' correlation of up and down, 0 where only one of them is said.

    >>> correlation(np.array([0.0, 1.0, 1.0]), np.array([0.1, 0.9, 0.8]))
    1.0
    """
    y, f = truth > 0.5, said > 0.5
    if y.all() or f.all() or not y.any() or not f.any():
        return 0.0
    return float(np.corrcoef(y, f)[0, 1])
