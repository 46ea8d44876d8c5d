"""Kernel ridge regression for several targets, with its leave-one-out predictions in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["KernelFit", "fit_kernel_ridge", "rbf"]

Array = NDArray[np.float64]


class KernelFit:
    """A fitted kernel ridge.

    :param rows: training inputs, [B, D].
    :param dual: dual coefficients, [B, P].
    :param mean: mean of the answers, [P].
    :param gamma: inverse squared length of the kernel.
    :param strength: ridge strength.
    :param held: leave-one-out predictions of the training rows, [B, P].
    """

    def __init__(
        self, rows: Array, dual: Array, mean: Array, gamma: float, strength: float, held: Array
    ) -> None:
        self.rows, self.dual, self.mean = rows, dual, mean
        self.gamma, self.strength, self.held = gamma, strength, held

    def predict(self, X: Array) -> Array:
        """Predictions [B', P] for inputs [B', D]."""
        return np.asarray(self.mean + rbf(X, self.rows, self.gamma) @ self.dual)


def rbf(A: Array, B: Array, gamma: float) -> Array:
    """exp(-gamma |a - b|^2), [rows of A, rows of B]."""
    from scipy.spatial.distance import cdist

    return np.asarray(np.exp(-gamma * cdist(A, B, "sqeuclidean")))


def fit_kernel_ridge(
    X: Array,
    Y: Array,
    *,
    widths: Sequence[float] = (0.25, 0.5, 1.0, 2.0),
    strengths: Sequence[float] = tuple(np.logspace(-2, 1.5, 15)),
) -> KernelFit:
    """Kernel ridge with the width and strength of the least leave-one-out error over all targets.

    One eigendecomposition per width serves all strengths and targets. The prediction of a row by the
    model without it is y - dual / diagonal of the inverse (Rasmussen & Williams 2006, eq. 5.12).

    :param X: standardised inputs, [B, D], B >= 2.
    :param Y: answers, [B, P], on scales that may be added.
    :param widths: gammas to try, times 1 / median squared distance.
    :param strengths: ridge strengths to try.
    """
    from scipy.spatial.distance import pdist

    mean = Y.mean(axis=0)
    # sets of equal rows have a median of 0
    unit = 1 / max(float(np.median(pdist(X, "sqeuclidean"))), 1e-12)
    best: tuple[float, KernelFit] | None = None
    for width in widths:
        values, vectors = np.linalg.eigh(rbf(X, X, width * unit))
        turned = vectors.T @ (Y - mean)
        for strength in strengths:
            inverse = 1 / (np.maximum(values, 0) + strength)
            dual = vectors @ (turned * inverse[:, None])
            held = Y - dual / ((vectors**2) @ inverse)[:, None]
            error = float(((Y - held) ** 2).sum())
            if best is None or error < best[0]:
                best = (error, KernelFit(X, dual, mean, width * unit, float(strength), held))
    assert best is not None, "there is at least one width and one strength"
    return best[1]
