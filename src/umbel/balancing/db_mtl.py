"""DB-MTL: log losses, and gradients brought to the norm of the largest."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Need, Seen
from umbel.balancing.options import number
from umbel.balancing.positive import positive
from umbel.balancing.present import norms_among

__all__ = ["DualBalancing"]


@BALANCERS.register("db_mtl", source="Lin et al. 2023, algorithm 1, with averaged norms for gradients")
class DualBalancing(Balancer):
    """Weights (the largest N / N_p) / L_p, with N_p the smoothed norm of the gradient of log L_p.

    The paper smooths the gradients of the log losses over the steps, takes the norms of what comes out, and
    updates by it. Seen through the Gramian there are norms alone. So two things differ: N_p is the average of
    norms, not the norm of the average (which is smaller where the gradients of a task's steps disagree),
    and the update is made of this step's gradients, not of smoothed ones. With ``beta`` 0 nothing is
    smoothed, and the update of what is shared is the paper's. (A task's own layers get the gradient of the
    log loss there; here, what the step gives them.)

    The average begins with a task's first norm, not with 0. Losses must be above 0. A task whose smoothed
    norm is 0 has nothing to be enlarged and gets the weight 1 / L_p.

    :param beta: share of the past in the average, in [0, 1).
    :param sigma: at a task's t-th step the share of the past is beta / t ** sigma, >= 0.
    :raises ConfigError: an option is out of its range.

    >>> seen = Seen(
    ...     losses=torch.tensor([1.0, 2.0]),
    ...     present=torch.tensor([True, True]),
    ...     gram=torch.tensor([[1.0, 0.0], [0.0, 16.0]]),
    ... )
    >>> DualBalancing(2)(seen)  # log losses have gradients of the norms 1 and 2
    tensor([2.0000, 0.5000], dtype=torch.float64)
    """

    name: ClassVar[str] = "db_mtl"
    needs: ClassVar[frozenset[Need]] = frozenset({"losses", "gramian"})
    degree: float | None = -1.0
    norms: Tensor
    steps: Tensor

    def __init__(self, count: int, *, beta: float = 0.9, sigma: float = 0.0) -> None:
        super().__init__(count)
        self.beta = number(self.name, "beta", beta, least=0, below=1)
        self.sigma = number(self.name, "sigma", sigma, least=0)
        self.register_buffer("norms", torch.zeros(count, dtype=torch.float64))
        self.register_buffer("steps", torch.zeros(count, dtype=torch.int64))

    def forward(self, seen: Seen) -> Tensor:
        """Weights of the present tasks, [P]; 0 for the others.

        :raises BalancingError: a loss is not above 0, or gradients are not finite.
        """
        assert seen.gram is not None, "a step gives the Gramian to those that need it"
        losses = positive(self.name, seen.losses, seen.present)
        found = norms_among(seen.gram, seen.present) / losses
        self.steps += seen.present
        age = self.steps.clamp(min=1).to(torch.float64)
        past = torch.where(age > 1, self.beta / age**self.sigma, 0.0)
        smooth = past * self.norms + (1 - past) * found
        self.norms.copy_(torch.where(seen.present, smooth, self.norms))
        norms = torch.where(seen.present, self.norms.to(torch.float64), 0.0)
        enlarged = torch.where(norms > 0, norms.max() / norms, 1.0)
        return torch.where(seen.present, enlarged / losses, 0.0)
