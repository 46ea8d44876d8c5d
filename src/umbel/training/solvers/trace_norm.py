"""Linear models of low rank: the singular values of the tasks' weights are penalised together.

The weights W [P, D] minimise

    sum_i a_i loss(y_i, x_i w_p(i) + b_p(i)) + penalty(singular values of W)

with free intercepts b, by accelerated proximal steps whose momentum is taken back when it points
uphill. A singular value that the penalty makes zero is zero exactly.

Source: Argyriou, Evgeniou & Pontil 2008 (the problem); Beck & Teboulle 2009 (the steps); Cai, Candes &
Shen 2010 (the shrinking of singular values); O'Donoghue & Candes 2015 (the restarts).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from umbel.training.solvers.task_losses import TaskLoss, task_loss

__all__ = ["Shrink", "SpectralFit", "fit_spectral", "soft_threshold", "trace_norm"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Shrink: TypeAlias = Callable[[Array, float], Array]
"""Singular values (falling) and a step's length to the singular values after the penalty's step."""


@dataclass(frozen=True)
class SpectralFit:
    """A fitted model.

    :param tasks: weights and intercepts in the inputs' own terms, [P, D + 1]; a task without rows has
        the mean of the others.
    :param common: mean of the tasks that have rows, [D + 1].
    :param values: singular values of the weights without intercepts, falling.
    :param inner: the solver's variables, [P, D] or [P, D + 1]: where a neighbour may start.
    :param steps: proximal steps taken.
    :param residual: length of the last step times its curvature, relative to the gradient at zero; 0
        at the minimum.
    """

    tasks: Array
    common: Array
    values: Array
    inner: Array
    steps: int
    residual: float

    @property
    def rank(self) -> int:
        """How many singular values are not zero."""
        return int((self.values > 1e-12 * max(self.values.max(initial=0.0), 1e-300)).sum())


def soft_threshold(strength: float) -> Shrink:
    """The proximal step of strength times the trace norm: each singular value falls by the same.

    >>> soft_threshold(2.0)(np.array([3.0, 0.5]), 0.5)
    array([2., 0.])
    """
    return lambda values, step: np.maximum(values - strength * step, 0.0)


def fit_spectral(
    loss: TaskLoss,
    shrink: Shrink,
    *,
    start: Array | None = None,
    tolerance: float = 1e-10,
    steps: int = 20_000,
) -> SpectralFit:
    """Minimise a loss and a penalty of the singular values (both convex) by accelerated proximal steps.

    :param loss: of the tasks.
    :param shrink: the penalty's step on singular values.
    :param start: variables to begin with, [P, D + extra], as ``inner`` of a neighbour on a path.
    :param tolerance: relative residual at which it stops.
    :param steps: most proximal steps; ``residual`` tells whether they were enough.
    """
    zero = loss.zero
    V = zero if start is None else start
    D, curve = loss.width, max(loss.curvature, 1e-300)
    goal = max(float(np.linalg.norm(loss.gradient(zero))), 1e-300)
    Y, momentum, gap, taken = V, 1.0, 0.0, 0
    values = np.zeros(min(loss.count, D))
    while D > 0 and taken < steps:
        taken += 1
        new = Y - loss.gradient(Y) / curve
        left, values, right = np.linalg.svd(new[:, :D], full_matrices=False)
        values = shrink(values, 1 / curve)
        new[:, :D] = (left * values) @ right
        gap = curve * float(np.linalg.norm(new - Y)) / goal
        uphill = float(((Y - new) * (new - V)).sum()) > 0
        faster = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        Y, momentum = (new, 1.0) if uphill else (new + (momentum - 1) / faster * (new - V), faster)
        V = new
        if gap <= tolerance:
            break
    W = V[:, :D]
    tasks = np.column_stack([W, loss.intercepts(V) - np.einsum("pd,pd->p", W, loss.centres)])
    filled = loss.total > 0
    common = tasks[filled].mean(axis=0)
    tasks[~filled] = common
    return SpectralFit(tasks, common, values, V, taken, gap)


def trace_norm(
    X: Array,
    y: Array,
    task: Ints,
    count: int,
    strength: float,
    *,
    weights: Array,
    response: str = "gaussian",
    tolerance: float = 1e-10,
) -> SpectralFit:
    """The minimum of the sum of losses plus strength times the trace norm of W; see the module.

    :param X: inputs [B, D] of about unit scale, without a constant.
    :param y: answers [B]: numbers, or labels 0 and 1.
    :param task: [B] in [0, P).
    :param count: number of tasks P.
    :param strength: of the trace norm; from the spectral norm of the gradient at zero on, W is zero.
    :param weights: [B] positive.
    :param response: ``gaussian`` (squares, without 1/2) or ``bernoulli``.
    :raises ConfigError: the response has no loss here.

    Source: Argyriou, Evgeniou & Pontil 2008; the square of the trace norm there is the
    trace norm here at another strength.

    >>> X, task = np.array([[-1.0], [1.0], [-1.0], [1.0]]), np.array([0, 0, 1, 1])
    >>> fit = trace_norm(X, np.array([-3.0, 3.0, -4.0, 4.0]), task, 2, 4.0, weights=np.ones(4))
    >>> fit.tasks[:, 0].round(3)
    array([2.4, 3.2])
    """
    loss = task_loss(X, y, task, count, weights, response)
    return fit_spectral(loss, soft_threshold(strength), tolerance=tolerance)
