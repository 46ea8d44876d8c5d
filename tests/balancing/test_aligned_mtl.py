"""Aligned-MTL: all singular values of the aligned gradients are one."""

from __future__ import annotations

import pytest
import torch

import task_gradients as laws
from task_gradients import HOSTILE, jacobian
from umbel.balancing import solve
from umbel.balancing.aligned_mtl import AlignedMTL, Scale, solve_aligned_mtl
from umbel.errors import ConfigError


@pytest.mark.parametrize("scale", ["min", "median", "rmse"])
def test_the_mean_of_the_nearest_orthogonal_gradients(scale: Scale) -> None:
    """The aligned gradients are c U W' for the singular value decomposition J = U S W'."""
    rows = jacobian(0, 5)
    U, S, Wt = torch.linalg.svd(rows, full_matrices=False)
    c = {"min": S.min(), "median": S.median(), "rmse": (S**2).mean().sqrt()}[scale]
    update = solve_aligned_mtl(rows @ rows.T, scale=scale) @ rows
    torch.testing.assert_close(update, c * (U @ Wt).mean(dim=0))


def test_independent() -> None:
    lengths = torch.tensor([2.0, 1.0, 4.0], dtype=torch.float64)
    torch.testing.assert_close(solve_aligned_mtl(torch.diag(lengths**2)), 1 / lengths / 3)


def test_a_short_gradient_is_a_direction_of_its_own() -> None:
    """Its eigenvalue is 1e-12 of the largest, and no rounding."""
    lengths = torch.tensor([1.0, 1e-6], dtype=torch.float64)
    weights = solve_aligned_mtl(torch.diag(lengths**2))
    torch.testing.assert_close(weights, torch.tensor([0.5e-6, 0.5], dtype=torch.float64))


def test_rounding_in_float32_is_no_direction() -> None:
    """Four gradients in a plane: rounding must not become the smallest singular value."""
    rows = HOSTILE["rank 2 in float32"]
    exact = solve("aligned_mtl", rows.double() @ rows.double().T)
    rounded = solve("aligned_mtl", (rows @ rows.T).double())
    torch.testing.assert_close(rounded, exact, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    rows = HOSTILE[name]
    weights = solve("aligned_mtl", (rows @ rows.T).double())
    assert torch.isfinite(weights).all()
    assert weights.norm() <= 0.5 + 1e-9  # the norm of 1/P for P = 4: no direction is lengthened by 'min'


def test_options() -> None:
    gram = torch.diag(torch.tensor([1.0, 4.0, 16.0]))
    torch.testing.assert_close(
        solve("aligned_mtl", gram, scale="median"), torch.tensor([2 / 3, 1 / 3, 1 / 6])
    )
    with pytest.raises(ConfigError, match="'max'"):
        solve("aligned_mtl", gram, scale="max")


def test_laws() -> None:
    laws.absent_takes_no_part(AlignedMTL)
    laws.identical_are_equal(AlignedMTL, 1 / 4)
