"""Weights the user gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Seen
from umbel.balancing.options import numbers
from umbel.errors import ConfigError

__all__ = ["Fixed"]


@BALANCERS.register("fixed", source="the user's own weights; as good as any when tuned, Xin et al. 2022")
class Fixed(Balancer):
    """Every loss has the weight its user gives.

    :param weights: one for each loss, >= 0, not all 0, used as they are; ones when None.
    :raises ConfigError: there are not P weights, one is negative or not finite, or all are 0.

    >>> seen = Seen(losses=torch.tensor([3.0, 1.0]), present=torch.tensor([True, True]))
    >>> Fixed(2, weights=[2.0, 0.5])(seen)
    tensor([2.0000, 0.5000], dtype=torch.float64)
    """

    name: ClassVar[str] = "fixed"
    weights: Tensor

    def __init__(self, count: int, *, weights: Sequence[float] | None = None) -> None:
        super().__init__(count)
        found = numbers(self.name, "weights", weights, count, default=1.0, least=0.0)
        if not found.any():
            raise ConfigError(
                f"a weight of '{self.name}' must be above 0",
                found=repr(weights),
                remedy="leave the option out for ones",
            )
        self.register_buffer("weights", found)

    def forward(self, seen: Seen) -> Tensor:
        """The weights of the present tasks, [P]; 0 for the others."""
        return torch.where(seen.present, self.weights, 0.0)
