"""Joint linear models that learn which tasks go together: their covariance is fitted with the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from umbel.tasks import TaskSet
from umbel.tasks.multilabel import Multilabel
from umbel.training.learner import LEARNERS
from umbel.training.learners.shared_linear import Solved
from umbel.training.learners.spectral import Spectral, stack_loss
from umbel.training.learners.stacks import Stack
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
class TaskCovariance(Spectral):
    """Least-squares or logistic weights under a task covariance that is learned, of either sign.

    Strength and ridge are those of the least held-out loss over all tasks together. A task without
    training rows, or never seen, is answered by the mean of the tasks' weights.

    :param folds: of the training rows, by entity.
    """

    name: ClassVar[str] = "task_covariance"

    def _solve(self, stack: Stack, response: str) -> tuple[Solved, dict[str, Any]]:
        paths = [
            [squared_threshold(float(level), float(times * level)) for level in _LEVELS] for times in _RIDGES
        ]
        held = np.array([self._held(stack, response, path) for path in paths])
        row, column = divmod(int(np.argmin(held)), len(_LEVELS))
        strength = float(_LEVELS[column])
        loss = stack_loss(stack, response)
        fit = fit_spectral(loss, paths[row][column])
        related = correlations(covariance_given(fit.inner[:, : loss.width]))
        solved, note = self._told(fit, response, float(held[row, column]))
        return solved, {
            "strength": strength,
            "ridge": _RIDGES[row] * strength,
            **note,
            **correlation_note(stacked_names(self.tasks), related),
        }
