"""Metrics of order: does the model rank positives above negatives?

Sorted once per score column. Between two places where positives and negatives meet only sums are
needed, so a resample costs one sparse product and a short cumulative sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.judging.metrics.metric import Answers, Counted, Floats, Statistic, Undefined, metric, ratio

__all__ = [
    "auc",
    "average_precision",
    "count_auc",
    "count_average_precision",
    "macro_auc",
    "macro_average_precision",
]


def _sparse(segment: NDArray[Any], row: NDArray[Any], weight: Floats, shape: tuple[int, int]) -> Any:
    """Sums of rows by segment as a matrix [K, B]; ``segment`` is sorted."""
    from scipy.sparse import csr_array

    starts = np.searchsorted(segment, np.arange(shape[0] + 1))
    return csr_array((weight, row.astype(np.int32), starts.astype(np.int32)), shape=shape)


def _ties(score: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ascending order of scores [B] and, in that order, the number of the group of equal ones."""
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    return order, np.concatenate([[0], np.cumsum(ordered[1:] != ordered[:-1])])


def count_auc(
    outcome: NDArray[np.bool_], score: Floats, rows: NDArray[np.int64], weights: Floats, total: int
) -> Counted:
    """Area under the ROC curve as a function of row counts; ties count one half, exactly.

    :param outcome, score, weights: [N] of the known rows.
    :param rows: their positions among all ``total`` rows, [N].
    :raises Undefined: there is only one class.

    Source: Mann & Whitney 1947; Hanley & McNeil 1982.
    """
    if outcome.all() or not outcome.any():
        raise Undefined("only one class among the known rows")
    order, group = _ties(score)
    positive = outcome[order]
    has = np.zeros((group[-1] + 1, 2), dtype=bool)
    has[group, positive.astype(int)] = True
    what = has[:, 0] + 2 * has[:, 1]  # 1 only negatives, 2 only positives, 3 a tie of both
    starts = np.concatenate([[True], (what[1:] != what[:-1]) | (what[1:] == 3)])
    segment = (np.cumsum(starts) - 1)[group]
    shape = (int(segment[-1]) + 1, total)
    at, weight = rows[order], weights[order]
    below = _sparse(segment[~positive], at[~positive], weight[~positive], shape)
    above = _sparse(segment[positive], at[positive], weight[positive], shape)

    def of(counts: Floats) -> Floats:
        negatives, positives = below @ counts, above @ counts  # [K, R]
        lower = np.cumsum(negatives, axis=0)
        wins = np.einsum("kr,kr->r", positives, lower - 0.5 * negatives)
        return ratio(wins, positives.sum(axis=0) * lower[-1])

    return of


def count_average_precision(
    outcome: NDArray[np.bool_], score: Floats, rows: NDArray[np.int64], weights: Floats, total: int
) -> Counted:
    """Average precision as a function of row counts: precision at each recall step, equal scores together.

    :param outcome, score, rows, weights, total: as in :func:`count_auc`.
    :raises Undefined: there is no positive row.

    Source: Zhu 2004; the step sum of scikit-learn's ``average_precision_score``, not interpolated.
    """
    if not outcome.any():
        raise Undefined("no positive among the known rows")
    order, group = _ties(-score)
    positive = outcome[order]
    # a segment ends with each group of equal scores that holds a positive; what follows the last is cut
    ends = np.zeros(group[-1] + 1, dtype=np.int64)
    ends[group[positive]] = 1
    segment = (np.cumsum(ends) - ends)[group]
    steps = int(ends.sum())
    keep = segment < steps
    positive, segment, at, weight = positive[keep], segment[keep], rows[order][keep], weights[order][keep]
    hits = _sparse(segment[positive], at[positive], weight[positive], (steps, total))
    misses = _sparse(segment[~positive], at[~positive], weight[~positive], (steps, total))

    def of(counts: Floats) -> Floats:
        gained = hits @ counts
        found = np.cumsum(gained, axis=0)
        taken = found + np.cumsum(misses @ counts, axis=0)
        precision = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
        return ratio(np.einsum("kr,kr->r", gained, precision), found[-1])

    return of


def _macro(answers: Answers, build: Any, what: str) -> Statistic:
    """Mean over labels (or classes) of a metric; those where it is undefined are left out and counted."""
    parts: list[Counted] = []
    columns = answers.scores()
    for outcome, score, rows, weights in columns:
        try:
            if not len(rows):
                raise Undefined("no known row")
            parts.append(build(outcome, score, rows, weights, len(answers)))
        except Undefined:
            continue
    if not parts:
        raise Undefined(f"{what} is undefined for every label")

    def of(counts: Floats) -> Floats:
        total, defined = np.zeros(counts.shape[1]), np.zeros(counts.shape[1])
        for part in parts:
            value = part(counts)
            there = np.isfinite(value)
            total += np.where(there, value, 0.0)
            defined += there
        return ratio(total, defined)

    left = len(columns) - len(parts)
    return Statistic(of, note=f"{left} of {len(columns)} labels left out: one class only" if left else "")


@metric("auc", +1, source="Hanley & McNeil 1982", title="AUC")
def auc(answers: Answers) -> Statistic | Counted:
    """Area under the ROC curve; for several classes the mean of each against the rest."""
    columns = answers.scores()
    if len(columns) == 1:
        return count_auc(*columns[0], len(answers))
    return _macro(answers, count_auc, "AUC")


@metric("average_precision", +1, source="Zhu 2004", title="average precision")
def average_precision(answers: Answers) -> Statistic | Counted:
    """Mean precision over the steps of recall; for several classes the mean of each against the rest."""
    columns = answers.scores()
    if len(columns) == 1:
        return count_average_precision(*columns[0], len(answers))
    return _macro(answers, count_average_precision, "average precision")


@metric("macro_auc", +1, source="Hanley & McNeil 1982; Zhang & Zhou 2014", title="macro AUC")
def macro_auc(answers: Answers) -> Statistic:
    """Mean over labels of the area under the ROC curve."""
    return _macro(answers, count_auc, "AUC")


@metric("macro_average_precision", +1, source="Zhu 2004; Zhang & Zhou 2014", title="macro average precision")
def macro_average_precision(answers: Answers) -> Statistic:
    """Mean over labels of the average precision."""
    return _macro(answers, count_average_precision, "average precision")
