"""Ridge regression for a whole path of strengths at once.

The strength ``s`` is scikit-learn's ``alpha``: minimise sum_i w_i (y_i - x_i w - b)^2 + s |w|^2, the
intercept free. With noise variance v and the prior w ~ N(0, t), the objective of the design page,
mean nll - (1/N) log prior, has the same minimiser for s = v / t; the 1/N cancels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from umbel.shapes import check_shape

__all__ = ["RidgePath", "ridge_leave_one_out", "ridge_path"]

Array = NDArray[np.float64]
Matrix: TypeAlias = Any
"""An array or compressed sparse rows (scipy has no types)."""

_NARROW = 600
"""A sparse matrix with no more columns is solved through its dense Gramian."""


@dataclass(frozen=True)
class RidgePath:
    """Solutions for A strengths.

    :param coefficients: [D, A].
    :param intercepts: [A].
    """

    coefficients: Array
    intercepts: Array

    def predict(self, X: Matrix) -> Array:
        """Predictions [B, A]."""
        return np.asarray(X @ self.coefficients) + self.intercepts


def ridge_path(
    X: Matrix,
    y: Array,
    strengths: Array,
    weights: Array | None = None,
    *,
    tolerance: float = 1e-8,
    iterations: int = 1000,
) -> RidgePath:
    """Ridge solutions for every strength: by one eigendecomposition, or by conjugate gradients when sparse.

    :param X: inputs [B, D], dense or compressed sparse rows.
    :param y: answers [B].
    :param strengths: A positive numbers, scikit-learn's ``alpha``.
    :param weights: [B] positive importances.
    :param tolerance: relative residual at which conjugate gradients stop.
    :param iterations: most steps of conjugate gradients.
    :raises ShapeError: the numbers of rows differ.

    Source: Hoerl & Kennard 1970; Hestenes & Stiefel 1952 with a diagonal preconditioner.

    >>> path = ridge_path(np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0]), np.array([1e-12, 2.0]))
    >>> path.coefficients.round(3)
    array([[1. , 0.5]])
    """
    check_shape("answers", y.shape, (X.shape[0],))
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
    total = w.sum()
    mean = np.asarray(X.T @ w).ravel() / total
    middle = float(w @ y) / total
    strengths = np.asarray(strengths, dtype=float)
    rows, columns = X.shape
    if columns == 0:
        return RidgePath(np.zeros((0, len(strengths))), np.full(len(strengths), middle))
    if sparse.issparse(X) and columns > _NARROW:
        W = _conjugate_gradients(X, y - middle, w, mean, strengths, tolerance, iterations)
    elif not sparse.issparse(X) and columns > rows:
        root = np.sqrt(w)[:, None]
        Z = (X - mean) * root
        e, U = np.linalg.eigh(Z @ Z.T)
        inner = (U.T @ (root[:, 0] * (y - middle)))[:, None] / (np.maximum(e, 0)[:, None] + strengths)
        W = Z.T @ (U @ inner)
    else:
        weighted = X.multiply(w[:, None]).tocsr() if sparse.issparse(X) else X * w[:, None]
        gram: Any = weighted.T @ X
        gram = (gram.toarray() if sparse.issparse(gram) else gram) - total * np.outer(mean, mean)
        right = np.asarray(weighted.T @ (y - middle)).ravel()
        e, U = np.linalg.eigh(gram)
        W = U @ ((U.T @ right)[:, None] / (np.maximum(e, 0)[:, None] + strengths))
    return RidgePath(W, middle - mean @ W)


def _conjugate_gradients(
    X: sparse.csr_matrix,
    y: Array,
    w: Array,
    mean: Array,
    strengths: Array,
    tolerance: float,
    iterations: int,
) -> Array:
    """All strengths side by side; the columns of X are centred without touching its zeros."""
    turned = X.T.tocsr()
    total = w.sum()
    squares = X.multiply(X).tocsr()
    diagonal = np.maximum(np.asarray(squares.T @ w).ravel() - total * mean**2, 0)
    scale = 1 / (diagonal[:, None] + strengths)

    def times(V: Array) -> Array:
        Z = X @ V
        Z -= mean @ V
        Z *= w[:, None]
        return np.asarray(turned @ Z) - np.outer(mean, Z.sum(axis=0)) + strengths * V

    right = np.asarray(turned @ (w * y)) - mean * float(w @ y)
    W = np.zeros((X.shape[1], len(strengths)))
    R = np.repeat(right[:, None], len(strengths), axis=1)
    Z = scale * R
    direction = Z.copy()
    product = (R * Z).sum(axis=0)
    goal = tolerance * np.sqrt((R * R).sum(axis=0))
    for _ in range(iterations):
        if (np.sqrt((R * R).sum(axis=0)) <= goal).all():
            break
        Q = times(direction)
        curvature = (direction * Q).sum(axis=0)
        step = np.divide(product, curvature, out=np.zeros_like(product), where=curvature > 0)
        W += step * direction
        R -= step * Q
        Z = scale * R
        new = (R * Z).sum(axis=0)
        direction *= np.divide(new, product, out=np.zeros_like(new), where=product > 0)
        direction += Z
        product = new
    return W


def ridge_leave_one_out(
    X: Array, y: Array, strengths: Array, weights: Array | None = None
) -> tuple[RidgePath, Array]:
    """Ridge path with the exact leave-one-out errors of every row.

    :param X: inputs [B, D], dense.
    :param y: answers [B].
    :param strengths: A positive numbers.
    :param weights: [B] positive importances.
    :returns: the path, and y_i minus its prediction by the other rows, [B, A].

    Source: Allen 1974 (PRESS); the intercept's share of the leverage is w_i / sum(w).

    >>> X, y = np.array([[0.0], [1.0], [3.0]]), np.array([0.0, 2.0, 3.0])
    >>> _, errors = ridge_leave_one_out(X, y, np.array([1.0]))
    >>> other = ridge_path(X[1:], y[1:], np.array([1.0]))
    >>> bool(np.isclose(errors[0, 0], y[0] - other.predict(X[:1])[0, 0]))
    True
    """
    check_shape("answers", y.shape, (X.shape[0],))
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
    root, total = np.sqrt(w), w.sum()
    mean, middle = (w @ X) / total, float(w @ y) / total
    U, e, Vt = np.linalg.svd((X - mean) * root[:, None], full_matrices=False)
    centred = root * (y - middle)
    inner = U.T @ centred
    shrink = e[:, None] ** 2 / (e[:, None] ** 2 + strengths)
    residual = centred[:, None] - U @ (shrink * inner[:, None])
    leverage = (w / total)[:, None] + (U**2) @ shrink
    errors = residual / np.maximum(1 - leverage, 1e-9) / root[:, None]
    W = Vt.T @ (e[:, None] / (e[:, None] ** 2 + strengths) * inner[:, None])
    return RidgePath(W, middle - mean @ W), errors
