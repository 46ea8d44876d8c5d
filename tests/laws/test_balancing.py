"""One contract for every registered balancer."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer

LOSSES = torch.tensor([0.3, 2.0, 0.7, 1.1], dtype=torch.float64)
PRESENT = torch.tensor([True, True, False, True])


def made(name: str) -> Balancer:
    torch.manual_seed(0)
    balancer: Balancer = BALANCERS.get(name)(len(LOSSES)).double()
    with torch.no_grad():
        for parameter in balancer.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return balancer


def weighted(balancer: Balancer, losses: Tensor, present: Tensor) -> Tensor:
    return balancer(losses, present).masked_fill(~present, 0.0)


@pytest.mark.parametrize("name", BALANCERS.names())
class TestBalancer:
    def test_it_tells_its_paper_and_one_line(self, name: str) -> None:
        entry = next(e for e in BALANCERS if e.name == name)
        assert entry.source
        assert entry.summary.endswith(".")

    def test_weights_are_finite_and_one_per_loss(self, name: str) -> None:
        for scale in (1e-8, 1.0, 1e8):
            weights = weighted(made(name), LOSSES * scale, PRESENT)
            assert weights.shape == LOSSES.shape
            assert torch.isfinite(weights).all()
            assert (weights >= 0).all()
            assert weights.sum() > 0

    def test_absent_losses_do_not_matter(self, name: str) -> None:
        other = LOSSES.clone()
        other[2] = 77.0
        torch.testing.assert_close(
            weighted(made(name), LOSSES, PRESENT), weighted(made(name), other, PRESENT), rtol=0, atol=0
        )

    def test_an_absent_task_has_no_penalty(self, name: str) -> None:
        penalty = made(name).penalty(PRESENT)
        assert penalty.shape == LOSSES.shape
        assert penalty[2] == 0

    def test_the_state_brings_it_back(self, name: str) -> None:
        one = made(name)
        one(LOSSES, PRESENT)
        other: Balancer = BALANCERS.get(name)(len(LOSSES)).double()
        other.load_state_dict(one.state_dict())
        torch.testing.assert_close(one(LOSSES, PRESENT), other(LOSSES, PRESENT), rtol=0, atol=0)
