"""A small Adam whose moments are buffers of the balancer that owns it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["OwnAdam"]


class OwnAdam(nn.Module):
    """Adam for one number per task, with each task's own count of steps.

    torch's own optimisers keep their moments outside of the module, and take a step for every entry. Here
    moments are in the balancer's state, and an absent task's stay as they are.

    :param count: P.
    :param lr: learning rate, > 0.
    :param epsilon: added to the root of the second moment. The default only keeps 0 / 0 away, so that the
        step doesn't depend on the scale of what it descends on; torch's is 1e-8.

    Source: Kingma & Ba 2015, algorithm 1, betas 0.9 and 0.999.

    >>> adam = OwnAdam(2, lr=0.1)
    >>> adam(torch.tensor([3.0, -5.0]), torch.tensor([True, False]))
    tensor([0.1000, 0.0000], dtype=torch.float64)
    """

    first: Tensor
    second: Tensor
    steps: Tensor

    def __init__(
        self, count: int, *, lr: float, epsilon: float = 1e-30, betas: tuple[float, float] = (0.9, 0.999)
    ) -> None:
        super().__init__()
        self.lr, self.epsilon, self.betas = lr, epsilon, betas
        self.register_buffer("first", torch.zeros(count, dtype=torch.float64))
        self.register_buffer("second", torch.zeros(count, dtype=torch.float64))
        self.register_buffer("steps", torch.zeros(count, dtype=torch.int64))

    def forward(self, gradient: Tensor, among: Tensor) -> Tensor:
        """What to subtract from the numbers, [P]; 0 for tasks that are not among those to be moved.

        :param gradient: [P]; only entries in ``among`` are looked at.
        :param among: [P] bool.
        """
        one, two = self.betas
        seen = torch.where(among, gradient.to(torch.float64), 0.0)
        self.steps += among
        self.first.copy_(torch.where(among, one * self.first + (1 - one) * seen, self.first))
        self.second.copy_(torch.where(among, two * self.second + (1 - two) * seen**2, self.second))
        age = self.steps.clamp(min=1).to(torch.float64)
        mean = self.first / (1 - one**age)
        spread = (self.second / (1 - two**age)).sqrt() + self.epsilon
        return torch.where(among, self.lr * mean / spread, 0.0)
