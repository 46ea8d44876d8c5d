"""CAGrad's line and closed form against the conditions of its optimum, in more digits where they matter."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from task_gradients import jacobian
from umbel.balancing.cagrad import solve_cagrad
from umbel.balancing.critical_line import follow, pair, root


def products(seed: int, *, count: int, width: int) -> np.ndarray:
    """Of gradients whose lengths differ, in units of the mean gradient's square; noise gives full rank."""
    rows = jacobian(seed, count, width) * (1 + torch.arange(count, dtype=torch.float64) % 3)[:, None]
    whole = torch.cat([rows, 1e-6 * jacobian(seed + 50, count, 2 * count)], dim=1)
    gram = (whole @ whole.T).numpy()
    return np.asarray(gram / gram.mean())


@pytest.mark.parametrize("c", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(5))
def test_no_other_weights_are_better(seed: int, c: float) -> None:
    """The slope of the dual is equal for all tasks that have weight, and not less for any other."""
    G = products(seed, count=9, width=30)
    found = follow(G, G.mean(axis=1), c)
    assert found is not None
    s, w = found
    assert w.min() >= 0
    assert w.sum() == pytest.approx(1, abs=1e-12)
    assert math.sqrt(w @ G @ w) == pytest.approx(c * s, rel=1e-12)
    slope = G.mean(axis=1) + G @ w / s
    np.testing.assert_allclose(slope[w > 0], slope.min(), rtol=1e-10)


def test_few_dimensions() -> None:
    """Five tasks can have weight at most where gradients have four dimensions but for noise."""
    solved = 0
    for seed in range(20):
        G = products(seed, count=30, width=4) + 0.3  # the mean gradient is no accident
        G /= G.mean()
        found = follow(G, G.mean(axis=1), 0.5)
        if found is not None:
            solved += 1
            s, w = found
            assert (w > 0).sum() <= 5
            slope = G.mean(axis=1) + G @ w / s
            np.testing.assert_allclose(slope[w > 0], slope.min(), rtol=1e-8)
            np.testing.assert_allclose(solve_cagrad(torch.from_numpy(G)).numpy(), 1 / 30 + w / s, rtol=1e-9)
    assert solved > 10


def test_where_the_weights_are_not_the_only_ones_it_finds_none() -> None:
    """Twins that both have weight, a gradient of zero, and two of which no update of the ball helps both."""
    rows = jacobian(0, 4, 3) + 3
    twins = torch.cat([rows, rows])
    opposed = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 3.0], [0.1, 3.0]], dtype=torch.float64)
    zero = torch.cat([rows, torch.zeros(1, 3, dtype=torch.float64)])
    for case in (twins, opposed, zero):
        G = (case @ case.T).numpy()
        assert follow(G / G.mean(), G.mean(axis=1) / G.mean(), 0.9) is None


@pytest.mark.parametrize("c", [0.001, 0.3, 0.99])
@pytest.mark.parametrize("seed", range(8))
def test_two_tasks_as_any_number(seed: int, c: float) -> None:
    """Against the general way, which a third task without a say takes: the mean of the two."""
    rows = jacobian(seed, 2, 3) * torch.tensor([[1.0], [1 + 5 * (seed % 3)]])
    found = pair((rows @ rows.T).tolist(), c)
    assert found is not None
    three = torch.cat([rows, rows.mean(dim=0, keepdim=True)])
    update = solve_cagrad(three @ three.T, c=c) @ three
    torch.testing.assert_close(torch.tensor(found, dtype=torch.float64) @ rows, update, rtol=1e-9, atol=1e-12)


def test_two_tasks_in_the_plane() -> None:
    """g_0 = (1, 0) and g = (1, +-2): d = (1 + c) g_0. And one that is the worst in all of the ball."""
    assert pair([[5.0, -3.0], [-3.0, 5.0]], 0.4) == pytest.approx((0.7, 0.7), rel=1e-14)
    first, second = pair([[1.0, 8.0], [8.0, 100.0]], 0.1) or (0.0, 0.0)
    size = math.sqrt(117) / 2  # of the mean gradient
    assert (first, second) == pytest.approx((0.5 + 0.1 * size, 0.5), rel=1e-14)


def test_two_tasks_that_are_nearly_parallel_have_no_closed_form() -> None:
    assert pair([[1.0, 1.0], [1.0, 1.0]], 0.5) is None
    assert pair([[1.0, -2.0], [-2.0, 4.0]], 0.5) is None
    assert pair([[1.0, 1.0 - 1e-8], [1.0 - 1e-8, 1.0]], 0.5) is None
    assert pair([[0.0, 0.0], [0.0, 0.0]], 0.5) is None
    assert pair([[math.nan, 0.0], [0.0, 1.0]], 0.5) is None


def test_roots() -> None:
    """(x - 2) (x - 3) = x^2 - 2 (2.5) x + 6; and one far smaller than the other keeps its digits."""
    assert root(1.0, -2.5, 6.0, 0.0, 2.1, 9.0) == pytest.approx(2.0)
    assert root(1.0, -2.5, 6.0, 2.5, 2.1, 9.0) == pytest.approx(3.0)
    assert root(1.0, -2.5, 6.0, 3.5, 4.0, 9.0) is None
    assert root(1.0, 0.0, 1.0, 0.0, 1.0, 9.0) is None
    small = root(1.0, -1e9, 1.0, 0.0, 0.0, 1.0)
    assert small == pytest.approx(float(Fraction(1, 2 * 10**9)), rel=1e-15)
