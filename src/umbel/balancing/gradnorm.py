"""GradNorm: weights that bring the gradients' norms to where the tasks' progress wants them."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Need, Seen
from umbel.balancing.options import number
from umbel.balancing.own_adam import OwnAdam
from umbel.balancing.positive import positive
from umbel.balancing.present import norms_among

__all__ = ["GradNorm"]

LEAST = 1e-4
"""No weight falls below this: Adam's momentum could carry one past 0."""

ROUNDING = 1e-6
"""A norm that is this near to its target, relative to it, is on it."""


@BALANCERS.register("gradnorm", source="Chen et al. 2018, eq. 2 and algorithm 1")
class GradNorm(Balancer):
    """Weights learned so that the norm of each weighted gradient is their mean times r ** alpha.

    With g_p the norm of a task's gradient, G_p = w_p g_p and r_p the share of its first loss that is left,
    divided by the mean of these shares, the weights descend on sum |G_p - mean(G) r_p ** alpha|, the target
    held fixed, by an Adam of their own, and are rescaled to add up to P. A step uses the weights as they
    were before, as in algorithm 1. The paper takes the norm at the last shared layer's parameters; here it
    is taken wherever the step takes task gradients. Weights are held at 1e-4 or more.

    A task's first loss is that of the first step that has it. Present tasks share among themselves the
    weight they had, so that an absent task's stays as it was. Losses must be above 0.

    :param alpha: how strongly slow tasks are pulled along, >= 0.
    :param lr: learning rate of the weights, in (0, 1).
    :raises ConfigError: an option is out of its range.

    >>> gradnorm, both = GradNorm(2), torch.tensor([True, True])
    >>> seen = Seen(losses=torch.ones(2), present=both, gram=torch.tensor([[1.0, 0.0], [0.0, 4.0]]))
    >>> gradnorm(seen), gradnorm(seen)
    (tensor([1., 1.], dtype=torch.float64), tensor([1.0250, 0.9750], dtype=torch.float64))
    """

    name: ClassVar[str] = "gradnorm"
    needs: ClassVar[frozenset[Need]] = frozenset({"losses", "gramian"})
    weights: Tensor
    initial: Tensor
    known: Tensor

    def __init__(self, count: int, *, alpha: float = 1.5, lr: float = 0.025) -> None:
        super().__init__(count)
        self.alpha = number(self.name, "alpha", alpha, least=0)
        self.adam = OwnAdam(count, lr=number(self.name, "lr", lr, above=0, below=1))
        self.register_buffer("weights", torch.ones(count, dtype=torch.float64))
        self.register_buffer("initial", torch.ones(count, dtype=torch.float64))
        self.register_buffer("known", torch.zeros(count, dtype=torch.bool))

    def forward(self, seen: Seen) -> Tensor:
        """The weights of the present tasks, [P], 0 for the others; then an update of them.

        :raises BalancingError: a loss is not above 0, or gradients are not finite.
        """
        assert seen.gram is not None, "a step gives the Gramian to those that need it"
        losses = positive(self.name, seen.losses, seen.present)
        norms = norms_among(seen.gram, seen.present)
        self.initial.copy_(torch.where(seen.present & ~self.known, losses, self.initial))
        self.known |= seen.present
        weights = torch.where(seen.present, self.weights.to(torch.float64), 0.0)
        if seen.present.sum() > 1:  # a task alone has nothing to be balanced with
            self._update(weights, norms, losses, seen.present)
        return weights

    def _update(self, weights: Tensor, norms: Tensor, losses: Tensor, present: Tensor) -> None:
        count = present.sum()
        left = torch.where(present, losses / self.initial, 0.0)
        weighted = weights * norms
        target = weighted.sum() / count * (left / (left.sum() / count)) ** self.alpha
        off = weighted - target
        off = torch.where(off.abs() > ROUNDING * target, off, 0.0)  # Adam would make whole steps of rounding
        gradient = torch.sign(off) * norms
        moved = (weights - self.adam(gradient, present)).clamp(min=LEAST)
        moved = torch.where(present, moved, 0.0)
        moved = moved * (weights.sum() / moved.sum())
        self.weights.copy_(torch.where(present, moved, self.weights))
