"""Uncertainty weighting: each loss is divided by a variance that is learned."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.balancing.balancer import BALANCERS, Balancer, Seen

__all__ = ["RevisedUncertainty", "Uncertainty"]


@BALANCERS.register("uncertainty", source="Kendall, Gal & Cipolla 2018, eq. 7 and 10")
class Uncertainty(Balancer):
    """Loss / (2 sigma^2) + log sigma for each task, with s = log sigma^2 learned.

    Made for squared errors and cross-entropies, which are not negative. A Gaussian likelihood with its
    noise learned is divided by its own variance already, and may be negative: then the best s has no
    bound, and is held within ``bound``.

    :param bound: s stays in [-bound, bound].
    """

    name: ClassVar[str] = "uncertainty"
    degree: float | None = None

    def __init__(self, count: int, *, bound: float = 5.0) -> None:
        super().__init__(count)
        self.bound = bound
        self.log_variance = nn.Parameter(torch.zeros(count))

    def _s(self) -> Tensor:
        return self.log_variance.clamp(-self.bound, self.bound)

    def forward(self, seen: Seen) -> Tensor:
        """Weights exp(-s) / 2, [P]."""
        return torch.exp(-self._s()) / 2

    def penalty(self, present: Tensor) -> Tensor:
        """s / 2 for each task that is present, [P]."""
        return torch.where(present, self._s() / 2, 0.0)


@BALANCERS.register("revised_uncertainty", source="Liebel & Körner 2018, eq. 2")
class RevisedUncertainty(Uncertainty):
    """Loss / (2 sigma^2) + log(1 + sigma^2): as Kendall's, with a penalty that is never negative."""

    name: ClassVar[str] = "revised_uncertainty"

    def penalty(self, present: Tensor) -> Tensor:
        """log(1 + exp(s)) for each task that is present, [P]."""
        return torch.where(present, functional.softplus(self._s()), 0.0)
