"""FairGrad: G w = w^(-1 / alpha), its limits and its scale."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from umbel.balancing.fairgrad import FairGrad, solve_fairgrad
from umbel.balancing.mgda import solve_mgda
from umbel.balancing.nash import solve_nash
from umbel.errors import BalancingError, ConfigError


def gramian(seed: int, *, count: int = 6, spread: float = 1.0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    scales = 10 ** (spread * torch.rand(count, 1, generator=draw, dtype=torch.float64))
    J = scales * (torch.randn(count, 20, generator=draw, dtype=torch.float64) + 0.3)
    return J @ J.T


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0, 2.0, 5.0, 20.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_equation(seed: int, alpha: float) -> None:
    G = gramian(seed)
    w = solve_fairgrad(G, alpha=alpha)
    assert (w > 0).all()
    torch.testing.assert_close(G @ w, w ** (-1 / alpha), rtol=1e-8, atol=0)


def test_orthogonal_gradients() -> None:
    """w = |g|^(-2 alpha / (1 + alpha))."""
    squares = torch.tensor([1.0, 10.0, 1e4], dtype=torch.float64)
    for alpha in (0.5, 1.0, 3.0):
        expected = squares ** (-alpha / (1 + alpha))
        torch.testing.assert_close(solve_fairgrad(torch.diag(squares), alpha=alpha), expected)


def test_by_default_it_is_nash() -> None:
    G = gramian(0, spread=2.0)
    torch.testing.assert_close(solve_fairgrad(G), solve_nash(G), rtol=1e-12, atol=0)


def test_it_is_the_fairest_update_of_its_length() -> None:
    """It maximises sum gain^(1 - alpha) / (1 - alpha) among updates of one length."""
    G, draw = gramian(1), torch.Generator().manual_seed(0)
    for alpha in (0.5, 2.0):
        w = solve_fairgrad(G, alpha=alpha)
        best = ((G @ w) ** (1 - alpha)).sum() / (1 - alpha)
        for _ in range(30):
            v = w * (1 + 0.2 * torch.randn(len(w), generator=draw, dtype=torch.float64))
            gains = G @ v * (w @ G @ w / (v @ G @ v)).sqrt()
            assert not (gains > 0).all() or (gains ** (1 - alpha)).sum() / (1 - alpha) < best


def test_a_small_alpha_is_near_equal_weights_and_a_great_one_near_mgda() -> None:
    G = gramian(2, spread=0.3)
    small, great = solve_fairgrad(G, alpha=0.1), solve_fairgrad(G, alpha=20.0)
    assert float(small.max() / small.min()) < 1.5
    mgda, gains = solve_mgda(G), G @ great
    worst = gains.min() / (great @ G @ great).sqrt()
    assert float(worst) == pytest.approx(math.sqrt(float(mgda @ G @ mgda)), rel=0.1)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
def test_all_losses_times_c(alpha: float) -> None:
    balancer, G = FairGrad(6, alpha=alpha), gramian(3)
    assert balancer.degree == pytest.approx(-2 * alpha / (1 + alpha))
    for c in (1e-7, 1e7):
        expected = balancer.solve(G) * c**balancer.degree
        torch.testing.assert_close(balancer.solve(G * c * c), expected, rtol=1e-9, atol=0)
    assert (FairGrad.neutral, FairGrad.degree) == ("sum", FairGrad(2).degree)


def test_identical_gradients_have_equal_weights() -> None:
    for alpha in (0.5, 2.0):  # 3 w = w^(-1 / alpha)
        expected = 3 ** (-alpha / (1 + alpha))
        assert solve_fairgrad(torch.ones(3, 3), alpha=alpha).tolist() == pytest.approx([expected] * 3)


def test_what_has_no_solution_is_told() -> None:
    G = torch.tensor([[1.0, -2.0], [-2.0, 4.0]])
    for alpha in (0.5, 2.0):
        with pytest.raises(BalancingError, match="'fairgrad' has a solution only") as told:
            solve_fairgrad(G, alpha=alpha)
        assert "condition" in told.value.found
    with pytest.raises(BalancingError, match="'fairgrad' cannot weigh a task without a gradient"):
        solve_fairgrad(torch.diag(torch.tensor([1.0, 0.0])))


def test_a_ridge_solves_the_problem_that_is_stated() -> None:
    G = torch.tensor([[1.0, -2.0], [-2.0, 4.0]], dtype=torch.float64)
    w = FairGrad(2, alpha=2.0, ridge=1e-2).solve(G)
    whole = G + 1e-2 * 2.5 * torch.eye(2, dtype=torch.float64)
    torch.testing.assert_close(whole @ w, w**-0.5, rtol=1e-9, atol=0)


@pytest.mark.parametrize("alpha", [0.0, 0.05, 21.0, math.inf, math.nan])
def test_alpha_has_a_range(alpha: float) -> None:
    with pytest.raises(ConfigError, match=r"'alpha' of 'fairgrad' is a number, at least 0\.1 and at most 20"):
        FairGrad(2, alpha=alpha)
    with pytest.raises(ConfigError, match=r"'alpha' of 'fairgrad' is a number, at least 0\.1 and at most 20"):
        solve_fairgrad(torch.eye(2), alpha=alpha)
