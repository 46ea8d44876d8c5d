"""Mean-regularised linear models: every task's weights are the common ones plus a small deviation.

w_p = w_0 + v_p, minimising

    sum_i a_i loss(y_i, x_i w_p(i)) + common/2' * |w_0|^2 + strength/2' * sum_p |v_p|^2

where the last column of X is the constant (its share of |w_0|^2 is free). Both solvers eliminate the
v_p: the Hessian is an arrow, and its Schur complement is [D, D] whatever the number of tasks.

Source: Evgeniou & Pontil 2004, eq. 10.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["MeanFit", "mean_logistic", "mean_ridge", "mean_ridge_path", "task_blocks"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

_FREE = 1e-8
"""Penalty of the common intercept: only to keep the system regular."""


@dataclass(frozen=True)
class MeanFit:
    """A fitted model.

    :param common: w_0, [D].
    :param tasks: w_p, [P, D].
    :param strength: of the deviations.
    :param criterion: mean squared leave-one-out error, or the penalised loss.
    """

    common: Array
    tasks: Array
    strength: float
    criterion: float


def task_blocks(X: Array, y: Array, task: Ints, count: int, weights: Array) -> tuple[Array, Array, Ints]:
    """Gramians [P, D, D], X'y [P, D] of every task, and where each one's rows end when sorted by task."""
    ends = np.searchsorted(task, np.arange(count + 1))
    gram = np.zeros((count, X.shape[1], X.shape[1]))
    moment = np.zeros((count, X.shape[1]))
    for p in range(count):
        part = slice(ends[p], ends[p + 1])
        weighted = X[part] * weights[part, None]
        gram[p], moment[p] = weighted.T @ X[part], weighted.T @ y[part]
    return gram, moment, ends


def _penalty(width: int, common: float) -> Array:
    return np.concatenate([np.full(width - 1, common), [_FREE]])


def mean_ridge(
    X: Array, y: Array, task: Ints, count: int, strength: float, *, common: float = 1.0, weights: Array
) -> MeanFit:
    """The mean-regularised ridge model for one strength, in closed form (no factors of 1/2).

    :param X: inputs [B, D]; the last column is the constant.
    :param y: answers [B].
    :param task: [B] in [0, P).
    :param count: number of tasks P; one without rows gets w_0.
    :param common: strength of w_0.
    :param weights: [B] positive.
    """
    found, _ = mean_ridge_path(X, y, task, count, np.array([strength]), common=common, weights=weights)
    return found


def mean_ridge_path(
    X: Array, y: Array, task: Ints, count: int, strengths: Array, *, common: float = 1.0, weights: Array
) -> tuple[MeanFit, Array]:
    """The best of several strengths by exact leave-one-out error.

    One eigendecomposition per task; after it a strength costs O(P D^2 + B D^2).

    :param strengths: [A] positive.
    :returns: the best fit, and the weighted mean squared leave-one-out error of each strength, [A].
    """
    order = np.argsort(task, kind="stable")
    X, y, task, weights = X[order], y[order], task[order], weights[order]
    gram, moment, ends = task_blocks(X, y, task, count, weights)
    values, vectors = np.linalg.eigh(gram)
    values = np.maximum(values, 0)
    inner = np.einsum("pji,pj->pi", vectors, moment)
    rotated = np.empty_like(X)
    for p in range(count):
        part = slice(ends[p], ends[p + 1])
        rotated[part] = X[part] @ vectors[p]
    penalty = np.diag(_penalty(X.shape[1], common))
    best: MeanFit | None = None
    errors = []
    for strength in strengths:
        keep = strength / (values + strength)  # [P, D]: what of a direction is left to w_0
        schur = np.einsum("pij,pj,pkj->ik", vectors, values * keep, vectors, optimize=True) + penalty
        right = np.einsum("pij,pj->i", vectors, keep * inner)
        lower = np.linalg.cholesky(schur)
        w0 = np.linalg.solve(lower.T, np.linalg.solve(lower, right))
        own = inner / (values + strength) + keep * np.einsum("pji,j->pi", vectors, w0)
        W = np.einsum("pij,pj->pi", vectors, own)
        residual = y - np.einsum("ij,ij->i", X, W[task])
        back = np.linalg.inv(lower).T
        leverage = np.square(rotated) / (values + strength)[task]
        through = np.empty_like(X)
        left = rotated * keep[task]
        for p in range(count):
            part = slice(ends[p], ends[p + 1])
            through[part] = left[part] @ (vectors[p].T @ back)
        h = weights * (leverage.sum(axis=1) + np.square(through).sum(axis=1))
        error = float(weights @ np.square(residual / np.maximum(1 - h, 1e-9)) / weights.sum())
        errors.append(error)
        if best is None or error < best.criterion:
            best = MeanFit(w0, W, float(strength), error)
    assert best is not None
    return best, np.array(errors)


def mean_logistic(
    X: Array,
    y: Array,
    task: Ints,
    count: int,
    strength: float,
    *,
    common: float = 1.0,
    weights: Array,
    start: MeanFit | None = None,
    tolerance: float = 1e-12,
    steps: int = 50,
) -> MeanFit:
    """The mean-regularised logistic model, by Newton's method with block elimination (penalties / 2).

    :param X: inputs [B, D]; the last column is the constant.
    :param y: answers [B], 0 or 1.
    :param task: [B] in [0, P).
    :param count: number of tasks P.
    :param start: a neighbour on the path of strengths.
    :param tolerance: Newton decrement, relative to the loss, at which it stops.
    """
    from scipy.special import expit

    order = np.argsort(task, kind="stable")
    X, y, task, weights = X[order], y[order], task[order], weights[order]
    ends = np.searchsorted(task, np.arange(count + 1))
    width = X.shape[1]
    penalty = _penalty(width, common)
    w0 = np.zeros(width) if start is None else start.common
    v = np.zeros((count, width)) if start is None else start.tasks - start.common

    def loss(w0: Array, v: Array) -> tuple[float, Array]:
        z = np.einsum("ij,ij->i", X, (w0 + v)[task])
        nll = weights @ (np.logaddexp(0, z) - y * z)
        return float(nll + 0.5 * (penalty * w0) @ w0 + 0.5 * strength * np.square(v).sum()), z

    value, z = loss(w0, v)
    for _ in range(steps):
        mean = expit(z)
        bend = weights * mean * (1 - mean)
        H, g, _ = task_blocks(X, np.zeros_like(y), task, count, bend)
        slope = weights * (mean - y)
        for p in range(count):
            g[p] = slope[ends[p] : ends[p + 1]] @ X[ends[p] : ends[p + 1]]
        gv, g0 = g + strength * v, g.sum(axis=0) + penalty * w0
        solved = np.linalg.solve(H + strength * np.eye(width), np.concatenate([H, gv[:, :, None]], axis=2))
        KH, Kg = solved[:, :, :-1], solved[:, :, -1]
        schur = (H - H @ KH).sum(axis=0) + np.diag(penalty)
        d0 = -np.linalg.solve(schur, g0 - np.einsum("pij,pj->i", H, Kg))
        dv = -Kg - KH @ d0
        fall = float(g0 @ d0 + (gv * dv).sum())
        t = 1.0
        while True:
            new, z_new = loss(w0 + t * d0, v + t * dv)
            if new <= value + 1e-4 * t * fall or t < 1e-8:
                break
            t /= 2
        w0, v, z, value = w0 + t * d0, v + t * dv, z_new, new
        if -fall <= tolerance * (1 + abs(value)):
            break
    return MeanFit(w0, w0 + v, float(strength), value)
