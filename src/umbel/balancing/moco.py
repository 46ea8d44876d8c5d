"""MoCo: the weights and the update follow task gradients that are averaged over the steps."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Need, Neutral, Place, Seen
from umbel.balancing.gramian import check_gram
from umbel.balancing.matrices import gram_of
from umbel.balancing.options import number
from umbel.balancing.shown import in_pieces, present_rows, spread
from umbel.balancing.simplex import Shares, descend
from umbel.errors import BalancingError

__all__ = ["MoCo", "track"]


def track(memory: Tensor, gradients: Tensor, known: Tensor, *, beta: float) -> Tensor:
    """Averages of gradients after one more of each: ``y - beta (y - g)``.

    :param memory: [K, W] averages so far.
    :param gradients: [K, W] gradients of this step.
    :param known: [K] bool; a task that is not begins with its first gradient.
    :param beta: how fast averages follow, in (0, 1].
    :returns: [K, W].

    Source: Fernando et al. 2023, algorithm 1, without the projection on a ball.

    >>> memory, gradients = torch.zeros(2, 1), torch.full((2, 1), 4.0)
    >>> track(memory, gradients, torch.tensor([True, False]), beta=0.25).flatten()
    tensor([1., 4.])
    """
    return torch.lerp(memory, gradients, torch.where(known, beta, 1.0).to(gradients)[:, None])


@BALANCERS.register("moco", source="Fernando et al. 2023, algorithm 1")
class MoCo(Balancer):
    """Averaged gradients y and weights on the simplex that follow the shortest mixture of them.

    Each step ``y <- y - beta (y - g)``, then ``lambda <- Proj(lambda - gamma (y y' + rho I) lambda)``; the
    update is ``lambda y``. An absent task keeps its y and its share.

    :param beta: how fast averages follow, in (0, 1].
    :param gamma: rate of the weights, positive.
    :param rho: pulls the weights to equality, at least 0.
    """

    name: ClassVar[str] = "moco"
    needs: ClassVar[frozenset[Need]] = frozenset({"jacobian"})
    places: ClassVar[frozenset[Place]] = frozenset({"parameters"})
    neutral: ClassVar[Neutral] = "mean"
    degree: float | None = None
    memory: Tensor
    known: Tensor

    def __init__(self, count: int, *, beta: float = 0.5, gamma: float = 0.1, rho: float = 0.1) -> None:
        super().__init__(count)
        self.beta = number(self.name, "beta", beta, above=0, most=1)
        self.gamma = number(self.name, "gamma", gamma, above=0)
        self.rho = number(self.name, "rho", rho, least=0)
        self.shares = Shares(count)
        self.register_buffer("memory", torch.zeros(count, 0))  # [P, W] from the first step on
        self.register_buffer("known", torch.zeros(count, dtype=torch.bool))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        # how many parameters there are is known from the first step alone, or from what is loaded
        saved = state_dict.get(f"{prefix}memory")
        if isinstance(saved, Tensor) and saved.ndim == 2 and len(saved) == self.count:
            self.memory = torch.empty_like(saved, device=self.memory.device)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def forward(self, seen: Seen) -> Tensor:
        """Remember the gradients; weights [P] that add up to 1 over the present tasks.

        :raises BalancingError: a gradient is not finite, or there are more or fewer parameters than before.
        """
        place, jacobian = present_rows(seen)
        if not len(place):
            return spread(seen, place, place)
        if not self.known.any():
            self.memory = torch.zeros_like(jacobian)
        elif self.memory.shape[1] != jacobian.shape[1]:
            raise BalancingError(
                "'moco' remembers the gradients of the same shared parameters at each step",
                found=f"{jacobian.shape[1]} parameters, and {self.memory.shape[1]} before",
                remedy="a new balancer when what is trained changes",
            )
        self.memory, self.known = self.memory.to(jacobian.device), self.known.to(jacobian.device)
        at = place.to(jacobian.device)
        known = self.known[at]
        # twice, as what is remembered may only change where all is finite, and has no second place
        both = in_pieces(place, self.memory, jacobian)
        averages = (track(y, g.to(y), known, beta=self.beta) for y, g in both)
        products = check_gram(gram_of(averages)).cpu()
        for p, first in zip(place.tolist(), (~known).tolist(), strict=True):
            self.memory[p].lerp_(jacobian[p].to(self.memory), 1.0 if first else self.beta)
        self.known[at] = True
        shares = descend(self.shares.among(place), products, rate=self.gamma, ridge=self.rho)
        self.shares.keep(place, shares)
        return spread(seen, place, shares)

    def direction(self, seen: Seen, weights: Tensor) -> Tensor:
        """The update [W]: the averaged gradients of the present tasks, each times its weight."""
        assert seen.jacobian is not None, "a step gives the Jacobian to those that need it"
        among = weights.to(self.memory).masked_fill(~seen.present.to(self.memory.device), 0.0)
        return (among @ self.memory).to(seen.jacobian)
