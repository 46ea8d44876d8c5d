"""The projection on the simplex against a root finder, and shares that are remembered."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize

from umbel.balancing.simplex import Shares, descend, project_simplex


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=12))
def test_projection(values: list[float]) -> None:
    """The projection is max(x - t, 0) at the t where it adds up to 1 (Karush, Kuhn & Tucker)."""
    point = np.array(values)
    level = brentq(lambda t: np.maximum(point - t, 0).sum() - 1, point.min() - 2, point.max(), xtol=1e-13)
    found = project_simplex(torch.tensor(values, dtype=torch.float64))
    np.testing.assert_allclose(found, np.maximum(point - level, 0), atol=1e-10)


def test_projection_is_the_nearest_point() -> None:
    point = np.array([0.9, 0.4, -0.2, 0.35])
    best = minimize(
        lambda w: ((w - point) ** 2).sum(),
        np.full(4, 0.25),
        bounds=[(0, 1)] * 4,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-14},
    )
    np.testing.assert_allclose(project_simplex(torch.tensor(point)), best.x, atol=1e-6)


def test_a_point_of_the_simplex_stays_and_large_numbers_do_no_harm() -> None:
    inside = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    torch.testing.assert_close(project_simplex(inside), inside)
    far = torch.tensor([1e17, 1e17, -1e17], dtype=torch.float64)
    torch.testing.assert_close(project_simplex(far), torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64))


def test_descent_ends_at_the_shortest_mixture() -> None:
    """Of independent gradients with squares s the shares are 1 / (s + ridge), up to their sum."""
    squares, shares = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64), torch.ones(3).double() / 3
    for _ in range(400):
        shares = descend(shares, torch.diag(squares), rate=0.1, ridge=0.5)
    expected = 1 / (squares + 0.5)
    torch.testing.assert_close(shares, expected / expected.sum())


def test_shares_of_absent_tasks_stay() -> None:
    shares = Shares(4)
    shares.keep(torch.tensor([1, 3]), torch.tensor([1.0, 0.0], dtype=torch.float64))
    assert shares.values.tolist() == [0.25, 0.5, 0.25, 0.0]
    torch.testing.assert_close(
        shares.among(torch.tensor([0, 1])), torch.tensor([1 / 3, 2 / 3], dtype=torch.float64)
    )
    assert shares.among(torch.tensor([3])).tolist() == [1.0]
