"""A linear correction of scores that are good already, its strength chosen by leave-one-out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from umbel.tasks.kind import Response
from umbel.training.solvers.ridge import ridge_leave_one_out

__all__ = ["fit_correction", "working_residuals"]

Array = NDArray[np.float64]

_STRENGTHS = np.geomspace(1.0, 1e6, 13)
_WORTH = 0.999
"""A correction is kept when it lowers the leave-one-out error below this share of that without it."""


def working_residuals(
    response: Response, scores: Array, target: NDArray[np.float64], weights: Array
) -> tuple[Array, Array]:
    """Residuals and weights of one step of iteratively reweighted least squares from given scores.

    :param scores: [B, K], as ``kind.link`` gives them.
    :param target: encoded answers, [B], [B, L] or [B, C].
    :param weights: label weights, [B] or [B, L]; 0 is unknown.
    :returns: residuals in score units and their weights, [B, K] each; of grades [B, 1], since all
        cumulative scores of a row are shifted alike.

    Source: McCullagh & Nelder 1989, section 2.5.
    """
    rows = np.asarray(weights, dtype=float)
    rows = rows if rows.ndim == 2 else rows[:, None]
    wide = target if target.ndim == 2 else target[:, None]
    if response == "gaussian":
        return wide - scores, np.broadcast_to(rows, scores.shape)
    if response == "poisson":
        mean = np.exp(scores)
        return (wide - mean) / np.maximum(mean, 1e-6), rows * mean
    if response == "bernoulli":
        mean, answer = expit(scores), wide
    elif response == "ordered":
        mean = expit(scores)
        answer = (wide > np.arange(scores.shape[1])).astype(float)
        curve = (mean * (1 - mean)).sum(axis=1, keepdims=True)
        return (answer - mean).sum(axis=1, keepdims=True) / np.maximum(curve, 1e-6), rows * curve
    else:
        mean = softmax(scores, axis=1)
        answer = target if target.ndim == 2 else np.eye(scores.shape[1])[target.astype(int)]
    curve = np.maximum(mean * (1 - mean), 1e-6)
    return (answer - mean) / curve, rows * curve


def fit_correction(Z: Array, residual: Array, weights: Array) -> tuple[Array, float] | None:
    """Coefficients and intercept of what to add to a score; None where nothing is worth adding.

    :param Z: inputs [N, F], standardised.
    :param residual: [N] working residuals.
    :param weights: [N] positive.
    """
    if len(Z) < 20:
        return None
    path, errors = ridge_leave_one_out(Z, residual, _STRENGTHS, weights)
    sums = weights @ np.square(errors)
    best = int(np.argmin(sums))
    if sums[best] > _WORTH * float(weights @ np.square(residual)):
        return None
    return path.coefficients[:, best], float(path.intercepts[best])
