"""The geometric loss strategy: the geometric mean of the losses is minimised."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Need, Neutral, Seen
from umbel.balancing.positive import positive

__all__ = ["GeometricMean"]


@BALANCERS.register("gls", source="Chennupati et al. 2019, geometric loss strategy")
class GeometricMean(Balancer):
    """The gradient of (L_1 ... L_P) ** (1 / P): the weight of a loss is the geometric mean / (P L_p).

    Losses must be above 0. Equal losses have the weights 1 / P, and the weights do not change when all
    losses are scaled.

    >>> GeometricMean(2)(Seen(losses=torch.tensor([1.0, 4.0]), present=torch.tensor([True, True])))
    tensor([1.0000, 0.2500], dtype=torch.float64)
    """

    name: ClassVar[str] = "gls"
    needs: ClassVar[frozenset[Need]] = frozenset({"losses"})
    neutral: ClassVar[Neutral] = "mean"

    def forward(self, seen: Seen) -> Tensor:
        """Weights of the present tasks, [P]; 0 for the others.

        :raises BalancingError: a loss is not above 0.
        """
        logs = positive(self.name, seen.losses, seen.present).log()  # 0 for absent tasks
        count = seen.present.sum()
        return torch.where(seen.present, torch.exp(logs.sum() / count - logs) / count, 0.0)
