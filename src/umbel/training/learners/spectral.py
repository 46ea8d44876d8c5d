"""Joint linear models whose weights are penalised by their singular values: strengths chosen by folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from umbel.errors import ConfigError, DataError
from umbel.training.learners.classic import entity_folds
from umbel.training.learners.shared_linear import SharedLinear, Solved
from umbel.training.learners.stacks import Stack
from umbel.training.solvers.task_losses import TaskLoss, task_loss
from umbel.training.solvers.trace_norm import Shrink, SpectralFit, fit_spectral

__all__ = ["Spectral", "check_folds", "fold_losses", "stack_loss"]

_PATIENCE = 5
"""A path ends after so many strengths in a row that are worse than its best."""


class Spectral(SharedLinear):
    """Base of the learners with a spectral penalty; one strength serves all tasks together.

    :param folds: of the training rows, by entity.
    :raises ConfigError: ``folds`` is not a whole number or less than 2.
    """

    responses: ClassVar[tuple[str, ...]] = ("gaussian", "bernoulli")

    def __init__(self, *, folds: int = 5) -> None:
        super().__init__()
        self.folds = check_folds(folds)

    def _held(self, stack: Stack, response: str, path: Sequence[Shrink]) -> NDArray[np.float64]:
        """Mean held-out loss of every penalty of a path, [A]."""
        return fold_losses(stack, response, self.folds, self.name, path)

    def _told(self, fit: SpectralFit, response: str, held: float) -> tuple[Solved, dict[str, Any]]:
        """The fit as it is kept, and what is told of every one.

        :param held: its mean held-out loss; a number's spread is the root of it.
        """
        noise = float(np.sqrt(max(held, 1e-24))) if response == "gaussian" else 0.0
        note = {
            "rank": fit.rank,
            "steps": fit.steps,
            "residual": fit.residual,
            "held_out_loss": held,
            "chosen_on": f"{self.folds} folds of training",
        }
        return Solved(fit.common, fit.tasks, 1.0, noise), note


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
