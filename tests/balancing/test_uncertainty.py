"""Uncertainty weights against their formulas."""

from __future__ import annotations

import pytest
import torch

from umbel.balancing.balancer import Seen
from umbel.balancing.uncertainty import RevisedUncertainty, Uncertainty

S = torch.tensor([0.4, -1.0, 2.0], dtype=torch.float64)
LOSSES = torch.tensor([0.5, 2.0, 3.0], dtype=torch.float64)
PRESENT = torch.tensor([True, True, False])


def at(form: type[Uncertainty]) -> Uncertainty:
    balancer = form(3).double()
    with torch.no_grad():
        balancer.log_variance.copy_(S)
    return balancer


def test_kendall() -> None:
    balancer, sigma = at(Uncertainty), torch.exp(S / 2)
    torch.testing.assert_close(balancer(Seen(losses=LOSSES, present=PRESENT)), 1 / (2 * sigma**2))
    torch.testing.assert_close(balancer.penalty(PRESENT), torch.log(sigma) * PRESENT)


def test_liebel() -> None:
    balancer, sigma = at(RevisedUncertainty), torch.exp(S / 2)
    torch.testing.assert_close(balancer(Seen(losses=LOSSES, present=PRESENT)), 1 / (2 * sigma**2))
    torch.testing.assert_close(balancer.penalty(PRESENT), torch.log(1 + sigma**2) * PRESENT)


def test_at_its_best_the_variance_is_the_loss() -> None:
    """d/ds (L exp(-s) / 2 + s / 2) = 0 at exp(s) = L."""
    balancer = Uncertainty(3).double()
    optimizer = torch.optim.LBFGS(balancer.parameters(), max_iter=100, line_search_fn="strong_wolfe")
    everything = torch.ones(3, dtype=torch.bool)
    seen = Seen(losses=LOSSES, present=everything)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        total = (balancer(seen) * LOSSES + balancer.penalty(everything)).sum()
        total.backward()
        return total

    optimizer.step(closure)
    torch.testing.assert_close(torch.exp(balancer.log_variance.detach()), LOSSES, rtol=1e-4, atol=0)


@pytest.mark.parametrize("form", [Uncertainty, RevisedUncertainty])
def test_a_negative_loss_stays_within_the_bound(form: type[Uncertainty]) -> None:
    balancer = form(1, bound=2.0)
    with torch.no_grad():
        balancer.log_variance.fill_(-50.0)
    weights = balancer(Seen(losses=torch.tensor([-1.0]), present=torch.tensor([True])))
    assert weights.item() == pytest.approx(torch.exp(torch.tensor(2.0)).item() / 2)
