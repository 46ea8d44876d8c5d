"""ExcessMTL: more weight for tasks that are further from their best, not for those with large losses."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Need, Neutral, Place, Seen
from umbel.balancing.matrices import pieces
from umbel.balancing.options import number, whole
from umbel.balancing.present import softmax_among
from umbel.errors import BalancingError

__all__ = ["ExcessRisks"]


@BALANCERS.register("excess_mtl", source="He et al. 2024, eq. 6, 7 and 9")
class ExcessRisks(Balancer):
    """Weights that grow by exp(step * e_p / e_p0), e_p an estimate of the loss above the best one.

    e_p = sum_w g_pw^2 / sqrt(s_pw), with g the task's gradient and s the sum of its squares over all steps
    so far: to second order what a task could still gain, with the root as the Hessian's diagonal. It
    is divided by the task's first ones, e_p0, so that tasks of any scale compare. A task with noisy labels
    has a large loss, but no large e_p. The weights are a softmax of what each task has gathered, and begin
    equal. Where s is 0 so is g, and nothing is added (the authors' code adds 1e-7 to s).

    Among present tasks the gathered weight is shared anew at each step, so that an absent task's stays as
    it was. The memory holds P x W numbers.

    :param step: the weights' step size, > 0.
    :param warmup: e_p0 is the mean of e_p over so many first steps of the task, >= 1, at which e_p / e_p0
        counts as 1. The authors' code takes 1 step, their paper 3 epochs.
    :raises ConfigError: an option is out of its range.

    >>> seen = Seen(
    ...     losses=torch.ones(2), present=torch.tensor([True, True]), jacobian=torch.tensor([[3.0], [1.0]])
    ... )
    >>> ExcessRisks(2)(seen)
    tensor([0.5000, 0.5000], dtype=torch.float64)
    """

    name: ClassVar[str] = "excess_mtl"
    needs: ClassVar[frozenset[Need]] = frozenset({"jacobian"})
    places: ClassVar[frozenset[Place]] = frozenset({"parameters"})
    neutral: ClassVar[Neutral] = "mean"
    squares: Tensor
    logits: Tensor
    first: Tensor
    steps: Tensor

    def __init__(self, count: int, *, step: float = 0.01, warmup: int = 1) -> None:
        super().__init__(count)
        self.step = number(self.name, "step", step, above=0)
        self.warmup = whole(self.name, "warmup", warmup, least=1)
        self.register_buffer("squares", torch.zeros(count, 0))  # W is known at the first step
        self.register_buffer("logits", torch.zeros(count, dtype=torch.float64))
        self.register_buffer("first", torch.zeros(count, dtype=torch.float64))
        self.register_buffer("steps", torch.zeros(count, dtype=torch.int64))

    def forward(self, seen: Seen) -> Tensor:
        """Weights of the present tasks, [P], adding up to 1; 0 for the others.

        :raises BalancingError: gradients are not finite, or of another size than before.
        """
        assert seen.jacobian is not None, "a step gives the Jacobian to those that need it"
        present = seen.present
        excess = self._excess(seen.jacobian.detach(), present)
        cold = present & (self.steps < self.warmup) & (excess > 0)  # a gradient of 0 tells no scale
        self.steps += cold
        self.first += torch.where(cold, (excess - self.first) / self.steps.clamp(min=1), 0.0)
        ready = present & ~cold & (self.steps >= self.warmup)
        ratio = torch.where(ready, excess / self.first, 1.0)
        held = self.logits.masked_fill(~present, -torch.inf)
        moved = held + self.step * ratio
        moved = moved - torch.logsumexp(moved, dim=0) + torch.logsumexp(held, dim=0)
        self.logits.copy_(torch.where(present, moved, self.logits))
        return softmax_among(self.logits, present)

    def _excess(self, jacobian: Tensor, present: Tensor) -> Tensor:
        """Excess risks [P], float64; the squares of this step's gradients are added to the memory."""
        if not self.squares.shape[1]:
            self.squares = torch.zeros_like(jacobian)
        if self.squares.shape != jacobian.shape:
            raise BalancingError(
                f"'{self.name}' keeps to the shared parameters it was begun with",
                found=f"gradients {list(jacobian.shape)} after {list(self.squares.shape)}",
                remedy="a new balancer for a model with other shared parameters",
            )
        norms = torch.linalg.vector_norm(jacobian, dim=1)
        place = torch.nonzero(present).flatten().tolist()
        # a norm costs little, and is finite only where all squares are; where it is not, their sum may be
        bad = [p for p in place if not norms[p].isfinite() and not jacobian[p].square().isfinite().all()]
        if bad:
            raise BalancingError(
                "the squares of task gradients must be finite",
                found=f"infinite or NaN in the rows of the tasks {bad}",
                remedy="a smaller learning rate, or clip: 1",
            )
        excess = torch.zeros(self.count, dtype=torch.float64, device=jacobian.device)
        greatest = torch.finfo(jacobian.dtype).max
        for p in place:
            for some in pieces(jacobian.shape[1], 2, jacobian.device):
                squares, total = jacobian[p, some].square(), self.squares[p, some]
                total += squares
                # where the total is 0, and one over its root infinite, so is the square
                excess[p] += torch.dot(squares, total.rsqrt().clamp_(max=greatest))
        return excess

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        saved = state_dict.get(prefix + "squares")
        if saved is not None:  # takes the size that was saved
            self.squares = torch.zeros_like(saved, device=self.squares.device)
        super()._load_from_state_dict(state_dict, prefix, *rest)
