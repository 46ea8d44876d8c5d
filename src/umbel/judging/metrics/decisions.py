"""Metrics of decisions: which class, which labels, which grade."""

from __future__ import annotations

import numpy as np

from umbel.judging.metrics.metric import Answers, Counted, Floats, Statistic, Undefined, metric, ratio, sums

__all__ = [
    "accuracy",
    "balanced_accuracy",
    "f1",
    "grade_mae",
    "hamming_loss",
    "macro_f1",
    "micro_f1",
    "quadratic_kappa",
]


def _share(answers: Answers, what: Floats) -> Counted:
    """Weighted mean of a number per row, or per known label [B, L]."""
    weighted = what * answers.weights
    above = weighted.sum(axis=1) if answers.by_label else weighted
    below = answers.row_weights

    def of(counts: Floats) -> Floats:
        return ratio(above @ counts, below @ counts)

    return of


def _classes(answers: Answers) -> int:
    """How many classes there are: as predicted, or as seen."""
    value = answers.prediction.value
    seen = int(max(answers.values.max(), answers.decision.max())) + 1
    return max(seen, value.shape[1] if value.ndim == 2 else 2)


def _table(answers: Answers) -> tuple[Floats, Floats, Floats]:
    """By class or label k and row: truth is k and decided, decided, truth is k; each [B, K], weighted."""
    if answers.by_label:
        truth, decided, weights = answers.values > 0.5, answers.decision > 0.5, answers.weights
    else:
        classes = np.arange(_classes(answers))
        truth, decided = answers.values[:, None] == classes, answers.decision[:, None] == classes
        weights = answers.weights[:, None]
    return (truth & decided) * weights, decided * weights, truth * weights


@metric("accuracy", +1, source="share of right decisions")
def accuracy(answers: Answers) -> Counted:
    """Share of rows (for labels: of known labels) that are decided rightly."""
    return _share(answers, (answers.decision == answers.values).astype(float))


@metric("hamming_loss", -1, source="Schapire & Singer 1999", title="Hamming loss")
def hamming_loss(answers: Answers) -> Counted:
    """Share of known labels that are decided wrongly."""
    return _share(answers, (answers.decision != answers.values).astype(float))


@metric("balanced_accuracy", +1, source="Brodersen et al. 2010", title="balanced accuracy")
def balanced_accuracy(answers: Answers) -> Statistic:
    """Mean over the classes that occur of the share of their rows that is found."""
    hit, _, truth = _table(answers)
    present = truth.any(axis=0)
    hit, truth = hit[:, present].T, truth[:, present].T

    def of(counts: Floats) -> Floats:
        below = truth @ counts
        recall = np.divide(hit @ counts, below, out=np.zeros_like(below), where=below > 0)
        return ratio(recall.sum(axis=0), (below > 0).sum(axis=0).astype(float))

    absent = int((~present).sum())
    return Statistic(of, note=f"{absent} of {present.size} classes do not occur" if absent else "")


@metric("f1", +1, source="van Rijsbergen 1979", title="F1")
def f1(answers: Answers) -> Counted:
    """Harmonic mean of precision and recall of the positive class."""
    truth, decided = answers.values > 0.5, answers.decision > 0.5
    hits, spread = (truth & decided) * answers.weights, (0.0 + truth + decided) * answers.weights
    if answers.by_label:
        hits, spread = hits.sum(axis=1), spread.sum(axis=1)
    if not spread.any():
        raise Undefined("no positive row, and none decided")

    def of(counts: Floats) -> Floats:
        return ratio(2 * (hits @ counts), spread @ counts)

    return of


@metric("macro_f1", +1, source="Lewis 1991; Opitz & Burst 2019", title="macro F1")
def macro_f1(answers: Answers) -> Statistic:
    """Mean over classes or labels of F1; those that neither occur nor are decided are left out."""
    hit, decided, truth = _table(answers)
    there = (decided + truth).any(axis=0)
    if not there.any():
        raise Undefined("no label occurs, and none is decided")
    hits, spread = 2 * hit[:, there].T, (decided + truth)[:, there].T

    def of(counts: Floats) -> Floats:
        below = spread @ counts
        each = np.divide(hits @ counts, below, out=np.zeros_like(below), where=below > 0)
        return ratio(each.sum(axis=0), (below > 0).sum(axis=0).astype(float))

    absent = int((~there).sum())
    note = f"{absent} of {there.size} classes left out: they neither occur nor are decided"
    return Statistic(of, note=note if absent else "")


@metric("micro_f1", +1, source="Lewis 1991", title="micro F1")
def micro_f1(answers: Answers) -> Counted:
    """F1 of all classes or labels pooled."""
    hit, decided, truth = _table(answers)
    hits, spread = hit.sum(axis=1), (decided + truth).sum(axis=1)
    if not spread.any():
        raise Undefined("no label occurs, and none is decided")

    def of(counts: Floats) -> Floats:
        return ratio(2 * (hits @ counts), spread @ counts)

    return of


@metric("quadratic_kappa", +1, source="Cohen 1968", title="quadratic kappa")
def quadratic_kappa(answers: Answers) -> Counted:
    """Agreement of grades beyond chance, a miss by d grades costing d squared.

    The expected disagreement of independent grades needs only their first two moments, so no table
    of grades is made.
    """
    truth, decided, w = answers.values.astype(float), answers.decision.astype(float), answers.weights
    middle = 0.5 * (truth.max() + truth.min())
    truth, decided = truth - middle, decided - middle
    if not (truth - truth[0]).any() and not (decided - truth[0]).any():
        raise Undefined("one grade only")
    columns = [w, w * truth, w * decided, w * (truth**2 + decided**2), w * truth * decided]

    def of(counts: Floats) -> Floats:
        n, one, other, squares, cross = sums(columns, counts)
        expected = squares - 2 * ratio(one * other, n)
        expected = np.where(expected > 1e-9 * (1 + squares), expected, 0.0)
        return 1 - ratio(squares - 2 * cross, expected)

    return of


@metric("grade_mae", -1, source="mean absolute error of grades", title="MAE of grades")
def grade_mae(answers: Answers) -> Counted:
    """Mean distance between the grade decided and the true one, in grades."""
    return _share(answers, np.abs(answers.decision.astype(float) - answers.values))
