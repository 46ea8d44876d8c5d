"""Nash-MTL: G a = 1 / a, its invariances, and where the bargain has no solution."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from umbel.balancing.nash import Nash, solve_nash
from umbel.errors import BalancingError, ConfigError


def jacobian(seed: int, *, count: int = 6, width: int = 20) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    scales = 10 ** (2 * torch.rand(count, 1, generator=draw, dtype=torch.float64))
    return scales * torch.randn(count, width, generator=draw, dtype=torch.float64)


def test_orthogonal_gradients_are_brought_to_unit_length() -> None:
    squares = torch.tensor([1.0, 4.0, 1e6], dtype=torch.float64)
    torch.testing.assert_close(solve_nash(torch.diag(squares)), squares**-0.5, rtol=1e-12, atol=0)


def test_two_gradients() -> None:
    """a_p = 1 / (|g_p| sqrt(1 + cosine)), also where they are almost opposite."""
    for cosine in (-0.99999, -0.5, 0.0, 0.9, 1.0):
        G = torch.tensor([[1.0, 3 * cosine], [3 * cosine, 9.0]], dtype=torch.float64)
        expected = torch.tensor([1.0, 1 / 3], dtype=torch.float64) / math.sqrt(1 + cosine)
        torch.testing.assert_close(solve_nash(G), expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("width", [3, 6, 50])
@pytest.mark.parametrize("seed", range(5))
def test_the_equation_and_the_length_of_the_update(seed: int, width: int) -> None:
    J = jacobian(seed, width=width)
    J[:, 0] = J[:, 0].abs() + 0.2 * J.norm(dim=1)  # all in one half-space, of any rank
    a = solve_nash(J @ J.T)
    assert (a > 0).all()
    torch.testing.assert_close(J @ (J.T @ a) * a, torch.ones(6, dtype=torch.float64), rtol=1e-9, atol=0)
    assert float((J.T @ a).square().sum()) == pytest.approx(6)


def test_no_scale_of_a_loss_matters() -> None:
    J = jacobian(0)
    factors = torch.tensor([1e-9, 1.0, 1e6, 3.0, 1e-3, 50.0], dtype=torch.float64)
    K = factors[:, None] * J
    torch.testing.assert_close(solve_nash(K @ K.T) * factors, solve_nash(J @ J.T), rtol=1e-8, atol=0)


def test_all_losses_times_c_divides_by_c() -> None:
    G = jacobian(1) @ jacobian(1).T
    assert (Nash.neutral, Nash.degree) == ("sum", -1.0)
    for scale in (1e-15, 1e15):
        torch.testing.assert_close(solve_nash(G * scale) * math.sqrt(scale), solve_nash(G), rtol=1e-9, atol=0)


def test_it_maximises_the_product_of_the_gains() -> None:
    J = jacobian(2)
    d = J.T @ solve_nash(J @ J.T)
    best = (J @ d).log().sum()
    draw = torch.Generator().manual_seed(0)
    for _ in range(50):
        other = d + 0.05 * d.norm() / 4 * torch.randn(20, generator=draw, dtype=torch.float64)
        gains = J @ (other * d.norm() / other.norm())
        assert not (gains > 0).all() or gains.log().sum() < best


def test_identical_gradients_have_equal_weights() -> None:
    assert solve_nash(torch.ones(4, 4)).tolist() == pytest.approx([0.5] * 4)
    J = jacobian(3)[[0, 1, 1, 2]]
    a = solve_nash(J @ J.T)
    assert float(a[1]) == pytest.approx(float(a[2]), rel=1e-9)


CANCELLING = torch.tensor([[1.0, 2.0], [-3.0, -6.0]], dtype=torch.float64)
TRIANGLE = torch.tensor([[1.0, 0.0], [-1.0, 1.0], [-1.0, -2.0]], dtype=torch.float64)


@pytest.mark.parametrize("J", [CANCELLING, TRIANGLE])
def test_gradients_that_cancel_have_no_bargain(J: Tensor) -> None:
    with pytest.raises(BalancingError, match="cancel") as told:
        solve_nash(J @ J.T)
    assert f"a Gramian of {len(J)} tasks" in told.value.found
    assert "ridge" in told.value.remedy


def test_a_zero_gradient_has_no_weight() -> None:
    G = torch.tensor([[1.0, 0.0, 0.2], [0.0, 0.0, 0.0], [0.2, 0.0, 1.0]])
    with pytest.raises(BalancingError, match="without a gradient") as told:
        solve_nash(G)
    assert "[1]" in told.value.found
    assert "ridge" in told.value.remedy
    with pytest.raises(BalancingError, match="without a gradient") as told:
        solve_nash(torch.zeros(2, 2), ridge=0.1)
    assert "ridge" not in told.value.remedy


def test_products_that_rounding_has_spoilt_are_told() -> None:
    """Almost opposite gradients, told apart in float64 but not in float32."""
    J = torch.tensor([[1.0, 1e-4], [-1.0, 1e-4], [0.3, 1.0]], dtype=torch.float64)
    assert torch.isfinite(solve_nash(J @ J.T)).all()
    with pytest.raises(BalancingError, match="cancel"):
        solve_nash((J @ J.T).to(torch.float32))


@pytest.mark.parametrize("J", [CANCELLING, TRIANGLE, torch.tensor([[1.0, 0.0], [0.0, 0.0]]).double()])
def test_a_ridge_solves_the_problem_that_is_stated(J: Tensor) -> None:
    G, ridge = J @ J.T, 1e-3
    a = solve_nash(G, ridge=ridge)
    whole = G + ridge * G.diagonal().mean() * torch.eye(len(G), dtype=torch.float64)
    torch.testing.assert_close(whole @ a * a, torch.ones(len(G), dtype=torch.float64), rtol=1e-9, atol=0)
    assert float(a.norm()) <= math.sqrt(len(G) / (ridge * float(G.diagonal().mean())))
    torch.testing.assert_close(solve_nash(G * 100, ridge=ridge) * 10, a, rtol=1e-9, atol=0)


@pytest.mark.parametrize("ridge", [-1e-3, 1.0, math.nan])
def test_the_ridge_has_a_range(ridge: float) -> None:
    with pytest.raises(ConfigError, match="'ridge' of 'nash' is a number, at least 0 and below 1"):
        Nash(2, ridge=ridge)
    with pytest.raises(ConfigError, match="'ridge' of 'nash' is a number, at least 0 and below 1"):
        solve_nash(torch.eye(2), ridge=ridge)


def test_the_balancer_passes_its_option() -> None:
    G = CANCELLING @ CANCELLING.T
    torch.testing.assert_close(Nash(2, ridge=0.1).solve(G), solve_nash(G, ridge=0.1))
