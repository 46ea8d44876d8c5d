"""Equal weights."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Seen

__all__ = ["Equal"]


@BALANCERS.register("equal", source="the plain sum; strong when tuned, Xin et al. 2022, Kurin et al. 2022")
class Equal(Balancer):
    """Every loss has the weight 1.

    >>> Equal(2)(Seen(losses=torch.tensor([3.0, 1.0]), present=torch.tensor([True, False])))
    tensor([1., 1.])
    """

    name: ClassVar[str] = "equal"

    def forward(self, seen: Seen) -> Tensor:
        """Ones [P]."""
        return torch.ones_like(seen.losses)
