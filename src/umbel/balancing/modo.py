"""MoDo: weights on the simplex that follow the products of two independent halves of the batch."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Need, Neutral, Place, Seen
from umbel.balancing.options import number
from umbel.balancing.shown import present_cross, spread
from umbel.balancing.simplex import Shares, descend

__all__ = ["MoDo", "solve_modo"]


def solve_modo(cross: Tensor, shares: Tensor, *, gamma: float, rho: float) -> Tensor:
    """The next weights: ``Proj(lambda - gamma (J1 J2' + rho I) lambda)``.

    Noise of one batch is in both factors of its Gramian and adds up; that of two halves does not.

    :param cross: [P, P] products of gradients, row: first half, column: second half.
    :param shares: [P] the weights so far, on the simplex.
    :param gamma: rate of the weights, positive.
    :param rho: pulls the weights to equality, at least 0.
    :returns: weights [P], on the simplex.

    Source: Chen et al. 2023, algorithm 1.

    >>> import torch
    >>> cross = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> solve_modo(cross, torch.tensor([0.5, 0.5]), gamma=0.1, rho=0.0)
    tensor([0.5500, 0.4500])
    """
    return descend(shares, cross, rate=gamma, ridge=rho)


@BALANCERS.register("modo", source="Chen et al. 2023, algorithm 1")
class MoDo(Balancer):
    """Weights on the simplex that follow the shortest mixture, seen without bias by two halves.

    An absent task keeps its share.

    :param gamma: rate of the weights, positive.
    :param rho: pulls the weights to equality, at least 0.
    """

    name: ClassVar[str] = "modo"
    needs: ClassVar[frozenset[Need]] = frozenset({"cross"})
    places: ClassVar[frozenset[Place]] = frozenset({"parameters"})
    neutral: ClassVar[Neutral] = "mean"
    degree: float | None = None

    def __init__(self, count: int, *, gamma: float = 0.1, rho: float = 0.1) -> None:
        super().__init__(count)
        self.gamma = number(self.name, "gamma", gamma, above=0)
        self.rho = number(self.name, "rho", rho, least=0)
        self.shares = Shares(count)

    def forward(self, seen: Seen) -> Tensor:
        """Weights [P] that add up to 1 over the present tasks.

        :raises BalancingError: the products are not finite.
        """
        place, cross = present_cross(seen)
        if not len(place):
            return spread(seen, place, place)
        shares = solve_modo(cross, self.shares.among(place), gamma=self.gamma, rho=self.rho)
        self.shares.keep(place, shares)
        return spread(seen, place, shares)
