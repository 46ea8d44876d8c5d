"""CAGrad against closed forms, the primal problem, and the degenerate cases where its dual has no answer."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from umbel.balancing.cagrad import CAGrad, solve_cagrad
from umbel.balancing.dualproj import solve_dualproj
from umbel.balancing.mgda import solve_mgda
from umbel.errors import ConfigError


def jacobian(seed: int, *, count: int = 5, width: int = 20) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    scales = 10 ** torch.rand(count, 1, generator=draw, dtype=torch.float64)
    return scales * torch.randn(count, width, generator=draw, dtype=torch.float64)


def test_orthonormal_gradients() -> None:
    """g_w = g_0 by symmetry: d = (1 + c) g_0."""
    found = solve_cagrad(torch.eye(4, dtype=torch.float64), c=0.3)
    assert found.tolist() == pytest.approx([1.3 / 4] * 4, rel=1e-12)


def test_two_gradients_in_the_plane() -> None:
    """g_0 = (1, 0), g = (1, +-2): d = (1 + c, 0); moved aside, d goes against the worse one."""
    J = torch.tensor([[1.0, 2.0], [1.0, -2.0]], dtype=torch.float64)
    torch.testing.assert_close(J.T @ solve_cagrad(J @ J.T, c=0.4), torch.tensor([1.4, 0.0]).double())
    # one task alone is the worst within the whole ball: d = g_0 + c |g_0| g_1 / |g_1|
    J = torch.tensor([[1.0, 0.0], [8.0, 6.0]], dtype=torch.float64)
    g = J.mean(dim=0)
    expected = g + 0.1 * g.norm() * torch.tensor([1.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(J.T @ solve_cagrad(J @ J.T, c=0.1), expected)


@pytest.mark.parametrize("c", [0.001, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("seed", range(6))
def test_d_is_on_the_ball_and_no_direction_along_it_helps_the_worst_tasks(seed: int, c: float) -> None:
    """The gradient of the ball at d is a positive combination of those of the worst tasks."""
    J = jacobian(seed)
    w = solve_cagrad(J @ J.T, c=c)
    g, d = J.mean(dim=0), J.T @ w
    assert float((d - g).norm()) == pytest.approx(c * float(g.norm()), rel=1e-9)
    gains, extra = J @ d, w - 1 / len(J)
    worst = extra > 1e-9 * extra.max()
    assert (extra >= 0).all()
    torch.testing.assert_close(gains[worst], gains.min().expand(int(worst.sum())), rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(d - g, J.T @ extra, rtol=1e-9, atol=1e-12)


def test_a_ball_that_is_a_point_leaves_the_mean() -> None:
    J = jacobian(0)
    assert solve_cagrad(J @ J.T, c=0.0).tolist() == [0.2] * 5


def test_a_great_ball_goes_towards_the_best_for_the_worst() -> None:
    """The part beyond the mean is a multiple of MGDA's where MGDA's vector is along the mean gradient."""
    J = torch.tensor([[1.0, 2.0, 0.0], [1.0, -2.0, 1.0], [1.0, 0.0, -1.0]], dtype=torch.float64)
    extra = solve_cagrad(J @ J.T, c=0.9) - 1 / 3
    torch.testing.assert_close(extra / extra.sum(), solve_mgda(J @ J.T))


def test_without_a_common_gain_it_is_the_nearest_update_that_harms_nobody() -> None:
    """Opposite gradients, or one that is zero: the worst gains 0 at best, and GEM's projection does it."""
    J = jacobian(1) + 3 * torch.eye(5, 20, dtype=torch.float64).sum(dim=0)
    for change in ("opposite", "zero"):
        K = J.clone()
        K[1] = -0.2 * K[0] if change == "opposite" else 0.0
        found, g = solve_cagrad(K @ K.T, c=0.9), K.mean(dim=0)
        d = K.T @ found
        assert float((d - g).norm()) < 0.9 * float(g.norm())
        assert (K @ d >= -1e-9 * d.norm() * K.norm(dim=1)).all()
        torch.testing.assert_close(found, solve_dualproj(K @ K.T))


def test_where_no_update_of_the_ball_is_harmless_it_is_the_least_harmful() -> None:
    """g, -g / 2 and a small ball: the dual has its answer although 0 is in the hull."""
    J = torch.tensor([[2.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(J.T @ solve_cagrad(J @ J.T, c=0.5), torch.tensor([0.25, 0.0]).double())


def test_a_mean_of_zero_stays() -> None:
    J = torch.tensor([[1.0, 2.0], [-1.0, -2.0]], dtype=torch.float64)
    assert solve_cagrad(J @ J.T).tolist() == [0.5, 0.5]
    assert solve_cagrad(torch.zeros(3, 3)).tolist() == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("seed", range(3))
def test_of_low_rank_but_for_noise(seed: int) -> None:
    """d is on the ball and no direction along it helps the worst; the products are all but singular."""
    J = jacobian(seed, count=40, width=5) + 2
    J = torch.cat([J, 1e-6 * jacobian(seed + 9, count=40, width=60)], dim=1)
    w, g = solve_cagrad(J @ J.T), J.mean(dim=0)
    d = J.T @ w
    assert float((d - g).norm()) == pytest.approx(0.5 * float(g.norm()), rel=1e-9)
    gains, worst = J @ d, w > 1 / 40 * (1 + 1e-9)
    assert 1 <= int(worst.sum()) <= 6
    torch.testing.assert_close(gains[worst], gains.min().expand(int(worst.sum())), rtol=1e-8, atol=1e-10)


def test_identical_gradients_have_equal_weights() -> None:
    assert solve_cagrad(torch.ones(3, 3)).tolist() == pytest.approx([0.5] * 3)
    J = torch.tensor([[1.0, 1.0], [1.0, 1.0], [-0.5, 2.0], [1.0, 1.0]], dtype=torch.float64)
    w = solve_cagrad(J @ J.T)
    assert w[[1, 3]].tolist() == pytest.approx([float(w[0])] * 2, rel=1e-6)


@pytest.mark.parametrize("c", [-0.1, 1e-4, 1.0, math.nan])
def test_c_has_a_range(c: float) -> None:
    with pytest.raises(ConfigError, match="c of 'cagrad'"):
        CAGrad(2, c=c)
    with pytest.raises(ConfigError, match="c of 'cagrad'"):
        solve_cagrad(torch.eye(2), c=c)


def test_the_balancer_passes_its_option() -> None:
    J = jacobian(2)
    torch.testing.assert_close(CAGrad(5, c=0.2).solve(J @ J.T), solve_cagrad(J @ J.T, c=0.2))
    assert (CAGrad.neutral, CAGrad.degree) == ("mean", 0.0)
