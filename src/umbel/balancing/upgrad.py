"""UPGrad: each task gradient is moved as little as makes it harm no task, then the mean is taken."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Neutral
from umbel.balancing.gramian import GramBalancer
from umbel.balancing.qp import answer, dual_cone

__all__ = ["UPGrad", "solve_upgrad"]


def solve_upgrad(gram: Tensor) -> Tensor:
    """Weights of the mean of the task gradients' projections onto their dual cone.

    The projection of task p is J^T v_p with v_p = argmin v^T G v over v >= e_p. The mean of vectors of
    the dual cone is in it: no task is harmed, and each gradient of a task counts in proportion to its
    length. A task without a gradient has 1 / P; so have all tasks of a zero Gramian.

    :param gram: [P, P] products of the task gradients, symmetric, positive semi-definite, any scale.
    :returns: weights [P], each at least 1 / P; where several give the update, like tasks have like ones.
    :raises BalancingError: it is no Gramian, or no solution was found.

    Source: Quinton & Rey 2024, eq. 3 (the projection) and Proposition 1 (its weights).

    >>> solve_upgrad(torch.tensor([[1.0, -2.0], [-2.0, 16.0]]))
    tensor([1.5000, 0.5625])
    """
    rows = torch.eye(len(gram), dtype=torch.float64) / len(gram)
    return answer(dual_cone(gram, rows).sum(dim=0).numpy(), gram)


@BALANCERS.register("upgrad", source="Quinton & Rey 2024, Proposition 1")
class UPGrad(GramBalancer):
    """Each task gradient is moved as little as makes it harm no task, then the mean is taken."""

    name: ClassVar[str] = "upgrad"
    neutral: ClassVar[Neutral] = "mean"

    def solve(self, gram: Tensor) -> Tensor:
        """Weights [P], see :func:`solve_upgrad`."""
        return solve_upgrad(gram)
