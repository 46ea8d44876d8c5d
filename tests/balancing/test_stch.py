"""Smooth Tchebycheff scalarization against autograd and torchjd."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchjd import scalarization

from umbel.balancing.balancer import Seen
from umbel.balancing.stch import SmoothTchebycheff
from umbel.errors import BalancingError

LOSSES = torch.tensor([0.3, 2.0, 1.1], dtype=torch.float64)
EVERYBODY = torch.ones(3, dtype=torch.bool)
PREFERENCES = [0.2, 0.5, 0.3]
REFERENCE = [-0.1, 0.0, 0.2]


def see(losses: Tensor, present: Tensor = EVERYBODY) -> Seen:
    return Seen(losses=losses, present=present)


@pytest.mark.parametrize("mu", [0.05, 1.0])
def test_without_warmup_it_is_the_gradient_of_the_scalarization(mu: float) -> None:
    stch = SmoothTchebycheff(3, mu=mu, weights=PREFERENCES, reference=REFERENCE, warmup=0)
    losses, v = LOSSES.clone().requires_grad_(), 3 * torch.tensor(PREFERENCES, dtype=torch.float64)
    height = v * (losses - torch.tensor(REFERENCE, dtype=torch.float64))
    (expected,) = torch.autograd.grad(3 * mu * torch.logsumexp(height / mu, dim=0), losses)
    torch.testing.assert_close(stch(see(LOSSES)), expected)


def test_torchjd_is_the_paper_whose_preferences_add_up_to_1() -> None:
    """With v = P lambda and mu' = P mu, P mu' logsumexp(v f / mu') is P^2 mu logsumexp(lambda f / mu)."""
    v, z = torch.tensor(PREFERENCES, dtype=torch.float64), torch.tensor(REFERENCE, dtype=torch.float64)
    losses = LOSSES.clone().requires_grad_()
    (peer,) = torch.autograd.grad(scalarization.STCH(0.1, weights=v, reference=z)(losses), losses)
    stch = SmoothTchebycheff(3, mu=0.3, weights=PREFERENCES, reference=REFERENCE, warmup=0)
    torch.testing.assert_close(stch(see(LOSSES)), 9 * peer)


def test_a_small_mu_leaves_the_largest_alone() -> None:
    weights = SmoothTchebycheff(3, mu=1e-3, warmup=0)(see(LOSSES))
    torch.testing.assert_close(weights, torch.tensor([0.0, 3.0, 0.0], dtype=torch.float64))


def test_warmup_sets_the_nadir_of_the_log_form() -> None:
    stch = SmoothTchebycheff(3, mu=0.7, weights=PREFERENCES, reference=REFERENCE, warmup=2)
    v, z = 3 * torch.tensor(PREFERENCES, dtype=torch.float64), torch.tensor(REFERENCE, dtype=torch.float64)
    for part in (1.0, 2.0):
        torch.testing.assert_close(stch(see(part * LOSSES)), v / (part * LOSSES - z))
    nadir = 1.5 * LOSSES - z
    torch.testing.assert_close(stch.nadir, nadir)
    later = torch.tensor([0.25, 1.0, 2.0], dtype=torch.float64).requires_grad_()
    height = v * torch.log((later - z) / nadir)
    (expected,) = torch.autograd.grad(3 * 0.7 * torch.logsumexp(height / 0.7, dim=0), later)
    for _ in range(2):
        torch.testing.assert_close(stch(see(later.detach())), expected)
    torch.testing.assert_close(stch.nadir, nadir)


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_all_losses_ever_scaled(scale: float) -> None:
    one, other = SmoothTchebycheff(3, warmup=2), SmoothTchebycheff(3, warmup=2)
    for part in (1.0, 2.0, 0.5, 0.1):
        losses = LOSSES**part
        torch.testing.assert_close(scale * other(see(scale * losses)), one(see(losses)))


def test_a_task_that_comes_late_has_its_own_warmup() -> None:
    stch, pair = SmoothTchebycheff(3, warmup=1), SmoothTchebycheff(2, warmup=1)
    present, ends = torch.tensor([True, False, True]), torch.tensor([0, 2])
    for part in (1.0, 0.5):
        found = stch(see(torch.where(present, part * LOSSES, -5.0), present))
        assert found[1] == 0
        torch.testing.assert_close(found[ends], pair(see(part * LOSSES[ends], EVERYBODY[:2])), rtol=0, atol=0)
    assert stch.steps.tolist() == [1, 0, 1]
    assert stch.nadir[1] == 0
    found = stch(see(0.4 * LOSSES))
    assert found[1] == pytest.approx(1 / 0.8)
    torch.testing.assert_close(found[ends], pair(see(0.4 * LOSSES[ends], EVERYBODY[:2])), rtol=0, atol=0)
    assert stch.nadir[1] == pytest.approx(0.8)


def test_losses_at_the_reference_are_refused_where_logarithms_are_taken() -> None:
    with pytest.raises(BalancingError, match=r"'stch' needs losses above 0\.2"):
        SmoothTchebycheff(3, reference=REFERENCE)(see(torch.tensor([0.1, 0.1, 0.1])))
    assert (
        SmoothTchebycheff(3, reference=REFERENCE, warmup=0)(see(torch.tensor([-1.0, -2.0, -3.0]))).sum() > 0
    )


def test_the_state_brings_it_back() -> None:
    one, other = SmoothTchebycheff(3, warmup=2).double(), SmoothTchebycheff(3, warmup=2).double()
    for part in (1.0, 2.0, 0.5):
        one(see(part * LOSSES))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(see(LOSSES)), other(see(LOSSES)))
