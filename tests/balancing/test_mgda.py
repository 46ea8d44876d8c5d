"""MGDA against closed forms, and what its shortest vector promises."""

from __future__ import annotations

import pytest
import torch

from umbel.balancing.balancer import Seen
from umbel.balancing.mgda import MGDA, solve_mgda
from umbel.balancing.solve import solve


def jacobian(seed: int, *, count: int = 6, width: int = 20) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    scales = 10 ** (2 * torch.rand(count, 1, generator=draw, dtype=torch.float64))
    return scales * torch.randn(count, width, generator=draw, dtype=torch.float64)


def test_the_example_of_the_design() -> None:
    assert solve("mgda", torch.tensor([[1.0, 0.0], [0.0, 4.0]])).tolist() == pytest.approx([0.8, 0.2])


def test_orthogonal_gradients_are_weighed_by_their_inverse_squares() -> None:
    squares = torch.tensor([1.0, 10.0, 400.0, 1e8], dtype=torch.float64)
    expected = (1 / squares) / (1 / squares).sum()
    torch.testing.assert_close(solve_mgda(torch.diag(squares)), expected, rtol=1e-12, atol=0)


def test_a_gradient_that_dominates_takes_all() -> None:
    """g_1 . g_p >= |g_1|^2 for all p: no combination is shorter than g_1."""
    J = torch.tensor([[1.0, 0.0], [3.0, 4.0], [1.0, -2.0]], dtype=torch.float64)
    assert solve_mgda(J @ J.T).tolist() == pytest.approx([1.0, 0.0, 0.0], abs=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_no_task_is_harmed_and_the_tasks_with_weight_gain_alike(seed: int) -> None:
    J = jacobian(seed)
    v = solve_mgda(J @ J.T)
    d = J.T @ v
    gains = J @ d
    assert (gains >= d @ d * (1 - 1e-9)).all()
    torch.testing.assert_close(gains[v > 1e-9], (d @ d).expand(int((v > 1e-9).sum())), rtol=1e-8, atol=0)


def test_opposite_gradients_cancel() -> None:
    J = torch.tensor([[1.0, 2.0], [-2.0, -4.0]], dtype=torch.float64)
    assert solve_mgda(J @ J.T).tolist() == pytest.approx([2 / 3, 1 / 3], rel=1e-7)


def test_identical_gradients_have_equal_weights() -> None:
    assert solve_mgda(torch.ones(4, 4)).tolist() == pytest.approx([0.25] * 4)
    J = jacobian(0)[[0, 1, 1, 2, 1]]
    J[[1, 2, 4]] *= J[[0, 3]].norm(dim=1).min() / J[1].norm()
    v = solve_mgda(J @ J.T)
    assert float(v[1]) > 0.05
    assert v[[2, 4]].tolist() == pytest.approx([float(v[1])] * 2, rel=1e-6)


def test_zero_gradients_share_the_weight() -> None:
    J = jacobian(1)
    J[[1, 4]] = 0.0
    assert solve_mgda(J @ J.T).tolist() == [0.0, 0.5, 0.0, 0.0, 0.5, 0.0]
    assert solve_mgda(torch.zeros(2, 2)).tolist() == [0.5, 0.5]


def test_the_balancer_weighs_the_present_tasks_alone() -> None:
    J = jacobian(3)
    present = torch.tensor([True, False, True, True, False, True])
    seen = Seen(losses=torch.ones(6), present=present, gram=J @ J.T)
    weights = MGDA(6)(seen)
    assert weights[~present].tolist() == [0.0, 0.0]
    torch.testing.assert_close(weights[present], solve_mgda(J[present] @ J[present].T))
    assert weights.dtype == torch.float64
    assert (MGDA.neutral, MGDA.degree) == ("mean", 0.0)
