"""The sum of the log losses is minimised."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Need, Seen
from umbel.balancing.positive import positive

__all__ = ["ScaleInvariant"]


@BALANCERS.register("scale_invariant", source="Navon et al. 2022, the baseline SI: the sum of log losses")
class ScaleInvariant(Balancer):
    """Every loss is divided by itself: the gradient of the sum of log losses.

    A task's scale has no say in its update. Losses must be above 0.

    >>> ScaleInvariant(2)(Seen(losses=torch.tensor([1.0, 4.0]), present=torch.tensor([True, True])))
    tensor([1.0000, 0.2500], dtype=torch.float64)
    """

    name: ClassVar[str] = "scale_invariant"
    needs: ClassVar[frozenset[Need]] = frozenset({"losses"})
    degree: float | None = -1.0

    def forward(self, seen: Seen) -> Tensor:
        """1 / L_p for the present tasks, [P]; 0 for the others.

        :raises BalancingError: a loss is not above 0.
        """
        return torch.where(seen.present, 1 / positive(self.name, seen.losses, seen.present), 0.0)
