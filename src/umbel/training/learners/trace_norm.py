"""Joint linear models of low rank: the tasks' weights lie near a few common directions."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from umbel.training.learner import LEARNERS
from umbel.training.learners.shared_linear import Solved
from umbel.training.learners.spectral import Spectral, stack_loss
from umbel.training.learners.stacks import Stack
from umbel.training.solvers.trace_norm import fit_spectral, soft_threshold

__all__ = ["TraceNorm"]

_SHARES = np.geomspace(1, 1e-5, 31)
"""Strengths to try, as shares of the least one that makes all weights zero."""


@LEARNERS.register("trace_norm", source="Argyriou, Evgeniou & Pontil 2008")
class TraceNorm(Spectral):
    """Least-squares or logistic weights whose singular values are penalised: a few directions for all tasks.

    The strength is the one of the least held-out loss over all tasks together. A task without
    training rows, or never seen, is answered by the mean of the tasks' weights.

    :param folds: of the training rows, by entity.
    """

    name: ClassVar[str] = "trace_norm"

    def _solve(self, stack: Stack, response: str) -> tuple[Solved, dict[str, Any]]:
        loss = stack_loss(stack, response)
        slope = loss.gradient(loss.zero)[:, : loss.width]
        largest = float(np.linalg.norm(slope, 2)) if slope.size else 0.0
        strengths = max(largest, 1e-12) * _SHARES
        path = [soft_threshold(float(strength)) for strength in strengths]
        held = self._held(stack, response, path)
        best = int(np.argmin(held))
        fit = fit_spectral(loss, path[best])
        solved, note = self._told(fit, response, float(held[best]))
        return solved, {
            "strength": float(strengths[best]),
            "share_of_largest": float(_SHARES[best]),
            "singular_values": [float(v) for v in fit.values[: fit.rank]],
            **note,
        }
