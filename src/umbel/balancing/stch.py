"""Smooth Tchebycheff scalarization: a smooth form of the largest loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Need, Seen
from umbel.balancing.options import number, numbers, whole
from umbel.balancing.positive import positive
from umbel.balancing.present import softmax_among

__all__ = ["SmoothTchebycheff"]


@BALANCERS.register("stch", source="Lin et al. 2024, the smooth Tchebycheff scalarization and its log form")
class SmoothTchebycheff(Balancer):
    """The gradient of P mu log sum exp(y_p / mu): the tasks that are worst off get the weight.

    - With ``warmup`` 0, the scalarization itself: y_p = v_p (L_p - z_p), weights P v_p softmax(y / mu)_p.
      It depends on the losses' scale.
    - Else the authors' protocol for nets: for so many steps the sum of v_p log(L_p - z_p) is minimised, and
      the mean of L_p - z_p over them is the nadir n_p. From then on y_p = v_p log((L_p - z_p) / n_p), the
      weights are P v_p softmax(y / mu)_p / (L_p - z_p), and scaling all losses, ever, by c scales
      the weights by 1 / c. The authors count epochs, and average over the last of them.

    P counts the present tasks. A task that comes late has a warm-up of its own.

    :param mu: smoothness, > 0: the smaller, the closer to the largest y alone.
    :param weights: preferences v, one for each loss, > 0; their proportions matter alone, they are scaled
        to a mean of 1. (The paper scales them to a sum of 1: its mu is this one divided by P.)
    :param reference: the ideal point z, one for each loss, below any loss it can have; zeros when None.
    :param warmup: steps of each task's warm-up, >= 0.
    :raises ConfigError: an option is out of its range.

    >>> stch = SmoothTchebycheff(2, warmup=0)
    >>> stch(Seen(losses=torch.tensor([1.0, 2.0]), present=torch.tensor([True, True])))
    tensor([0.5379, 1.4621], dtype=torch.float64)
    """

    name: ClassVar[str] = "stch"
    needs: ClassVar[frozenset[Need]] = frozenset({"losses"})
    degree: float | None = -1.0
    preferences: Tensor
    reference: Tensor
    nadir: Tensor
    steps: Tensor

    def __init__(
        self,
        count: int,
        *,
        mu: float = 1.0,
        weights: Sequence[float] | None = None,
        reference: Sequence[float] | None = None,
        warmup: int = 100,
    ) -> None:
        super().__init__(count)
        self.mu = number(self.name, "mu", mu, above=0)
        self.warmup = whole(self.name, "warmup", warmup)
        found = numbers(self.name, "weights", weights, count, default=1.0, above=0)
        self.register_buffer("preferences", found / found.mean())
        self.register_buffer("reference", numbers(self.name, "reference", reference, count, default=0.0))
        self.register_buffer("nadir", torch.zeros(count, dtype=torch.float64))
        self.register_buffer("steps", torch.zeros(count, dtype=torch.int64))

    def forward(self, seen: Seen) -> Tensor:
        """Weights of the present tasks, [P]; 0 for the others.

        :raises BalancingError: a loss is not above its reference, where logarithms are taken.
        """
        if self.warmup:
            return self._of_logs(seen)
        height = torch.where(seen.present, seen.losses.to(torch.float64) - self.reference, 0.0)
        return self._soft(height, seen.present)

    def _of_logs(self, seen: Seen) -> Tensor:
        height = positive(self.name, seen.losses, seen.present, least=self.reference, option="reference")
        warm = seen.present & (self.steps >= self.warmup)
        cold = seen.present & ~warm
        self.steps += cold
        change = (height - self.nadir) / self.steps.clamp(min=1)
        self.nadir += torch.where(cold, change, 0.0)
        weights = torch.where(cold, self.preferences, self._soft(torch.log(height / self.nadir), warm))
        return weights / height

    def _soft(self, height: Tensor, among: Tensor) -> Tensor:
        """P v softmax(v height / mu) among some tasks, [P]; 0 for the others."""
        chosen = softmax_among(self.preferences * height / self.mu, among)
        return among.sum() * self.preferences * chosen
