"""DualProj: the mean gradient projected onto the dual cone."""

from __future__ import annotations

import pytest
import torch

from umbel.balancing.dualproj import DualProj, solve_dualproj


def jacobian(seed: int, *, count: int = 6, width: int = 12) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    scales = 10 ** (2 * torch.rand(count, 1, generator=draw, dtype=torch.float64))
    return scales * torch.randn(count, width, generator=draw, dtype=torch.float64)


def test_without_conflict_it_is_the_mean() -> None:
    G = torch.tensor([[2.0, -0.5, 0.0], [-0.5, 1.0, 0.3], [0.0, 0.3, 5.0]], dtype=torch.float64)
    assert torch.equal(solve_dualproj(G), torch.full((3,), 1 / 3, dtype=torch.float64))


def test_one_task_in_conflict_with_the_mean() -> None:
    """d = g - (g . g_1) / |g_1|^2 g_1."""
    J = torch.tensor([[1.0, 0.0], [-5.0, 2.0]], dtype=torch.float64)
    g = J.mean(dim=0)
    d = J.T @ solve_dualproj(J @ J.T)
    torch.testing.assert_close(d, g - (g @ J[0]) * J[0])
    torch.testing.assert_close(d, torch.tensor([0.0, 1.0], dtype=torch.float64))


@pytest.mark.parametrize("seed", range(10))
def test_d_is_the_nearest_that_harms_nobody(seed: int) -> None:
    """The difference to the mean is a combination, not negative, of gradients orthogonal to d."""
    J = jacobian(seed)
    v = solve_dualproj(J @ J.T)
    d, moved = J.T @ v, v - 1 / 6
    cosines = J @ d / (J.norm(dim=1) * J.mean(dim=0).norm())
    assert (cosines >= -1e-10).all()
    assert (moved >= 0).all()
    assert (moved * cosines <= 1e-10).all()


def test_no_update_in_the_cone_but_zero() -> None:
    """Three gradients around the plane cancel each other: d = 0."""
    J = torch.tensor([[1.0, 0.0], [-0.5, 0.8], [-2.0, -3.0]], dtype=torch.float64)
    v = solve_dualproj(J @ J.T)
    assert (v >= 1 / 3).all()
    torch.testing.assert_close(J.T @ v, torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-12)


def test_zero_gradients_keep_their_share() -> None:
    J = jacobian(0)
    J[2] = 0.0
    assert float(solve_dualproj(J @ J.T)[2]) == 1 / 6
    assert solve_dualproj(torch.zeros(2, 2)).tolist() == [0.5, 0.5]


def test_identical_gradients_have_equal_weights() -> None:
    assert solve_dualproj(torch.ones(4, 4)).tolist() == [0.25] * 4
    J = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-9.0, 1.0]], dtype=torch.float64)
    v = solve_dualproj(J @ J.T)
    assert v.tolist() == pytest.approx([1.5, 1.5, 1 / 3], rel=1e-6)


def test_the_balancer() -> None:
    J = jacobian(1)
    torch.testing.assert_close(DualProj(6).solve(J @ J.T), solve_dualproj(J @ J.T))
    assert (DualProj.neutral, DualProj.degree) == ("mean", 0.0)
