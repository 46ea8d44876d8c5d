"""MGDA: the shortest vector in the convex hull of the task gradients."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Neutral
from umbel.balancing.gramian import GramBalancer
from umbel.balancing.qp import answer, simplex_minimum

__all__ = ["MGDA", "solve_mgda"]


def solve_mgda(gram: Tensor) -> Tensor:
    """Weights of the shortest vector in the convex hull of the task gradients.

    Its negative lowers all losses, or is 0 where none can be lowered without raising another. So it is
    where tasks have no gradient: they share the whole weight, equally (as one gradient shrinks to 0 its
    weight goes to 1). A zero Gramian gives each task 1 / P.

    :param gram: [P, P] products of the task gradients, symmetric, positive semi-definite, any scale.
    :returns: weights [P], not negative, summing to 1; where several are best, like tasks have like ones.
    :raises BalancingError: it is no Gramian, or no solution was found.

    Source: Sener & Koltun 2018, eq. 3; Désidéri 2012. Solved exactly, not by their Frank-Wolfe steps.

    >>> import torch
    >>> solve_mgda(torch.tensor([[1.0, 0.0], [0.0, 4.0]]))
    tensor([0.8000, 0.2000])
    """
    return answer(simplex_minimum(gram).numpy(), gram)


@BALANCERS.register("mgda", source="Sener & Koltun 2018, eq. 3; Désidéri 2012")
class MGDA(GramBalancer):
    """The shortest vector in the convex hull of the task gradients.

    It is drawn to the tasks with the smallest gradients: losses of different scales want a division by
    their scale first.
    """

    name: ClassVar[str] = "mgda"
    neutral: ClassVar[Neutral] = "mean"

    def solve(self, gram: Tensor) -> Tensor:
        """Weights [P], see :func:`solve_mgda`."""
        return solve_mgda(gram)
