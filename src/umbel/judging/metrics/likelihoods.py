"""Metrics of probabilities: proper scores and calibration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from umbel.judging.metrics.metric import Answers, Counted, Floats, Undefined, metric, ratio, sums

__all__ = [
    "BINS",
    "calibration_error",
    "confidence",
    "deviance_explained",
    "gaussian_nll",
    "kl_divergence",
    "log_loss",
]

BINS = 10
"""Bins of equal width on [0, 1] in which calibration is read."""

_TINY = float(np.finfo(np.float64).eps)


def _mean(above: Floats, below: Floats) -> Counted:
    def of(counts: Floats) -> Floats:
        return ratio(above @ counts, below @ counts)

    return of


def _surprise(answers: Answers) -> Floats:
    """-log probability of the truth: [B], or [B, L] for labels."""
    p = np.clip(answers.prediction.value, _TINY, 1 - _TINY)
    y = answers.values
    if answers.by_label or p.ndim == 1:
        return np.where(y > 0.5, -np.log(p), -np.log1p(-p))
    shares = p / p.sum(axis=1, keepdims=True)
    if y.ndim == 1:
        found: Floats = -np.log(shares[np.arange(len(y)), y.astype(int)])
    else:
        found = -(y * np.log(shares)).sum(axis=1)
    return found


@metric("log_loss", -1, source="Good 1952", title="log loss")
def log_loss(answers: Answers) -> Counted:
    """Mean of -log probability of the truth (of known labels; of shares: the cross-entropy)."""
    lost = _surprise(answers) * answers.weights
    return _mean(lost.sum(axis=1) if answers.by_label else lost, answers.row_weights)


@metric("kl_divergence", -1, source="Kullback & Leibler 1951", title="KL divergence")
def kl_divergence(answers: Answers) -> Counted:
    """Mean divergence of the predicted shares from the true ones, in nats."""
    y = answers.values
    if y.ndim != 2:
        raise Undefined("the answers are not shares")
    entropy = -(y * np.log(np.where(y > 0, y, 1.0))).sum(axis=1)
    return _mean((_surprise(answers) - entropy) * answers.weights, answers.weights)


@metric("gaussian_nll", -1, source="Nix & Weigend 1994", title="Gaussian NLL")
def gaussian_nll(answers: Answers) -> Counted:
    """Mean of -log density of the truth under the predicted mean and spread."""
    spread = answers.prediction.spread
    if spread is None:
        raise Undefined("the model predicts no spread")
    if not (np.isfinite(spread).all() and (spread > 0).all()):
        raise Undefined("the model predicted a spread that is not positive")
    z = (answers.values - answers.prediction.value) / spread
    return _mean((0.5 * z**2 + np.log(spread) + 0.5 * np.log(2 * np.pi)) * answers.weights, answers.weights)


@metric("deviance_explained", +1, source="McCullagh & Nelder 1989; scikit-learn d2_tweedie_score", title="D2")
def deviance_explained(answers: Answers) -> Counted:
    """Share of the Poisson deviance that is explained, the mean of the known rows being 0."""
    y, w = answers.values.astype(float), answers.weights
    if not y.any():
        raise Undefined("all known answers are 0")
    if y.min() == y.max():
        raise Undefined("all known answers are equal")
    mu = np.maximum(answers.prediction.value, _TINY)
    entropy = y * np.log(np.where(y > 0, y, 1.0))  # y log y
    columns = [w, w * y, w * entropy, w * (entropy - y * np.log(mu) - y + mu)]

    def of(counts: Floats) -> Floats:
        n, total, logs, lost = sums(columns, counts)
        mean = ratio(total, n)
        null = logs - total * np.log(np.where(mean > 0, mean, 1.0))
        return 1 - ratio(lost, np.where(null > 1e-12 * (1 + np.abs(logs)), null, 0.0))

    return of


def confidence(answers: Answers) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    """Probabilities that were stated and whether what they spoke of came true.

    Binary: of the positive class. Classes and grades: of the likeliest class. Labels: of each known
    label.

    :returns: probability, outcome (0 or 1), weight and row, each [N].
    :raises Undefined: the answers are shares, or the predictions are no probabilities.
    """
    p, y = answers.prediction.value, answers.values
    if p.size and (p.min() < -1e-9 or p.max() > 1 + 1e-9):
        raise Undefined("the predictions are no probabilities")
    p = np.clip(p, 0.0, 1.0)
    if answers.by_label:
        row, label = np.nonzero(answers.weights > 0)
        return p[row, label], (y[row, label] > 0.5).astype(float), answers.weights[row, label], row
    row = np.arange(len(y))
    if p.ndim == 1:
        return p, (y > 0.5).astype(float), answers.weights, row
    if y.ndim == 2:
        raise Undefined("shares have no calibration")
    top = p.argmax(axis=1)
    return p[row, top], (top == y).astype(float), answers.weights, row


@metric("calibration_error", -1, source="Naeini et al. 2015; Guo et al. 2017", title="calibration error")
def calibration_error(answers: Answers) -> Counted:
    """Mean distance between stated probability and observed share, over 10 bins of equal width."""
    p, outcome, weight, row = confidence(answers)
    within = np.minimum((p * BINS).astype(int), BINS - 1)
    gap = np.zeros((BINS, len(answers)))
    np.add.at(gap, (within, row), weight * (outcome - p))
    below = np.bincount(row, weights=weight, minlength=len(answers))

    def of(counts: Floats) -> Floats:
        return ratio(np.abs(gap @ counts).sum(axis=0), below @ counts)

    return of
