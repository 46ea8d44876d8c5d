"""Decisions from probabilities, chosen on rows that were not trained on. Pure numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "THRESHOLD_METRICS",
    "best_multipliers",
    "best_threshold",
    "confusion",
    "label_thresholds",
    "least_cost",
]

Array = NDArray[np.float64]


def _f1(tp: Array, fp: Array, fn: Array, tn: Array) -> Array:
    return 2 * tp / np.maximum(2 * tp + fp + fn, 1e-300)


def _accuracy(tp: Array, fp: Array, fn: Array, tn: Array) -> Array:
    return (tp + tn) / (tp + fp + fn + tn)


def _balanced(tp: Array, fp: Array, fn: Array, tn: Array) -> Array:
    return 0.5 * (tp / (tp + fn) + tn / (tn + fp))


THRESHOLD_METRICS: dict[str, Callable[[Array, Array, Array, Array], Array]] = {
    "f1": _f1,
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced,
}
"""What a threshold may be chosen for, from counts of true and false positives and negatives."""


def best_threshold(
    p: NDArray[Any],
    y: NDArray[Any],
    weights: NDArray[Any],
    *,
    metric: str = "f1",
    costs: Array | None = None,
) -> float:
    """The threshold that would have decided best: positive where p >= threshold.

    Every cut between two different probabilities is tried, all at once by cumulative sums; the
    threshold stands in the middle of its gap. Among equals, the one nearest to 0.5.

    :param p: [B] probabilities.
    :param y: [B] 0 or 1, both present.
    :param weights: [B], positive.
    :param costs: [2, 2], cost of deciding column j where the truth is row i; replaces ``metric``.

    >>> best_threshold(np.array([0.25, 0.5, 0.75]), np.array([0, 1, 1]), np.ones(3))
    0.375
    """
    order = np.argsort(p, kind="stable")
    p, y, w = p[order], y[order], np.asarray(weights, dtype=np.float64)[order]
    # with the first k rows decided negative, k = 0..B
    fn = np.concatenate([[0.0], np.cumsum(w * y)])
    tn = np.concatenate([[0.0], np.cumsum(w * (1 - y))])
    tp, fp = fn[-1] - fn, tn[-1] - tn
    if costs is None:
        score = THRESHOLD_METRICS[metric](tp, fp, fn, tn)
    else:
        score = -(costs[1, 1] * tp + costs[0, 1] * fp + costs[1, 0] * fn + costs[0, 0] * tn)
    edges = np.concatenate([[0.0], p, [max(1.0, np.nextafter(p[-1], 2.0))]])
    cuts = 0.5 * (edges[:-1] + edges[1:])
    cuts = np.where(cuts > edges[:-1], cuts, edges[1:])  # a middle may round down to a probability itself
    possible = np.concatenate([[True], p[1:] > p[:-1], [True]])
    score = np.where(possible, score, -np.inf)
    top = score.max()
    best = np.flatnonzero(score >= top - 1e-12 * max(1.0, abs(top)))
    return float(cuts[best[np.argmin(np.abs(cuts[best] - 0.5))]])


def label_thresholds(
    p: NDArray[Any],
    y: NDArray[Any],
    weights: NDArray[Any],
    *,
    metric: str = "f1",
    costs: Array | None = None,
    together: bool = False,
    fewest: int = 5,
) -> Array:
    """A threshold for each label [L]; a label with too few known positives or negatives takes the common one.

    :param p, y, weights: [B, L]; weight 0 is unknown.
    :param together: one threshold for all labels (what micro F1 asks for).
    :param fewest: known positives and negatives that a threshold of a label's own needs.
    """
    known = weights != 0
    pooled = y[known]
    common = 0.5
    if 0 < pooled.sum() < len(pooled):
        common = best_threshold(p[known], pooled, weights[known], metric=metric, costs=costs)
    thresholds = np.full(p.shape[1], common)
    for k in range(0 if together else p.shape[1]):
        rows = known[:, k]
        positives = int(y[rows, k].sum())
        if min(positives, int(rows.sum()) - positives) >= fewest:
            thresholds[k] = best_threshold(
                p[rows, k], y[rows, k], weights[rows, k], metric=metric, costs=costs
            )
    return thresholds


def confusion(truth: NDArray[Any], decision: NDArray[Any], weights: NDArray[Any], size: int) -> Array:
    """Weighted counts [C, C]: truth by row, decision by column."""
    cells = truth.astype(np.int64) * size + decision.astype(np.int64)
    counts = np.bincount(cells, weights=weights, minlength=size * size).astype(np.float64)
    return counts.reshape(size, size)


def _class_score(counts: Array, metric: str) -> float:
    right, true, said = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    present = true > 0
    if metric == "accuracy":
        return float(right.sum() / counts.sum())
    if metric == "balanced_accuracy":
        return float((right[present] / true[present]).mean())
    return float((2 * right[present] / (true + said)[present]).mean())  # macro F1


def best_multipliers(
    p: NDArray[Any], y: NDArray[Any], weights: NDArray[Any], *, metric: str, max_classes: int = 30
) -> Array:
    """Factors of the class probabilities [C] whose largest product decides best.

    First all classes together by ``frequency ** -g``, g from 0 to 1.5; then, for up to
    ``max_classes`` classes, each factor in turn over a grid, twice. A change must score better, so
    that with nothing to gain all factors are 1.

    :param p: [B, C] probabilities.
    :param y: [B] class indices.
    :param metric: ``macro_f1``, ``balanced_accuracy`` or ``accuracy``.
    """
    size = p.shape[1]

    def score(factors: Array) -> float:
        return _class_score(confusion(y, (p * factors).argmax(axis=1), weights, size), metric)

    mean = np.maximum(p.mean(axis=0), 1e-9)
    best = np.ones(size)
    top = score(best)
    for power in np.linspace(0.1, 1.5, 15):
        tried = mean**-power
        tried /= tried.max()
        if (now := score(tried)) > top + 1e-9:
            best, top = tried, now
    if size <= max_classes:
        for _ in range(2):
            for c in range(size):
                for factor in 2.0 ** np.linspace(-2, 2, 9):
                    tried = best.copy()
                    tried[c] *= factor
                    if (now := score(tried)) > top + 1e-9:
                        best, top = tried, now
    return best


def least_cost(p: NDArray[Any], costs: NDArray[Any]) -> NDArray[np.int64]:
    """The decision with the least expected cost, [B].

    :param p: [B, C] probabilities.
    :param costs: [C, C], cost of deciding column j where the truth is row i.

    Source: Elkan 2001, The foundations of cost-sensitive learning, eq. 1.

    >>> least_cost(np.array([[0.8, 0.2]]), np.array([[0.0, 1.0], [10.0, 0.0]]))
    array([1])
    """
    choice: NDArray[np.int64] = (p @ costs).argmin(axis=1)
    return choice
