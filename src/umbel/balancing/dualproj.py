"""DualProj: the mean gradient, moved as little as makes it harm no task."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Neutral
from umbel.balancing.gramian import GramBalancer
from umbel.balancing.qp import answer, dual_cone

__all__ = ["DualProj", "solve_dualproj"]


def solve_dualproj(gram: Tensor) -> Tensor:
    """Weights of the projection of the mean gradient onto the dual cone of the task gradients.

    The nearest d to the mean with g_i . d >= 0 for every task: min v^T G v over v >= 1 / P. Without
    conflict it is the mean. A task without a gradient constrains nothing and keeps 1 / P; so do all
    tasks of a zero Gramian.

    :param gram: [P, P] products of the task gradients, symmetric, positive semi-definite, any scale.
    :returns: weights [P], each at least 1 / P; where several give d, like tasks have like ones.
    :raises BalancingError: it is no Gramian, or no solution was found.

    Source: Lopez-Paz & Ranzato 2017, eq. 11, with the mean as the gradient to be projected.

    >>> solve_dualproj(torch.tensor([[1.0, -2.0], [-2.0, 16.0]]))
    tensor([1.0000, 0.5000])
    """
    count = len(gram)
    mean = torch.full((1, count), 1 / count, dtype=torch.float64)
    return answer(dual_cone(gram, mean)[0].numpy(), gram)


@BALANCERS.register("dualproj", source="Lopez-Paz & Ranzato 2017, eq. 11")
class DualProj(GramBalancer):
    """The mean gradient, moved as little as makes it harm no task."""

    name: ClassVar[str] = "dualproj"
    neutral: ClassVar[Neutral] = "mean"

    def solve(self, gram: Tensor) -> Tensor:
        """Weights [P], see :func:`solve_dualproj`."""
        return solve_dualproj(gram)
