"""Random loss weighting: new random weights at each step."""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Neutral, Seen
from umbel.balancing.chance import Chance
from umbel.balancing.present import softmax_among
from umbel.errors import ConfigError, near

__all__ = ["RandomLossWeighting"]

Distribution = Literal["normal", "uniform", "dirichlet", "bernoulli", "constrained_bernoulli"]


@BALANCERS.register("rlw", source="Lin, Ye, Zhang & Tsang 2022, RLW")
class RandomLossWeighting(Balancer):
    """Weights drawn anew at each step, adding up to 1 over the present tasks.

    A baseline: a method that is no better than chance weights has learned nothing about the tasks. What is
    drawn never depends on the losses.

    :param distribution: ``normal`` or ``uniform``: the softmax of draws from N(0, 1) or U(0, 1);
        ``dirichlet``: uniform on the simplex; ``bernoulli``: each task is in or out with probability 1/2
        (again when all are out), those that are in share alike; ``constrained_bernoulli``: one task alone.
    :raises ConfigError: no such distribution.

    >>> rlw = RandomLossWeighting(3)
    >>> rlw.start(0)
    >>> weights = rlw(Seen(losses=torch.ones(3), present=torch.tensor([True, True, False])))
    >>> weights.sum(), weights[2]
    (tensor(1., dtype=torch.float64), tensor(0., dtype=torch.float64))
    """

    name: ClassVar[str] = "rlw"
    neutral: ClassVar[Neutral] = "mean"

    def __init__(self, count: int, *, distribution: Distribution = "normal") -> None:
        super().__init__(count)
        if distribution not in get_args(Distribution):
            raise ConfigError(
                f"the option 'distribution' of '{self.name}' must be one of its choices",
                found=repr(distribution),
                remedy=near(distribution, get_args(Distribution)),
            )
        self.distribution = distribution
        self.chance = Chance()

    def start(self, seed: int) -> None:
        """Seed the draws."""
        self.chance.start(seed)

    def forward(self, seen: Seen) -> Tensor:
        """Random weights [P], adding up to 1; 0 for absent tasks."""
        present = seen.present.cpu()
        if not present.any():
            return torch.zeros(self.count, dtype=torch.float64, device=seen.losses.device)
        with self.chance.generator() as generator:
            weights = self._draw(present, generator)
        return weights.to(seen.losses.device)

    def _draw(self, present: Tensor, generator: torch.Generator) -> Tensor:
        drawn = torch.empty(self.count, dtype=torch.float64)
        if self.distribution == "normal":
            return softmax_among(drawn.normal_(generator=generator), present)
        if self.distribution == "uniform":
            return softmax_among(drawn.uniform_(generator=generator), present)
        if self.distribution == "dirichlet":  # exponential draws divided by their sum, for any set of tasks
            chosen = torch.where(present, drawn.exponential_(generator=generator), 0.0)
        elif self.distribution == "bernoulli":
            chosen = torch.zeros_like(drawn)
            while not chosen.any():
                chosen = torch.where(present, drawn.bernoulli_(0.5, generator=generator), 0.0)
        else:
            among = torch.where(present, drawn.uniform_(generator=generator), -1.0)
            chosen = torch.nn.functional.one_hot(among.argmax(), self.count).to(torch.float64)
        return chosen / chosen.sum()
