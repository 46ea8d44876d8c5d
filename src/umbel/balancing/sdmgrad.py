"""SDMGrad: the shortest mixture of gradients, pulled towards their mean, by stochastic descent."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Need, Neutral, Place, Seen
from umbel.balancing.gramian import condition
from umbel.balancing.options import number, whole
from umbel.balancing.shown import present_cross, spread
from umbel.balancing.simplex import Shares, project_simplex
from umbel.errors import BalancingError

__all__ = ["SDMGrad", "solve_sdmgrad"]


def solve_sdmgrad(
    cross: Tensor, shares: Tensor, *, rate: float, momentum: float, steps: int, pull: float
) -> Tensor:
    """Shares w that make ``|J' (w + pull / P)|^2`` small, by projected descent from those given.

    The gradient of a step is ``A (w + pull / P)``, A the products of two independent halves over the
    squared mean length of the gradients, so that the rate means the same at any scale. Where no diagonal
    product is positive the halves show no length at all, and w stays.

    :param cross: [P, P] products of gradients, row: first half, column: second half.
    :param shares: [P] w so far, on the simplex.
    :param rate: of the descent, positive.
    :param momentum: of the descent, in [0, 1).
    :param steps: of the descent, at least 1.
    :param pull: towards the mean gradient (the paper's lambda), at least 0.
    :returns: w [P] on the simplex; the weights of the update are ``(w + pull / P) / (1 + pull)``.

    Source: Xiao, Ban & Ji 2023, algorithm 1; the scale and the momentum as in its section 6.1.

    >>> even = torch.tensor([0.5, 0.5])
    >>> solve_sdmgrad(torch.diag(torch.tensor([1.0, 4.0])), even, rate=0.1, momentum=0.0, steps=99, pull=0.0)
    tensor([0.8000, 0.2000])
    """
    scale = cross.diagonal().clamp(min=0).sqrt().mean()
    if scale == 0:
        return shares
    products = cross / scale / scale
    speed = torch.zeros_like(shares)
    for _ in range(steps):
        speed = momentum * speed + products @ (shares + pull / len(shares))
        shares = project_simplex(shares - rate * speed)
    return shares


@BALANCERS.register("sdmgrad", source="Xiao, Ban & Ji 2023, algorithm 1")
class SDMGrad(Balancer):
    """The shortest mixture of gradients near their mean, seen without bias by two halves.

    An absent task keeps its share.

    :param rate: of the descent within a step, positive.
    :param momentum: of the descent, in [0, 1).
    :param steps: of the descent, at least 1.
    :param pull: towards the mean gradient (the paper's lambda), at least 0; a large one gives equal weights.
    """

    name: ClassVar[str] = "sdmgrad"
    needs: ClassVar[frozenset[Need]] = frozenset({"cross"})
    places: ClassVar[frozenset[Place]] = frozenset({"parameters"})
    neutral: ClassVar[Neutral] = "mean"

    def __init__(
        self, count: int, *, rate: float = 10.0, momentum: float = 0.5, steps: int = 20, pull: float = 0.3
    ) -> None:
        super().__init__(count)
        self.rate = number(self.name, "rate", rate, above=0)
        self.momentum = number(self.name, "momentum", momentum, least=0, below=1)
        self.steps = whole(self.name, "steps", steps, least=1)
        self.pull = number(self.name, "pull", pull, least=0)
        self.shares = Shares(count)

    def forward(self, seen: Seen) -> Tensor:
        """Weights [P] that add up to 1 over the present tasks.

        :raises BalancingError: the products are not finite, or the descent has overflowed.
        """
        place, cross = present_cross(seen)
        if not len(place):
            return spread(seen, place, place)
        shares = solve_sdmgrad(
            cross,
            self.shares.among(place),
            rate=self.rate,
            momentum=self.momentum,
            steps=self.steps,
            pull=self.pull,
        )
        if not torch.isfinite(shares).all():
            raise BalancingError(
                "the descent of 'sdmgrad' must stay finite",
                found=condition((cross + cross.T) / 2),
                remedy="a smaller rate, or clip: 1",
            )
        self.shares.keep(place, shares)
        return spread(seen, place, (shares + self.pull / len(place)) / (1 + self.pull))
