"""FairGrad: the update is shared among the tasks by alpha-fairness."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from umbel.balancing.balancer import BALANCERS
from umbel.balancing.gramian import GramBalancer
from umbel.balancing.nash import check_ridge, equilibrium
from umbel.balancing.options import number
from umbel.balancing.qp import answer

__all__ = ["FairGrad", "solve_fairgrad"]


def solve_fairgrad(gram: Tensor, *, alpha: float = 1.0, ridge: float = 0.0) -> Tensor:
    """Weights of the update that maximises sum_p (g_p . d)^(1 - alpha) / (1 - alpha): alpha-fairness.

    Up to its length d = J^T w with G w = w^(-1 / alpha), elementwise. alpha = 1 is Nash-MTL (a sum of
    logarithms), a small alpha goes to equal weights, a great one to the best for the worst task (MGDA's
    direction). The weights are the minimum of a strictly convex objective, see
    :func:`~umbel.balancing.nash.equilibrium`; as in :func:`~umbel.balancing.nash.solve_nash` there is
    none where 0 is in the convex hull of the gradients, and a ridge puts G + ridge * mean(diag G) * I
    for G.

    :param gram: [P, P] products of the task gradients, symmetric, positive semi-definite, any scale.
    :param alpha: in [0.1, 20].
    :param ridge: in [0, 1); 0 is the paper's problem.
    :returns: weights [P], positive; those of c^2 G are those of G times c^(-2 alpha / (1 + alpha)).
    :raises ConfigError: alpha or the ridge is outside its range.
    :raises BalancingError: the problem has no solution, or G is no Gramian.

    Source: Ban & Ji 2024, eq. 4.

    >>> import torch
    >>> solve_fairgrad(torch.tensor([[1.0, 0.0], [0.0, 8.0]]), alpha=2.0)
    tensor([1.0000, 0.2500])
    """
    power = 1 / _checked(alpha)
    return answer(equilibrium("fairgrad", gram, power, check_ridge("fairgrad", ridge)), gram)


def _checked(alpha: float) -> float:
    return number("fairgrad", "alpha", alpha, least=0.1, most=20)


@BALANCERS.register("fairgrad", source="Ban & Ji 2024, eq. 4")
class FairGrad(GramBalancer):
    """The update is shared among the tasks by alpha-fairness.

    :param alpha: in [0.1, 20]; the greater, the more the worst task counts.
    :param ridge: in [0, 1), see :func:`solve_fairgrad`; 0 fails where a gradient is zero.
    """

    name: ClassVar[str] = "fairgrad"
    degree: float | None = -1.0  # of the default alpha; each instance has its own

    def __init__(self, count: int, *, alpha: float = 1.0, ridge: float = 0.0) -> None:
        super().__init__(count)
        self.alpha, self.ridge = _checked(alpha), check_ridge("fairgrad", ridge)
        self.degree = -2 * self.alpha / (1 + self.alpha)

    def solve(self, gram: Tensor) -> Tensor:
        """Weights [P], see :func:`solve_fairgrad`."""
        return solve_fairgrad(gram, alpha=self.alpha, ridge=self.ridge)
