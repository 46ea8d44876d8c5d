"""Linear models whose tasks have a covariance that is learned too: multi-task relationship learning.

The weights W [P, D], one row per task, have a matrix-normal prior with the task covariance Omega:

    sum_i a_i loss(y_i, x_i w_p(i) + b_p(i)) + strength * tr(W' Omega^-1 W) + ridge * |W|^2

over W, the free intercepts b and Omega, positive semi-definite with trace 1. The problem is convex in
all of them together. Its alternation is :func:`weights_given` and :func:`covariance_given`, both in
closed form. The best Omega makes the middle term the squared trace norm of W, strength * |W|_*^2, so
:func:`task_covariance` minimises over W alone and finds the pair at which the alternation stands still.

Source: Zhang & Yeung 2010; Argyriou, Evgeniou & Pontil 2008 (the best Omega).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.training.solvers.task_losses import SquaredLoss, task_loss
from umbel.training.solvers.trace_norm import Shrink, SpectralFit, fit_spectral

__all__ = [
    "CovarianceFit",
    "correlations",
    "covariance_given",
    "squared_threshold",
    "task_covariance",
    "weights_given",
]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class CovarianceFit:
    """A fitted model.

    :param covariance: Omega, [P, P], of trace 1.
    :param spectral: weights, intercepts and how they were found.
    """

    covariance: Array
    spectral: SpectralFit


def covariance_given(W: Array) -> Array:
    """The best Omega for the weights: (W W')^(1/2) over its trace, [P, P]; I / P when all are zero.

    :param W: weights [P, D], one row per task.

    Source: Zhang & Yeung 2010, the update of Omega.

    >>> covariance_given(np.array([[3.0, 0.0], [0.0, 1.0]]))
    array([[0.75, 0.  ],
           [0.  , 0.25]])
    """
    left, values, _ = np.linalg.svd(W, full_matrices=False)
    total = float(values.sum())
    if total == 0:
        return np.eye(len(W)) / len(W)
    return np.asarray((left * (values / total)) @ left.T)


def correlations(covariance: Array) -> Array:
    """Correlations of a covariance, [P, P]; a task without variance has none with the others.

    >>> correlations(np.array([[4.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    array([[1. , 0.5, 0. ],
           [0.5, 1. , 0. ],
           [0. , 0. , 1. ]])
    """
    spread = np.sqrt(np.maximum(np.diag(covariance), 0))
    live = spread > 1e-12 * max(float(spread.max(initial=0.0)), 1e-300)
    safe = np.where(live, spread, 1.0)
    found = np.where(np.outer(live, live), covariance / np.outer(safe, safe), 0.0)
    np.fill_diagonal(found, 1.0)
    return np.clip(found, -1.0, 1.0)


def weights_given(
    X: Array,
    y: Array,
    task: Ints,
    covariance: Array,
    *,
    strength: float,
    ridge: float = 0.0,
    weights: Array,
) -> Array:
    """The best weights and intercepts of least squares for a given Omega, [P, D + 1], in closed form.

    With Omega = R R' and W = R Z the prior is strength * |Z|^2, so Omega may be singular. One dense
    system of (rank of Omega) * D unknowns.

    :param X: inputs [B, D], without a constant.
    :param y: answers [B].
    :param task: [B] in [0, P).
    :param covariance: Omega, [P, P], positive semi-definite.
    :param strength: of the prior, positive.
    :param ridge: of |W|^2, at least 0.
    :param weights: [B] positive.

    Source: Zhang & Yeung 2010, the update of W.
    """
    loss = SquaredLoss(X, y, task, len(covariance), weights)
    values, vectors = np.linalg.eigh(covariance)
    keep = values > 1e-12 * max(float(values.max()), 1e-300)
    R = vectors[:, keep] * np.sqrt(values[keep])
    rank, D = R.shape[1], loss.width
    A = np.einsum("pr,ps,pij->risj", R, R, loss.gram, optimize=True).reshape(rank * D, rank * D)
    A += strength * np.eye(rank * D) + ridge * np.kron(R.T @ R, np.eye(D))
    W = R @ np.linalg.solve(A, (R.T @ loss.moment).ravel()).reshape(rank, D)
    return np.column_stack([W, loss.means - np.einsum("pd,pd->p", W, loss.centres)])


def squared_threshold(strength: float, ridge: float = 0.0) -> Shrink:
    """The proximal step of strength times the squared trace norm plus ridge times the squares.

    The values that stay fall by the same, 2 * step * strength * their own new sum, which is known once
    their number is; the smaller ones become zero.

    >>> squared_threshold(1.0)(np.array([3.0, 1.0]), 0.5)
    array([1.5, 0. ])
    """

    def shrink(values: Array, step: float) -> Array:
        own, shared = 1 + 2 * step * ridge, 2 * step * strength
        kept = np.arange(1, len(values) + 1)
        fall = shared * np.cumsum(values) / (own + shared * kept)
        count = int((values > fall).sum())  # values and fall cross once
        level = fall[count - 1] if count else 0.0
        return np.asarray(np.maximum(values - level, 0.0) / own)

    return shrink


def task_covariance(
    X: Array,
    y: Array,
    task: Ints,
    count: int,
    *,
    strength: float,
    ridge: float = 0.0,
    weights: Array,
    response: str = "gaussian",
    tolerance: float = 1e-10,
) -> CovarianceFit:
    """Weights, intercepts and task covariance of the least objective; see the module.

    :param X: inputs [B, D] of about unit scale, without a constant.
    :param y: answers [B]: numbers, or labels 0 and 1.
    :param task: [B] in [0, P).
    :param count: number of tasks P.
    :param strength: of the matrix-normal prior, positive; with Omega = I / P it is ridge regression of
        strength * P + ridge for every task.
    :param ridge: of |W|^2, at least 0.
    :param weights: [B] positive.
    :param response: ``gaussian`` (squares, without 1/2) or ``bernoulli``.
    :raises ConfigError: the response has no loss here.

    Source: Zhang & Yeung 2010, with the sum of losses in place of the mean of every task, and
    one strength for each of their lambda / 2.

    >>> X, task = np.array([[-1.0], [1.0], [-1.0], [1.0]]), np.array([0, 0, 1, 1])
    >>> fit = task_covariance(X, np.array([-3.0, 3, 3, -3]), task, 2, strength=1.0, weights=np.ones(4))
    >>> correlations(fit.covariance).round(3)
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    loss = task_loss(X, y, task, count, weights, response)
    fit = fit_spectral(loss, squared_threshold(strength, ridge), tolerance=tolerance)
    return CovarianceFit(covariance_given(fit.inner[:, : loss.width]), fit)
