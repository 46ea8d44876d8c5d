"""Cut points on a score that decide grades, and whether choosing them pays. Pure numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.seeding import numpy_generator

__all__ = ["CUT_METRICS", "choose_cuts", "cut_score", "decide_by_cuts", "matched_cuts", "tuned_cuts"]

Array = NDArray[np.float64]

CUT_METRICS = ("quadratic_kappa", "accuracy", "grade_mae")
"""What cut points may be chosen for."""


def decide_by_cuts(score: NDArray[Any], cuts: NDArray[Any]) -> NDArray[np.int64]:
    """Grades 0..C-1, [B]: how many of the cuts [C - 1] are at or below the score.

    >>> decide_by_cuts(np.array([0.2, 0.5, 1.7]), np.array([0.5, 1.5]))
    array([0, 1, 2])
    """
    grades: NDArray[np.int64] = np.searchsorted(np.asarray(cuts), score, side="right").astype(np.int64)
    return grades


def cut_score(truth: NDArray[Any], decision: NDArray[Any], weights: NDArray[Any], metric: str) -> float:
    """How good decisions are: higher is better.

    Quadratic kappa is 1 - E[(y - d)^2] / (var y + var d + (mean y - mean d)^2) (Cohen 1968); where both
    are constant and equal it is taken to be 0.
    """
    w = np.asarray(weights, dtype=np.float64)
    w = w / w.sum()
    if metric == "accuracy":
        return float(w @ (truth == decision))
    if metric == "grade_mae":
        return -float(w @ np.abs(truth - decision))
    means = w @ truth, w @ decision
    chance = w @ (truth - means[0]) ** 2 + w @ (decision - means[1]) ** 2 + (means[0] - means[1]) ** 2
    return float(1 - (w @ (truth - decision) ** 2) / chance) if chance > 0 else 0.0


def matched_cuts(score: NDArray[Any], weights: NDArray[Any], mean: float, sd: float, size: int) -> Array:
    """Rounding after the score was given the mean and standard deviation of the training grades.

    Expected grades are drawn towards their mean, so that plain rounding hardly ever says the outer ones;
    two moments undo that.

    :param mean, sd: of the training grades.
    :param size: C.
    """
    w = np.asarray(weights, dtype=np.float64)
    centre = float(w @ score / w.sum())
    spread = float(np.sqrt(w @ (score - centre) ** 2 / w.sum()))
    cuts: Array = centre + (np.arange(size - 1, dtype=np.float64) + 0.5 - mean) * (spread / sd)
    return cuts


def tuned_cuts(
    score: NDArray[Any],
    truth: NDArray[Any],
    weights: NDArray[Any],
    start: NDArray[Any],
    *,
    metric: str,
    rounds: int = 20,
) -> Array:
    """Increasing cut points by coordinate ascent: each in turn moves to its best place, until none moves.

    All places of one cut are tried at once. A decision is a sum of steps, d = sum_j [score >= cut_j], so
    its moments are sums of one term for each cut, read off cumulative sums over the sorted scores.

    :param score: [B] expected grades.
    :param truth: [B] grades 0..C-1.
    :param start: [C - 1] where the cuts begin.
    """
    order = np.argsort(score, kind="stable")
    s, y, w = score[order], truth[order].astype(np.float64), np.asarray(weights, dtype=np.float64)[order]
    w = w / w.sum()
    places = np.concatenate([[0], np.flatnonzero(s[1:] > s[:-1]) + 1, [len(s)]])  # rows below the cut
    edges = np.concatenate([[s[0] - 1], s, [s[-1] + 1]])
    middle = 0.5 * (edges[places] + edges[places + 1])  # the cut that leaves so many rows below

    def above(x: Array) -> Array:
        sums = np.concatenate([[0.0], np.cumsum(x)])
        steps_taken: Array = (sums[-1] - sums)[places]
        return steps_taken

    steps = len(start)
    mass, with_truth = above(w), above(w * y)
    if metric == "quadratic_kappa":
        terms = [np.stack([mass, (2 * j + 1) * mass, with_truth]) for j in range(steps)]
    elif metric == "accuracy":
        terms = [(above(w * (y == j + 1)) - above(w * (y == j)))[None] for j in range(steps)]
    else:  # |y - d| is the number of steps taken wrongly
        terms = [(2 * above(w * (y > j)) - mass)[None] for j in range(steps)]
    m1, m2 = float(w @ y), float(w @ y**2)

    def value(total: Array) -> Array:
        if metric != "quadratic_kappa":
            alone: Array = total[0]
            return alone
        d1, d2, yd = total
        chance = (m2 - m1**2) + (d2 - d1**2) + (m1 - d1) ** 2
        kappa: Array = 1 - (m2 - 2 * yd + d2) / np.maximum(chance, 1e-12)
        return kappa

    at = np.searchsorted(places, np.searchsorted(s, np.sort(start)))
    cuts = np.sort(np.asarray(start, dtype=np.float64)).copy()
    for _ in range(rounds):
        moved = False
        for j in range(steps):
            low = at[j - 1] if j else 0
            high = at[j + 1] if j + 1 < steps else len(places) - 1
            rest = sum((terms[i][:, at[i]] for i in range(steps) if i != j), np.zeros(len(terms[0])))
            tried = value(rest[:, None] + terms[j][:, low : high + 1])
            best = tried >= tried.max() - 1e-12
            now = at[j] - low
            if not best[now]:
                at[j] = low + np.flatnonzero(best)[np.argmin(np.abs(np.flatnonzero(best) - now))]
                cuts[j], moved = middle[at[j]], True
        if not moved:
            break
    # a start between the same two scores as a chosen place may stand a hair out of order
    return np.maximum.accumulate(cuts)


def _folds(truth: NDArray[Any], count: int, turn: int) -> NDArray[np.int64]:
    """Fold of each row, spread evenly over the grades; another deal at each turn."""
    deal = numpy_generator(0, "cuts", turn).permutation(len(truth))
    order = deal[np.argsort(truth[deal], kind="stable")]
    fold = np.empty(len(truth), dtype=np.int64)
    fold[order] = np.arange(len(truth)) % count
    return fold


def choose_cuts(
    score: NDArray[Any],
    truth: NDArray[Any],
    weights: NDArray[Any],
    *,
    mean: float,
    sd: float,
    size: int,
    metric: str = "quadratic_kappa",
    folds: int = 5,
    turns: int = 4,
) -> tuple[Array, str, dict[str, float]]:
    """Plain rounding, matched or tuned cut points: what decides best on rows it was not chosen on.

    Each way is fitted on all folds but one and decides that one; the pooled decisions are scored, and
    the mean over several deals compared. With few labels tuned cuts lose this comparison, and the
    simpler way stands; it also stands when it is equally good. The winner is fitted on all rows.

    :param score: [B] expected grades.
    :param truth: [B] grades 0..C-1, all known.
    :param mean, sd: of the training grades.
    :returns: cuts [C - 1], the way's name, and each way's cross-fitted score.
    """

    def fit(way: str, rows: NDArray[Any]) -> Array:
        plain: Array = np.arange(size - 1, dtype=np.float64) + 0.5
        if way == "rounding":
            return plain
        matched = matched_cuts(score[rows], weights[rows], mean, sd, size)
        if way == "matched":
            return matched
        tuned = [
            tuned_cuts(score[rows], truth[rows], weights[rows], start, metric=metric)
            for start in (matched, plain)
        ]
        scores = [
            cut_score(truth[rows], decide_by_cuts(score[rows], cuts), weights[rows], metric) for cuts in tuned
        ]
        return tuned[int(np.argmax(scores))]

    everything = np.ones(len(truth), dtype=np.bool_)
    if len(truth) < 4 * folds or len(np.unique(truth)) < 2 or np.ptp(score) == 0:
        return fit("rounding", everything), "rounding", {}
    ways = ["rounding", "matched", "tuned"]
    found = dict.fromkeys(ways, 0.0)
    for turn in range(turns):
        fold = _folds(truth, folds, turn)
        for way in ways:
            decision = np.zeros(len(truth), dtype=np.int64)
            for k in range(folds):
                decision[fold == k] = decide_by_cuts(score[fold == k], fit(way, fold != k))
            found[way] += cut_score(truth, decision, weights, metric) / turns
    chosen = "rounding"
    for way in ways[1:]:
        if found[way] > found[chosen] + 1e-9:
            chosen = way
    return fit(chosen, everything), chosen, found
