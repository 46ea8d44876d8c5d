"""UPGrad: the mean of the projections of all task gradients onto their dual cone."""

from __future__ import annotations

import pytest
import torch

from umbel.balancing.upgrad import UPGrad, solve_upgrad


def jacobian(seed: int, *, count: int = 6, width: int = 12) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=draw, dtype=torch.float64)


def test_without_conflict_it_is_the_mean() -> None:
    G = torch.tensor([[2.0, 0.5, 0.0], [0.5, 1.0, 0.3], [0.0, 0.3, 5.0]], dtype=torch.float64)
    torch.testing.assert_close(solve_upgrad(G), torch.full((3,), 1 / 3, dtype=torch.float64), rtol=0, atol=0)


def test_two_gradients_in_conflict() -> None:
    """Each loses its part along the other: w_1 = (1 - g_1 . g_2 / |g_1|^2) / 2."""
    J = torch.tensor([[3.0, 0.0], [-1.0, 1.0]], dtype=torch.float64)
    projected = torch.tensor([[1.5, 1.5], [0.0, 1.0]], dtype=torch.float64)
    w = solve_upgrad(J @ J.T)
    assert w.tolist() == pytest.approx([(1 + 3 / 9) / 2, (1 + 3 / 2) / 2])
    torch.testing.assert_close(J.T @ w, projected.mean(dim=0))


@pytest.mark.parametrize("width", [3, 12])
@pytest.mark.parametrize("seed", range(8))
def test_no_task_is_harmed(seed: int, width: int) -> None:
    J = jacobian(seed, width=width)
    w = solve_upgrad(J @ J.T)
    assert (w >= 1 / 6).all()
    assert (J @ (J.T @ w) >= -1e-10 * w.max()).all()


def test_the_update_is_linear_in_the_length_of_a_gradient() -> None:
    """The projection of a longer gradient is longer by the same factor, and those of the others stay."""
    J = jacobian(0)

    def update(factor: float) -> torch.Tensor:
        K = J.clone()
        K[2] *= factor
        return K.T @ solve_upgrad(K @ K.T)

    torch.testing.assert_close(update(101.0) - update(1.0), 100 * (update(2.0) - update(1.0)))


def test_zero_gradients_keep_their_share() -> None:
    J = jacobian(1)
    J[4] = 0.0
    w, others = solve_upgrad(J @ J.T), J[[0, 1, 2, 3, 5]]
    assert float(w[4]) == pytest.approx(1 / 6)
    torch.testing.assert_close(w[[0, 1, 2, 3, 5]], solve_upgrad(others @ others.T) * 5 / 6)
    assert solve_upgrad(torch.zeros(2, 2)).tolist() == [0.5, 0.5]


def test_identical_gradients_have_equal_weights() -> None:
    torch.testing.assert_close(solve_upgrad(torch.ones(4, 4)), torch.full((4,), 0.25))
    J = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-9.0, 1.0]], dtype=torch.float64)
    w = solve_upgrad(J @ J.T)
    assert float(w[0]) == pytest.approx(float(w[1]), rel=1e-6)
    assert float(w[0]) == pytest.approx((1 + 4.5) / 3, rel=1e-6)


def test_the_balancer() -> None:
    J = jacobian(2)
    torch.testing.assert_close(UPGrad(6).solve(J @ J.T), solve_upgrad(J @ J.T))
    assert (UPGrad.neutral, UPGrad.degree) == ("mean", 0.0)
