"""IMTL-L against its equation, its optimum, torchjd, and uncertainty weighting."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchjd.scalarization import IMTLL, UW

from umbel.balancing.balancer import Balancer, Seen
from umbel.balancing.imtl_l import ImpartialLosses
from umbel.balancing.uncertainty import Uncertainty

S = torch.tensor([0.4, -1.0, 2.0], dtype=torch.float64)
LOSSES = torch.tensor([0.5, 2.0, 3.0], dtype=torch.float64)
EVERYBODY = torch.ones(3, dtype=torch.bool)


def at(s: Tensor) -> ImpartialLosses:
    balancer = ImpartialLosses(3).double()
    with torch.no_grad():
        balancer.log_scale.copy_(s)
    return balancer


def objective(balancer: Balancer, losses: Tensor) -> Tensor:
    weights: Tensor = balancer(Seen(losses=losses.detach(), present=EVERYBODY))
    return (weights * losses + balancer.penalty(EVERYBODY)).sum()


def test_torchjd_has_the_same_objective_and_gradients() -> None:
    ours, peer = at(S), IMTLL(3).double()
    with torch.no_grad():
        peer.log_scale.copy_(S)
    mine, theirs = LOSSES.clone().requires_grad_(), LOSSES.clone().requires_grad_()
    one, other = objective(ours, mine), peer(theirs)
    torch.testing.assert_close(one, other)
    one.backward()
    other.backward()
    torch.testing.assert_close(mine.grad, theirs.grad)
    torch.testing.assert_close(ours.log_scale.grad, peer.log_scale.grad)


def test_it_is_twice_uncertainty_weighting_at_minus_s() -> None:
    """torchjd's UW is Kendall's L exp(-s) / 2 + s / 2, as ours."""
    uncertainty, peer = Uncertainty(3).double(), UW(3).double()
    with torch.no_grad():
        uncertainty.log_variance.copy_(-S)
        peer.log_var.copy_(-S)
    torch.testing.assert_close(objective(uncertainty, LOSSES), peer(LOSSES))
    torch.testing.assert_close(objective(at(S), LOSSES), 2 * peer(LOSSES))


def test_at_its_best_scaled_losses_are_1() -> None:
    balancer = at(0 * S)
    optimizer = torch.optim.LBFGS(balancer.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        total = objective(balancer, LOSSES)
        total.backward()
        return total

    optimizer.step(closure)
    weights = balancer(Seen(losses=LOSSES, present=EVERYBODY)).detach()
    torch.testing.assert_close(weights * LOSSES, torch.ones_like(LOSSES), rtol=1e-4, atol=0)


def test_an_absent_task_teaches_nothing() -> None:
    balancer, present = at(S), torch.tensor([True, False, True])
    weights = balancer(Seen(losses=LOSSES, present=present))
    (weights * LOSSES + balancer.penalty(present)).sum().backward()
    assert weights[1] == 0
    assert balancer.penalty(present)[1] == 0
    assert balancer.log_scale.grad is not None
    assert balancer.log_scale.grad[1] == 0
    assert (balancer.log_scale.grad[[0, 2]] != 0).all()


def test_a_scale_stays_within_its_bound() -> None:
    balancer = ImpartialLosses(1, bound=2.0)
    with torch.no_grad():
        balancer.log_scale.fill_(50.0)
    seen = Seen(losses=torch.tensor([-1.0]), present=torch.tensor([True]))
    assert balancer(seen).item() == pytest.approx(torch.exp(torch.tensor(2.0)).item())
    assert balancer.penalty(seen.present).item() == -2.0
