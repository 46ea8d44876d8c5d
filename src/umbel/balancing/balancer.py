"""The contract of a balancer: many losses, one update. Pure mathematics: it knows neither tasks nor data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from umbel.registry import Registry

__all__ = ["BALANCERS", "Balancer", "Need"]

Need = Literal["losses", "gramian", "jacobian"]
"""What a balancer must be given: the losses [P], the Gramian of the task gradients [P, P], or all of
the Jacobian [P, W]."""


class Balancer(nn.Module, ABC):
    """Weights of P losses at each step.

    A balancer is a module: its parameters are learned with the model's, its buffers are its memory, and
    both are in every checkpoint.

    :param count: how many losses there are, P.
    """

    name: ClassVar[str]
    needs: ClassVar[Need] = "losses"

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    @abstractmethod
    def forward(self, losses: Tensor, present: Tensor) -> Tensor:
        """Weights of the losses.

        :param losses: [P]; of an absent task 0.
        :param present: [P] bool, tasks with a known label in this batch.
        :returns: weights [P]; those of absent tasks count for nothing.
        """

    def penalty(self, present: Tensor) -> Tensor:
        """What is added to each weighted loss, [P], where the weights are learned; else 0."""
        return torch.zeros(self.count, device=present.device)


BALANCERS: Registry[Any] = Registry("balancer", "umbel.balancing")
"""All balancers, by name."""
