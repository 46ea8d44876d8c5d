"""Joint linear models of low rank: the tasks' weights lie near a few common directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.errors import ConfigError, DataError
from umbel.training.learner import LEARNERS
from umbel.training.learners.classic import Classic, entity_folds
from umbel.training.learners.stacks import SharedLinear, Solved, Stack
from umbel.training.solvers.task_losses import TaskLoss, task_loss
from umbel.training.solvers.trace_norm import Shrink, SpectralFit, fit_spectral, soft_threshold

__all__ = ["TraceNorm", "check_folds", "fold_losses", "refused", "solved", "stack_loss"]

_SHARES = np.geomspace(1, 1e-5, 31)
"""Strengths to try, as shares of the least one that makes all weights zero."""

_PATIENCE = 5
"""A path ends after so many strengths in a row that are worse than its best."""


def check_folds(folds: int) -> int:
    """The option ``folds``, at least 2.

    :raises ConfigError: it is not a whole number or less than 2.
    """
    if not isinstance(folds, int) or isinstance(folds, bool) or folds < 2:
        raise ConfigError(
            "folds must be a whole number of at least 2",
            found=f"{folds!r}",
            remedy="5 is the default",
        )
    return folds


def stack_loss(stack: Stack, response: str) -> TaskLoss:
    """The loss of a stack, of squares or logistic."""
    return task_loss(stack.X, stack.y, stack.task, stack.count, stack.weights, response)


def fold_losses(
    stack: Stack, response: str, folds: int, name: str, path: Sequence[Shrink], *, tolerance: float = 1e-6
) -> NDArray[np.float64]:
    """Mean loss on held-out folds for every penalty of a path, [A]; infinite after the path's end.

    Numbers: squared error; labels: log loss. A path goes from strong to weak, each fit begins at its
    neighbour, and it ends when it has been worse than its best ``_PATIENCE`` times in a row.

    :param stack: known answers of all tasks.
    :param folds: of the rows, by entity.
    :param name: of the learner, for the draw of the folds.
    :param path: penalties, strong ones first.
    :raises DataError: the rows are of one entity, so nothing can be held out.
    """
    fold = entity_folds(stack.entities, folds, name)
    parts = [(stack.take(fold != k), stack.take(fold == k)) for k in range(folds)]
    parts = [(rest, held) for rest, held in parts if len(rest.y) and len(held.y)]
    if not parts:
        raise DataError(
            "a strength is chosen on held-out rows, so there must be at least two entities",
            found=f"{len(stack.y)} known answers of one entity",
            remedy="give more rows, or choose a learner that needs no folds",
        )
    losses = [stack_loss(rest, response) for rest, _ in parts]
    starts: list[NDArray[np.float64] | None] = [None] * len(parts)
    total = sum(float(held.weights.sum()) for _, held in parts)
    found = np.full(len(path), np.inf)
    for a, shrink in enumerate(path):
        found[a] = 0.0
        for k, (_, held) in enumerate(parts):
            fit = fit_spectral(losses[k], shrink, start=starts[k], tolerance=tolerance)
            starts[k] = fit.inner
            z = np.einsum("ij,ij->i", held.with_constant(1.0), fit.tasks[held.task])
            wrong = np.square(held.y - z) if response == "gaussian" else np.logaddexp(0, z) - held.y * z
            found[a] += float(held.weights @ wrong) / total
        if a - int(np.argmin(found[: a + 1])) >= _PATIENCE:
            break
    return found


def solved(fit: SpectralFit, response: str, loss: float) -> Solved:
    """The fit as :class:`SharedLinear` keeps it; a number's spread is its error on held-out folds."""
    noise = float(np.sqrt(max(loss, 1e-24))) if response == "gaussian" else 0.0
    return Solved(fit.common, fit.tasks, 1.0, noise)


def refused(train: Dataset) -> str:
    """Why a stack cannot hold these tasks: a set of labels by groups is two layouts at once."""
    if train.tasks.by_rows:
        for target in train.tasks.targets:
            if target.kind.name == "multilabel":
                return f"'{target.name}' has several labels in each group: one label per target only"
    return ""


@LEARNERS.register("trace_norm", source="Argyriou, Evgeniou & Pontil 2008")
class TraceNorm(SharedLinear):
    """Least-squares or logistic weights whose singular values are penalised: a few directions for all tasks.

    The strength is the one of the least held-out loss over all tasks together. A task without
    training rows, or never seen, is answered by the mean of the tasks' weights.

    :param folds: of the training rows, by entity.
    """

    name: ClassVar[str] = "trace_norm"
    responses: ClassVar[tuple[str, ...]] = ("gaussian", "bernoulli")

    def __init__(self, *, folds: int = 5) -> None:
        super().__init__()
        self.folds = check_folds(folds)

    @staticmethod
    def serves(train: Dataset) -> str:
        """Numbers or labels with the same inputs, in at least two tasks; see :class:`Learner`."""
        return Classic.serves(train) or refused(train) or TraceNorm._reason(train)

    def _solve(self, stack: Stack, response: str) -> tuple[Solved, dict[str, Any]]:
        loss = stack_loss(stack, response)
        slope = loss.gradient(loss.zero)[:, : loss.width]
        largest = float(np.linalg.norm(slope, 2)) if slope.size else 0.0
        strengths = max(largest, 1e-12) * _SHARES
        path = [soft_threshold(float(strength)) for strength in strengths]
        held = fold_losses(stack, response, self.folds, self.name, path)
        best = int(np.argmin(held))
        fit = fit_spectral(loss, path[best])
        note = {
            "strength": float(strengths[best]),
            "share_of_largest": float(_SHARES[best]),
            "rank": fit.rank,
            "singular_values": [float(v) for v in fit.values[: fit.rank]],
            "steps": fit.steps,
            "residual": fit.residual,
            "held_out_loss": float(held[best]),
            "chosen_on": f"{self.folds} folds of training",
        }
        return solved(fit, response, float(held[best])), note
