"""MoCo: the weights and the update follow task gradients that are averaged over the steps."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Need, Neutral, Place, Seen
from umbel.balancing.gramian import check_gram
from umbel.balancing.options import number
from umbel.balancing.shown import present_rows, spread
from umbel.balancing.simplex import Shares, descend
from umbel.errors import BalancingError, ConfigError

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
    return torch.where(known[:, None], memory - beta * (memory - gradients), gradients)


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
    degree: ClassVar[float | None] = None
    memory: Tensor
    known: Tensor

    def __init__(self, count: int, *, beta: float = 0.5, gamma: float = 0.1, rho: float = 0.1) -> None:
        super().__init__(count)
        if not 0 < beta <= 1:
            raise ConfigError(
                "the option 'beta' of 'moco' is a number, above 0 and at most 1",
                found=repr(beta),
                remedy="leave it out for the default",
            )
        self.beta = beta
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
        place, rows = present_rows(seen)
        if not len(place):
            return spread(seen, place, place)
        at = place.to(rows.device)
        if not self.known.any():
            self.memory = rows.new_zeros(self.count, rows.shape[1])
        elif self.memory.shape[1] != rows.shape[1]:
            raise BalancingError(
                "'moco' remembers the gradients of the same shared parameters at each step",
                found=f"{rows.shape[1]} parameters, and {self.memory.shape[1]} before",
                remedy="a new balancer when what is trained changes",
            )
        self.memory, self.known = self.memory.to(rows.device), self.known.to(rows.device)
        averages = track(self.memory[at], rows.to(self.memory), self.known[at], beta=self.beta)
        products = check_gram(averages @ averages.T).cpu()
        shares = descend(self.shares.among(place), products, rate=self.gamma, ridge=self.rho)
        self.memory[at], self.known[at] = averages, torch.ones_like(at, dtype=torch.bool)
        self.shares.keep(place, shares)
        return spread(seen, place, shares)

    def direction(self, seen: Seen, weights: Tensor) -> Tensor:
        """The update [W]: the averaged gradients of the present tasks, each times its weight."""
        assert seen.jacobian is not None, "a step gives the Jacobian to those that need it"
        place = torch.nonzero(seen.present).flatten().to(self.memory.device)
        return (weights.to(self.memory)[place] @ self.memory[place]).to(seen.jacobian)
