"""Joint linear regression whose weights are draws from one Gaussian that is learned too."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from umbel.errors import ConfigError, near
from umbel.training.learner import LEARNERS
from umbel.training.learners.shared_linear import SharedLinear, Solved
from umbel.training.learners.stacks import Stack
from umbel.training.solvers.hierarchical import Form, fit_hierarchical

__all__ = ["Hierarchical"]

_FORMS = ("full", "diagonal", "isotropic")


@LEARNERS.register("hierarchical", source="Lindley & Smith 1972, by EM (Dempster, Laird & Rubin 1977)")
class Hierarchical(SharedLinear):
    """w_p ~ N(w_0, S): strengths are learned by the evidence, not searched; predictions have a spread.

    :param form: what is learned of S: ``full``, ``diagonal`` or ``isotropic``.
    :param pseudo: prior on S, in tasks; None: as many as features, for ``full`` only.
    """

    name: ClassVar[str] = "hierarchical"
    responses: ClassVar[tuple[str, ...]] = ("gaussian",)

    def __init__(self, *, form: Form = "diagonal", pseudo: float | None = None) -> None:
        super().__init__()
        if form not in _FORMS:
            raise ConfigError("the form of S must be known", found=f"'{form}'", remedy=near(form, _FORMS))
        self.form, self.pseudo = form, pseudo

    def _solve(self, stack: Stack, response: str) -> tuple[Solved, dict[str, Any]]:
        X = stack.with_constant(1.0)
        pseudo = self.pseudo
        if pseudo is None:
            pseudo = float(X.shape[1]) if self.form == "full" else 0.0
        fit = fit_hierarchical(
            X, stack.y, stack.task, stack.count, weights=stack.weights, form=self.form, pseudo=pseudo
        )
        covariances = np.concatenate([fit.covariances, fit.covariance[None]])
        note = {
            "form": self.form,
            "evidence": fit.evidence[-1],
            "steps": len(fit.evidence),
            "noise": fit.noise,
            "chosen_on": "evidence of training",
        }
        return Solved(fit.mean, fit.tasks, 1.0, float(np.sqrt(fit.noise)), covariances), note
