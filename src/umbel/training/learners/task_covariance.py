"""Joint linear models that learn which tasks go together: their covariance is fitted with the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.tasks import TaskSet
from umbel.tasks.multilabel import Multilabel
from umbel.training.learner import LEARNERS
from umbel.training.learners.classic import Classic
from umbel.training.learners.stacks import SharedLinear, Solved, Stack
from umbel.training.learners.trace_norm import check_folds, fold_losses, refused, solved, stack_loss
from umbel.training.solvers.task_covariance import correlations, covariance_given, squared_threshold
from umbel.training.solvers.trace_norm import fit_spectral

__all__ = ["TaskCovariance", "correlation_note", "stacked_names"]

_LEVELS = np.geomspace(1e4, 1e-4, 25)
"""Strengths to try: numbers are standardised, so that a task of n rows has about n to set against one."""

_RIDGES = (0.0, 1.0, 10.0)
"""Strengths of |W|^2 to try, times that of the prior."""

_WIDE = 30
"""Most tasks whose correlations are noted in full."""


def stacked_names(tasks: TaskSet) -> list[str]:
    """Names of the tasks of a stack, in its order: groups, or targets and their labels."""
    if tasks.by_rows:
        return [str(group) for group in tasks.groups]
    names: list[str] = []
    for target in tasks.targets:
        if isinstance(target.kind, Multilabel):
            names += [f"{target.name}: {label}" for label in target.kind.labels]
        else:
            names.append(target.name)
    return names


def correlation_note(names: Sequence[str], matrix: NDArray[np.float64]) -> dict[str, Any]:
    """Correlations of tasks for the report: all of them, or each task's nearest where there are many.

    :param names: of the tasks, [P].
    :param matrix: correlations, [P, P].

    >>> correlation_note(["a", "b"], np.array([[1.0, 0.25], [0.25, 1.0]]))
    {'tasks': ['a', 'b'], 'correlations': [[1.0, 0.25], [0.25, 1.0]]}
    """
    rounded = np.round(matrix, 4) + 0.0  # no minus zero
    if len(names) <= _WIDE:
        return {"tasks": list(names), "correlations": rounded.tolist()}
    other = np.abs(rounded)
    np.fill_diagonal(other, -1)
    order = np.argsort(-other, axis=1, kind="stable")[:, :3]
    nearest = {name: {names[q]: float(rounded[p, q]) for q in order[p]} for p, name in enumerate(names)}
    return {"tasks": len(names), "nearest": nearest}


@LEARNERS.register("task_covariance", source="Zhang & Yeung 2010")
class TaskCovariance(SharedLinear):
    """Least-squares or logistic weights under a task covariance that is learned, of either sign.

    Strength and ridge are those of the least held-out loss over all tasks together. A task without
    training rows, or never seen, is answered by the mean of the tasks' weights.

    :param folds: of the training rows, by entity.
    """

    name: ClassVar[str] = "task_covariance"
    responses: ClassVar[tuple[str, ...]] = ("gaussian", "bernoulli")

    def __init__(self, *, folds: int = 5) -> None:
        super().__init__()
        self.folds = check_folds(folds)

    @staticmethod
    def serves(train: Dataset) -> str:
        """Numbers or labels with the same inputs, in at least two tasks; see :class:`Learner`."""
        return Classic.serves(train) or refused(train) or TaskCovariance._reason(train)

    def _solve(self, stack: Stack, response: str) -> tuple[Solved, dict[str, Any]]:
        held = np.array(
            [
                fold_losses(
                    stack,
                    response,
                    self.folds,
                    self.name,
                    [squared_threshold(float(level), float(times * level)) for level in _LEVELS],
                )
                for times in _RIDGES
            ]
        )
        row, column = divmod(int(np.argmin(held)), len(_LEVELS))
        strength = float(_LEVELS[column])
        ridge = _RIDGES[row] * strength
        loss = stack_loss(stack, response)
        fit = fit_spectral(loss, squared_threshold(strength, ridge))
        related = correlations(covariance_given(fit.inner[:, : loss.width]))
        note = {
            "strength": strength,
            "ridge": ridge,
            "rank": fit.rank,
            "steps": fit.steps,
            "residual": fit.residual,
            "held_out_loss": float(held[row, column]),
            "chosen_on": f"{self.folds} folds of training",
            **correlation_note(stacked_names(self.tasks), related),
        }
        return solved(fit, response, float(held[row, column])), note
