"""Cosines, ranks and the equal-cosine mixture against linear algebra."""

from __future__ import annotations

import pytest
import torch

from task_gradients import HOSTILE, jacobian
from umbel.balancing.cosines import cosines, equal_cosines, rank


def test_cosines_leave_out_what_is_zero() -> None:
    rows = torch.tensor([[3.0, 0.0], [0.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    place, lengths, angles = cosines(rows @ rows.T)
    assert place.tolist() == [0, 2]
    torch.testing.assert_close(lengths, rows[[0, 2]].norm(dim=1))
    assert angles[0, 1].item() == pytest.approx(0.5**0.5)
    torch.testing.assert_close(angles.diagonal(), torch.ones(2, dtype=torch.float64))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("rank 1, huge", 1), ("rank 2 in float32", 2), ("opposed", 2), ("lengths from 1e-6 to 1e6", 4)],
)
def test_rank(name: str, expected: int) -> None:
    """Neither rounding in float32 nor unequal lengths change it."""
    rows = HOSTILE[name]
    assert rank(cosines((rows @ rows.T).double())[2]) == expected


def test_equal_cosines() -> None:
    rows = jacobian(0)
    units = rows / rows.norm(dim=1, keepdim=True)
    mixture = equal_cosines(units @ units.T)
    assert mixture is not None
    torch.testing.assert_close(units @ (units.T @ mixture), torch.ones(4, dtype=torch.float64))


def test_dependent_gradients_have_the_least_squares_solution() -> None:
    """Three unit gradients in a plane: the pseudo-inverse of the units, as numpy has it."""
    rows = jacobian(1, 3, 2)
    units = rows / rows.norm(dim=1, keepdim=True)
    mixture = equal_cosines(units @ units.T)
    assert mixture is not None
    direct = torch.linalg.pinv(units) @ torch.ones(3, dtype=torch.float64)
    torch.testing.assert_close(units.T @ mixture, direct)


def test_units_that_cancel_have_none() -> None:
    angle = torch.arange(3, dtype=torch.float64) * 2 * torch.pi / 3  # a star of three
    units = torch.stack([angle.cos(), angle.sin()], dim=1)
    assert equal_cosines(units @ units.T) is None
