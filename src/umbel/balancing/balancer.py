"""The contract of a balancer: many losses, one update. Pure mathematics: it knows neither tasks nor data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from umbel.registry import Registry

__all__ = ["BALANCERS", "PLACES", "Balancer", "Need", "Neutral", "Place", "Seen"]

Need = Literal["losses", "gramian", "jacobian", "cross", "validation", "after", "epoch"]
"""What a balancer looks at. Nothing: its weights are constant or learned by the model's optimiser.

========== ============================================================================================
losses     the losses of the step, [P]
gramian    products of the task gradients, [P, P]
jacobian   the task gradients themselves at the shared parameters, [P, W]
cross      products of the task gradients of two independent halves of the batch, [P, P]
validation products of the training batch's task gradients with those of a validation batch, [P, P]
after      the losses of the same rows after the step, [P] (given to ``after``)
epoch      the mean losses of each epoch, [P] (given to ``epoch``)
========== ============================================================================================
"""

Place = Literal["features", "parameters", "subsample"]
"""Where task gradients are taken: at the features that all tasks share, at the shared parameters, or at
the shared parameters from a few rows per task."""

PLACES: tuple[Place, ...] = get_args(Place)

Neutral = Literal["sum", "mean"]
"""What weights mean for tasks that do not conflict and are of one size: each is 1 (``sum``), or they add
up to 1 (``mean``). A step multiplies the latter by the number of present tasks, so that the learning rate
means the same for every balancer."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a balancer is shown at one step; of all processes and pieces together.

    :param losses: [P], detached; of an absent task 0.
    :param present: [P] bool, tasks with a known label in this step.
    :param gram: [P, P] products of the task gradients, for balancers that need ``gramian``.
    :param jacobian: [P, W] the task gradients, for those that need ``jacobian``.
    :param cross: [P, P] row: first half of the batch, column: second half.
    :param validation: [P, P] row: training batch, column: validation batch.
    """

    losses: Tensor
    present: Tensor
    gram: Tensor | None = None
    jacobian: Tensor | None = None
    cross: Tensor | None = None
    validation: Tensor | None = None


class Balancer(nn.Module, ABC):
    """Weights of P losses at each step.

    A balancer is a module: its parameters are learned with the model's by the model's optimiser, its
    buffers are its memory, and both are in every checkpoint. What it does is the same on every process:
    it sees the same and draws the same.

    :param count: how many losses there are, P.

    :cvar needs: what it looks at.
    :cvar places: where task gradients may be taken for it.
    :cvar neutral: what its weights mean, see ``Neutral``.
    :cvar degree: when all losses are multiplied by c, its weights are multiplied by c ** degree; None
        when they follow no such law (weights that are learned, or remembered). An instance has its own
        where an option decides.
    """

    name: ClassVar[str]
    needs: ClassVar[frozenset[Need]] = frozenset()
    places: ClassVar[frozenset[Place]] = frozenset(PLACES)
    neutral: ClassVar[Neutral] = "sum"
    degree: float | None = 0.0

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def start(self, seed: int) -> None:  # most balancers draw nothing
        """Seed what it draws, if it draws anything; called once, before the first step."""

    @abstractmethod
    def forward(self, seen: Seen) -> Tensor:
        """Weights of the losses, [P]; those of absent tasks count for nothing."""

    def direction(self, seen: Seen, weights: Tensor) -> Tensor | None:
        """The update of the shared parameters, [W], where it is not weights @ jacobian; else None."""
        return None

    def penalty(self, present: Tensor) -> Tensor:
        """What is added to each weighted loss, [P], where the weights are learned; else 0."""
        return torch.zeros(self.count, device=present.device)

    def after(self, seen: Seen) -> None:  # few balancers look back
        """Told the losses of the same rows after the step (those that need ``after``)."""

    def epoch(self, losses: Tensor) -> None:  # few balancers wait for an epoch's end
        """Told the mean losses of an epoch that is over, [P] (those that need ``epoch``)."""

    @classmethod
    def cost(cls) -> str:
        """The cost class: what a step costs beyond a plain one."""
        if "validation" in cls.needs:
            return "two gradients per task"
        if cls.needs & {"jacobian", "cross"}:
            return "a gradient per task, at the parameters"
        if "gramian" in cls.needs:
            return "a gradient per task"
        return "one more forward pass" if "after" in cls.needs else "none"


BALANCERS: Registry[Any] = Registry("balancer", "umbel.balancing")
"""All balancers, by name."""
