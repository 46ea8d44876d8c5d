"""FAMO: all losses are to fall at the same rate, learned from how they fell at the last step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Need, Neutral, Seen
from umbel.balancing.options import number, numbers
from umbel.balancing.own_adam import OwnAdam
from umbel.balancing.positive import positive
from umbel.balancing.present import softmax_among

__all__ = ["Famo"]


@BALANCERS.register("famo", source="Liu, Feng, Stone & Liu 2023, algorithm 1")
class Famo(Balancer):
    """Weights c z_p / L_p with z the softmax of learned logits, and c such that they add up to 1.

    After the step the losses of the same rows are taken again. With d_p = log L_p before - log L_p after,
    the logits take a step of Adam against J d + gamma logits, where J is the Jacobian of the softmax: a
    loss that fell more than the others loses weight. Only the present tasks take part. Losses must stay
    above ``min_losses``; the authors' code adds 1e-8 to each instead.

    :param lr: learning rate of the logits, > 0.
    :param gamma: their decay, >= 0.
    :param min_losses: a lower bound of each loss, subtracted from it; zeros when None. With other bounds
        than 0 the weights depend on the losses' scale.
    :raises ConfigError: an option is out of its range.

    >>> famo, both = Famo(2), torch.tensor([True, True])
    >>> famo(Seen(losses=torch.tensor([1.0, 4.0]), present=both))
    tensor([0.8000, 0.2000], dtype=torch.float64)
    >>> famo.after(Seen(losses=torch.tensor([0.9, 4.0]), present=both))
    >>> famo(Seen(losses=torch.tensor([1.0, 4.0]), present=both))
    tensor([0.7919, 0.2081], dtype=torch.float64)
    """

    name: ClassVar[str] = "famo"
    needs: ClassVar[frozenset[Need]] = frozenset({"losses", "after"})
    neutral: ClassVar[Neutral] = "mean"
    min_losses: Tensor
    logits: Tensor
    before: Tensor
    waiting: Tensor

    def __init__(
        self,
        count: int,
        *,
        lr: float = 0.025,
        gamma: float = 1e-3,
        min_losses: Sequence[float] | None = None,
    ) -> None:
        super().__init__(count)
        self.gamma = number(self.name, "gamma", gamma, least=0)
        self.adam = OwnAdam(count, lr=number(self.name, "lr", lr, above=0), epsilon=1e-8)
        bounds = numbers(self.name, "min_losses", min_losses, count, default=0.0)
        self.register_buffer("min_losses", bounds)
        self.register_buffer("logits", torch.zeros(count, dtype=torch.float64))
        self.register_buffer("before", torch.zeros(count, dtype=torch.float64))
        self.register_buffer("waiting", torch.zeros(count, dtype=torch.bool))

    def _logs(self, seen: Seen) -> Tensor:
        above = positive(self.name, seen.losses, seen.present, least=self.min_losses, option="min_losses")
        return above.log()

    def forward(self, seen: Seen) -> Tensor:
        """Weights of the present tasks, [P], adding up to 1; 0 for the others.

        :raises BalancingError: a loss is not above its lower bound.
        """
        logs = self._logs(seen)
        self.before.copy_(logs)
        self.waiting.copy_(seen.present)
        return softmax_among(self.logits - logs, seen.present)  # z_p / L_p, made to add up to 1

    def after(self, seen: Seen) -> None:
        """Move the logits by how the losses of the same rows fell.

        :raises BalancingError: a loss is not above its lower bound.
        """
        assert torch.equal(seen.present, self.waiting), "after follows a forward of the same rows"
        self.waiting.zero_()
        fell = self.before - self._logs(seen)
        share = softmax_among(self.logits, seen.present)
        gradient = share * (fell - (share * fell).sum())  # 0 for absent tasks
        self.logits -= self.adam(gradient + self.gamma * self.logits, seen.present)
