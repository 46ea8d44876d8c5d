"""Losses of linear models of several tasks, as functions of all their weights at once.

Every task's inputs are centred first: the weights stay what they were, and the intercepts leave the
problem of least squares altogether and nearly that of the logistic loss.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from umbel.errors import ConfigError
from umbel.training.solvers.mean_regularised import task_blocks

__all__ = ["LogisticLoss", "SquaredLoss", "TaskLoss", "task_loss"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


class TaskLoss(ABC):
    """The sum of the tasks' losses on inputs centred task by task.

    :param X: inputs [B, D] of about unit scale, without a constant.
    :param y: answers [B].
    :param task: [B] in [0, P).
    :param count: number of tasks P.
    :param weights: [B] positive.
    """

    extra: int
    """Columns of the variables, beyond the D weights, that no penalty touches."""
    curvature: float
    """Lipschitz constant of the gradient."""

    def __init__(self, X: Array, y: Array, task: Ints, count: int, weights: Array) -> None:
        order = np.argsort(task, kind="stable")
        X, self.y, self.task, self.weights = X[order], y[order], task[order], weights[order]
        self.count, self.width = count, X.shape[1]
        self.total = np.bincount(self.task, self.weights, minlength=count)
        share = np.where(self.total > 0, self.total, 1.0)
        self.centres = np.zeros((count, self.width))
        np.add.at(self.centres, self.task, self.weights[:, None] * X)
        self.centres /= share[:, None]
        self.means = np.bincount(self.task, self.weights * self.y, minlength=count) / share
        self.X = X - self.centres[self.task]

    @property
    def zero(self) -> Array:
        """Variables whose weights are zero, [P, D + extra]."""
        return np.zeros((self.count, self.width + self.extra))

    @abstractmethod
    def gradient(self, V: Array) -> Array:
        """Gradient of the sum of losses at V, the shape of V."""

    @abstractmethod
    def intercepts(self, V: Array) -> Array:
        """What a task answers at its own centre, [P]."""


class SquaredLoss(TaskLoss):
    """Sum of a_i (y_i - x_i w - b)^2; the intercept of centred inputs is the mean answer."""

    extra = 0

    def __init__(self, X: Array, y: Array, task: Ints, count: int, weights: Array) -> None:
        super().__init__(X, y, task, count, weights)
        rest = self.y - self.means[self.task]
        self.gram, self.moment, _ = task_blocks(self.X, rest, self.task, count, self.weights)
        self.curvature = 2 * float(np.linalg.eigvalsh(self.gram).max(initial=0.0)) if self.width else 0.0

    def gradient(self, V: Array) -> Array:
        """See :class:`TaskLoss`."""
        return np.asarray(2 * ((self.gram @ V[:, :, None])[:, :, 0] - self.moment))

    def intercepts(self, V: Array) -> Array:
        """See :class:`TaskLoss`."""
        return self.means


class LogisticLoss(TaskLoss):
    """Sum of a_i (log(1 + exp(z_i)) - y_i z_i), and half an answer of each label at every task's centre.

    The half answers keep the intercept finite where a task's labels are all alike: without weights its
    rate is (n_1 + 1/2) / (n + 1) (Krichevsky & Trofimov 1981).
    """

    extra = 1

    def __init__(self, X: Array, y: Array, task: Ints, count: int, weights: Array) -> None:
        super().__init__(X, y, task, count, weights)
        self.inputs = np.column_stack([self.X, np.ones(len(self.y))])
        gram, _, ends = task_blocks(self.inputs, self.y, self.task, count, self.weights)
        gram[:, -1, -1] += 1.0
        self.curvature = float(np.linalg.eigvalsh(gram).max()) / 4
        self.filled = np.flatnonzero(np.diff(ends) > 0)
        self.begins = ends[:-1][self.filled]

    @property
    def zero(self) -> Array:
        """See :class:`TaskLoss`; the intercepts are those of the tasks' rates."""
        V = super().zero
        rate = (self.total * self.means + 0.5) / (self.total + 1)
        V[:, -1] = np.log(rate / (1 - rate))
        return V

    def gradient(self, V: Array) -> Array:
        """See :class:`TaskLoss`."""
        z = np.einsum("ij,ij->i", self.inputs, V[self.task])
        slope = self.weights * (expit(z) - self.y)
        found = np.zeros_like(V)
        if len(self.filled):
            found[self.filled] = np.add.reduceat(slope[:, None] * self.inputs, self.begins)
        found[:, -1] += expit(V[:, -1]) - 0.5
        return found

    def intercepts(self, V: Array) -> Array:
        """See :class:`TaskLoss`."""
        return V[:, -1]


def task_loss(X: Array, y: Array, task: Ints, count: int, weights: Array, response: str) -> TaskLoss:
    """The loss of a response: ``gaussian`` (squares) or ``bernoulli`` (logistic); see :class:`TaskLoss`.

    :raises ConfigError: the response has no loss here.
    """
    losses: dict[str, type[TaskLoss]] = {"gaussian": SquaredLoss, "bernoulli": LogisticLoss}
    if response not in losses:
        raise ConfigError("a response must have a loss", found=f"'{response}'", remedy=str(list(losses)))
    return losses[response](X, y, task, count, weights)
