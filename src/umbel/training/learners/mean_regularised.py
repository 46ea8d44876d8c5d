"""Joint linear models whose weights are the common ones plus a small deviation per task."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from umbel.training.learner import LEARNERS
from umbel.training.learners.classic import entity_folds
from umbel.training.learners.shared_linear import SharedLinear, Solved
from umbel.training.learners.stacks import Stack
from umbel.training.solvers.mean_regularised import MeanFit, mean_logistic, mean_ridge_path

__all__ = ["MeanRegularised"]

_CONSTANTS = (1.0, 2.0, 4.0, 8.0)
"""Sizes of the constant column: the intercepts' deviations are penalised by strength / size^2."""


@LEARNERS.register("mean_regularised", source="Evgeniou & Pontil 2004")
class MeanRegularised(SharedLinear):
    """w_p = w_0 + v_p: ridge in closed form, logistic by Newton; strengths chosen on training rows.

    Numbers: by exact leave-one-out error over all tasks together. Labels: by the log loss of folds.

    :param common: strength of w_0 (its intercept is free).
    :param folds: of the training rows, for labels.
    """

    name: ClassVar[str] = "mean_regularised"
    responses: ClassVar[tuple[str, ...]] = ("gaussian", "bernoulli")

    def __init__(self, *, common: float = 1.0, folds: int = 5) -> None:
        super().__init__()
        self.common, self.folds = common, folds

    def _solve(self, stack: Stack, response: str) -> tuple[Solved, dict[str, Any]]:
        if response == "gaussian":
            return self._solve_numbers(stack)
        return self._solve_labels(stack)

    def _solve_numbers(self, stack: Stack) -> tuple[Solved, dict[str, Any]]:
        best: tuple[MeanFit, float] | None = None
        for size in _CONSTANTS:
            fit, _ = mean_ridge_path(
                stack.with_constant(size),
                stack.y,
                stack.task,
                stack.count,
                np.geomspace(1, 1e4, 25),
                common=self.common,
                weights=stack.weights,
            )
            if best is None or fit.criterion < best[0].criterion:
                best = fit, size
        assert best is not None
        fit, size = best
        note = {"strength": fit.strength, "intercept": size, "chosen_on": "leave-one-out of training"}
        return Solved(fit.common, fit.tasks, size, float(np.sqrt(fit.criterion))), note

    def _solve_labels(self, stack: Stack) -> tuple[Solved, dict[str, Any]]:
        strengths = np.geomspace(100, 0.1, 7)
        fold = entity_folds(stack.entities, self.folds, "mean_regularised")
        losses = np.zeros((2, len(strengths)))
        for c, size in enumerate(_CONSTANTS[:2]):
            for k in range(self.folds):
                rest, held = stack.take(fold != k), stack.take(fold == k)
                if len(rest.y) == 0:
                    continue
                start: MeanFit | None = None
                for a, strength in enumerate(strengths):
                    start = self._logistic(rest, size, strength, start, 1e-6)
                    z = np.einsum("ij,ij->i", held.with_constant(size), start.tasks[held.task])
                    losses[c, a] += held.weights @ (np.logaddexp(0, z) - held.y * z)
        best = divmod(int(np.argmin(losses)), len(strengths))
        size, strength = _CONSTANTS[best[0]], float(strengths[best[1]])
        fit = self._logistic(stack, size, strength, None, 1e-12)
        note = {"strength": strength, "intercept": size, "chosen_on": f"{self.folds} folds of training"}
        return Solved(fit.common, fit.tasks, size, 0.0), note

    def _logistic(
        self, stack: Stack, size: float, strength: float, start: MeanFit | None, tolerance: float
    ) -> MeanFit:
        return mean_logistic(
            stack.with_constant(size),
            stack.y,
            stack.task,
            stack.count,
            strength,
            common=self.common,
            weights=stack.weights,
            start=start,
            tolerance=tolerance,
        )
