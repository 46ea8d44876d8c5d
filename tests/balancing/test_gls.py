"""The geometric mean against autograd and torchjd."""

from __future__ import annotations

import pytest
import torch
from torchjd.scalarization import GeometricMean as Peer

from umbel.balancing.balancer import Seen
from umbel.balancing.gls import GeometricMean
from umbel.errors import BalancingError

LOSSES = torch.tensor([0.3, 2.0, 5.5], dtype=torch.float64)
EVERYBODY = torch.ones(3, dtype=torch.bool)


def test_weights_are_the_gradient_of_the_geometric_mean() -> None:
    losses = LOSSES.clone().requires_grad_()
    (expected,) = torch.autograd.grad(losses.prod() ** (1 / 3), losses)
    torch.testing.assert_close(GeometricMean(3)(Seen(losses=LOSSES, present=EVERYBODY)), expected)
    (peer,) = torch.autograd.grad(Peer()(losses), losses)
    torch.testing.assert_close(expected, peer)


def test_the_mean_is_that_of_the_present_losses() -> None:
    seen = Seen(losses=torch.tensor([0.3, 0.0, 5.5]), present=torch.tensor([True, False, True]))
    found = GeometricMean(3)(seen)
    among = GeometricMean(2)(Seen(losses=torch.tensor([0.3, 5.5]), present=EVERYBODY[:2]))
    assert found[1] == 0
    torch.testing.assert_close(found[[0, 2]], among)


@pytest.mark.parametrize("scale", [1e-30, 1e-8, 1e8, 1e30])
def test_scale_does_not_matter(scale: float) -> None:
    one = GeometricMean(3)(Seen(losses=LOSSES, present=EVERYBODY))
    torch.testing.assert_close(GeometricMean(3)(Seen(losses=LOSSES * scale, present=EVERYBODY)), one)


def test_equal_losses_share_one() -> None:
    found = GeometricMean(3)(Seen(losses=torch.full((3,), 0.7), present=EVERYBODY))
    torch.testing.assert_close(found, torch.full((3,), 1 / 3, dtype=torch.float64))


def test_a_loss_of_0_is_refused() -> None:
    with pytest.raises(BalancingError, match="'gls' needs losses above 0"):
        GeometricMean(3)(Seen(losses=LOSSES * 0, present=EVERYBODY))
