"""Dynamic weight average: tasks whose losses fall slowly get more weight."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Need, Seen
from umbel.balancing.options import number
from umbel.balancing.positive import positive

__all__ = ["DynamicWeightAverage"]


@BALANCERS.register("dwa", source="Liu, Johns & Davison 2019, eq. 7")
class DynamicWeightAverage(Balancer):
    """P times the softmax of r / temperature, r the last epoch's loss / the loss of the epoch before.

    Until two epochs are over r is 1, so the weights are equal. They stay the same for a whole epoch and add
    up to P over all tasks, whichever of them a step has. Losses must be above 0, since the ratio of
    negative ones would rise as they fall.

    :param temperature: > 0; the higher, the more equal the weights.
    :raises ConfigError: the temperature is not above 0.

    >>> dwa = DynamicWeightAverage(2)
    >>> dwa.epoch(torch.tensor([4.0, 1.0]))
    >>> dwa.epoch(torch.tensor([2.0, 1.0]))
    >>> dwa(Seen(losses=torch.ones(2), present=torch.tensor([True, True])))
    tensor([0.8756, 1.1244], dtype=torch.float64)
    """

    name: ClassVar[str] = "dwa"
    needs: ClassVar[frozenset[Need]] = frozenset({"epoch"})
    last: Tensor
    before: Tensor
    epochs: Tensor

    def __init__(self, count: int, *, temperature: float = 2.0) -> None:
        super().__init__(count)
        self.temperature = number(self.name, "temperature", temperature, above=0)
        self.register_buffer("last", torch.zeros(count, dtype=torch.float64))
        self.register_buffer("before", torch.zeros(count, dtype=torch.float64))
        self.register_buffer("epochs", torch.zeros(count, dtype=torch.int64))

    def forward(self, seen: Seen) -> Tensor:
        """Weights of the present tasks, [P]; 0 for the others."""
        rates = torch.where(self.epochs >= 2, self.last / self.before, 1.0)
        weights = self.count * torch.softmax(rates.to(torch.float64) / self.temperature, dim=0)
        return torch.where(seen.present, weights, 0.0)

    def epoch(self, losses: Tensor) -> None:
        """Remember the mean losses of an epoch, [P]; a task that had no label has NaN and is left as it was.

        :raises BalancingError: a loss is not above 0.
        """
        known = ~torch.isnan(losses)
        found = positive(self.name, losses, known)
        self.before.copy_(torch.where(known, self.last, self.before))
        self.last.copy_(torch.where(known, found, self.last))
        self.epochs += known
