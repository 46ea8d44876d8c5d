"""Metrics of numbers: how far, how much explained, in what order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from umbel.judging.metrics.metric import Answers, Counted, Floats, Undefined, metric, ratio, sums

__all__ = ["mae", "r2", "rmse", "spearman"]


@metric("r2", +1, source="explained variance, 1 - SSE/SST", title="R2")
def r2(answers: Answers) -> Counted:
    """Share of the variance that is explained: 1 - SSE/SST about the mean of the known rows."""
    y, w = answers.values.astype(float), answers.weights
    if y.min() == y.max():
        raise Undefined("all known answers are equal" if len(y) > 1 else "one known row only")
    error = y - answers.prediction.value
    y = y - np.average(y, weights=w)  # sums of squares of centred numbers lose no digits
    columns = [w, w * y, w * y**2, w * error**2]

    def of(counts: Floats) -> Floats:
        n, total, squares, lost = sums(columns, counts)
        about = squares - ratio(total**2, n)
        return 1 - ratio(lost, np.where(about > 1e-12 * squares, about, 0.0))

    return of


@metric("rmse", -1, source="root of the mean squared error", title="RMSE")
def rmse(answers: Answers) -> Counted:
    """Root of the mean squared error, in the task's encoded unit."""
    lost = answers.weights * (answers.values - answers.prediction.value) ** 2

    def of(counts: Floats) -> Floats:
        return np.sqrt(ratio(lost @ counts, answers.weights @ counts))

    return of


@metric("mae", -1, source="mean absolute error", title="MAE")
def mae(answers: Answers) -> Counted:
    """Mean absolute error, in the task's encoded unit."""
    lost = answers.weights * np.abs(answers.values - answers.prediction.value)

    def of(counts: Floats) -> Floats:
        return ratio(lost @ counts, answers.weights @ counts)

    return of


class _Ranks:
    """Middle ranks of numbers [B] within each resample, equal numbers sharing theirs."""

    def __init__(self, numbers: NDArray[np.float64]) -> None:
        self.order = np.argsort(numbers, kind="stable")
        ordered = numbers[self.order]
        starts = np.concatenate([[True], ordered[1:] != ordered[:-1]])
        self.starts = np.flatnonzero(starts)
        self.group = np.empty(len(numbers), dtype=np.int64)
        self.group[self.order] = np.cumsum(starts) - 1

    def __call__(self, counts: Floats) -> Floats:
        """:param counts: weighted, [B, R]. :returns: [B, R], centred at 0."""
        by_group = np.add.reduceat(counts[self.order], self.starts, axis=0)
        ends = np.cumsum(by_group, axis=0)
        middle: Floats = ends - 0.5 * by_group - 0.5 * ends[-1]
        return middle[self.group]


@metric("spearman", +1, source="Spearman 1904", title="Spearman")
def spearman(answers: Answers) -> Counted:
    """Correlation of ranks."""
    y, p = answers.values.astype(float), answers.prediction.value
    if y.min() == y.max():
        raise Undefined("all known answers are equal" if len(y) > 1 else "one known row only")
    if p.min() == p.max():
        raise Undefined("the model predicts one number for all rows")
    truth, said = _Ranks(y), _Ranks(p)

    def of(counts: Floats) -> Floats:
        weighted = counts * answers.weights[:, None]
        one, other = truth(weighted), said(weighted)  # the weighted mean of middle ranks is 0
        cross = np.einsum("br,br,br->r", weighted, one, other)
        spread = np.einsum("br,br,br->r", weighted, one, one) * np.einsum(
            "br,br,br->r", weighted, other, other
        )
        return ratio(cross, np.sqrt(spread))

    return of
