"""IMTL-L: the scale of each loss is learned so that all scaled losses come to 1."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from umbel.balancing.balancer import BALANCERS, Balancer, Seen
from umbel.balancing.options import number

__all__ = ["ImpartialLosses"]


@BALANCERS.register("imtl_l", source="Liu et al. 2021, IMTL-L")
class ImpartialLosses(Balancer):
    """exp(s) loss - s for each task, with s learned: at its best exp(s) is 1 / loss.

    The model's own optimiser learns s. With s replaced by -s it is twice Kendall's uncertainty weighting.
    Made for losses above 0: for others the best s has no bound, and is held within ``bound``.

    :param bound: s stays in [-bound, bound], > 0.
    :raises ConfigError: the bound is not above 0.

    >>> weights = ImpartialLosses(2)(Seen(losses=torch.ones(2), present=torch.tensor([True, True])))
    >>> weights.detach()
    tensor([1., 1.])
    """

    name: ClassVar[str] = "imtl_l"
    degree: float | None = None

    def __init__(self, count: int, *, bound: float = 5.0) -> None:
        super().__init__(count)
        self.bound = number(self.name, "bound", bound, above=0)
        self.log_scale = nn.Parameter(torch.zeros(count))

    def _s(self) -> Tensor:
        return self.log_scale.clamp(-self.bound, self.bound)

    def forward(self, seen: Seen) -> Tensor:
        """Weights exp(s), [P]; 0 for absent tasks."""
        return torch.where(seen.present, torch.exp(self._s()), 0.0)

    def penalty(self, present: Tensor) -> Tensor:
        """-s for each task that is present, [P]."""
        return torch.where(present, -self._s(), 0.0)
