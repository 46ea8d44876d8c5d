"""The sum of log losses against autograd."""

from __future__ import annotations

import pytest
import torch

from umbel.balancing.balancer import Seen
from umbel.balancing.scale_invariant import ScaleInvariant
from umbel.errors import BalancingError

LOSSES = torch.tensor([0.3, 0.0, 5.5], dtype=torch.float64)
PRESENT = torch.tensor([True, False, True])


def test_weights_are_the_gradient_of_the_sum_of_logs() -> None:
    losses = LOSSES.clone().requires_grad_()
    (expected,) = torch.autograd.grad(losses[PRESENT].log().sum(), losses)
    torch.testing.assert_close(ScaleInvariant(3)(Seen(losses=LOSSES, present=PRESENT)), expected)


def test_each_task_has_the_same_say_at_any_scale() -> None:
    scales = torch.tensor([1e-8, 1.0, 1e8], dtype=torch.float64)
    weights = ScaleInvariant(3)(Seen(losses=LOSSES * scales, present=PRESENT))
    torch.testing.assert_close(weights * LOSSES * scales, PRESENT.double())


def test_a_negative_loss_is_refused() -> None:
    with pytest.raises(BalancingError, match="'scale_invariant' needs losses above 0"):
        ScaleInvariant(3)(Seen(losses=-LOSSES, present=PRESENT))
