"""IMTL-G against the paper's formula and its defining property."""

from __future__ import annotations

import pytest
import torch

import task_gradients as laws
from task_gradients import HOSTILE, jacobian
from umbel.balancing import solve
from umbel.balancing.imtl_g import IMTLG, solve_imtl_g
from umbel.errors import BalancingError


def test_projections_are_equal() -> None:
    rows = jacobian(0)
    weights = solve_imtl_g(rows @ rows.T)
    projections = (rows / rows.norm(dim=1, keepdim=True)) @ (weights @ rows)
    torch.testing.assert_close(projections, projections[:1].expand(4))
    assert weights.sum().item() == pytest.approx(1)


def test_formula_of_the_paper() -> None:
    """alpha_2..P = g_1 U' (D U')^-1 with rows u_1 - u_p of U and g_1 - g_p of D."""
    rows = jacobian(1)
    units = rows / rows.norm(dim=1, keepdim=True)
    U, D = units[:1] - units[1:], rows[:1] - rows[1:]
    rest = rows[0] @ U.T @ torch.linalg.inv(D @ U.T)
    torch.testing.assert_close(solve_imtl_g(rows @ rows.T)[1:], rest)


def test_independent_and_opposed() -> None:
    lengths = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    expected = (1 / lengths) / (1 / lengths).sum()
    torch.testing.assert_close(solve_imtl_g(torch.diag(lengths**2)), expected)
    opposed = torch.tensor([[1.0, -3.0], [-3.0, 9.0]], dtype=torch.float64)
    torch.testing.assert_close(solve_imtl_g(opposed), torch.tensor([0.75, 0.25], dtype=torch.float64))


def test_a_zero_gradient_keeps_its_share() -> None:
    rows = HOSTILE["one zero"]
    weights = solve_imtl_g(rows @ rows.T)
    assert weights[1] == 0.25
    others = solve_imtl_g(rows[[0, 2, 3]] @ rows[[0, 2, 3]].T)
    torch.testing.assert_close(weights[[0, 2, 3]], 0.75 * others)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    rows = HOSTILE[name]
    weights = solve("imtl_g", (rows @ rows.T).double())
    assert torch.isfinite(weights).all()
    assert weights.sum().item() == pytest.approx(1)
    assert weights.abs().max() < 20


def test_weights_that_cannot_add_up_to_1() -> None:
    line = torch.tensor([1.0, 1.0, -0.5], dtype=torch.float64)  # 1/1 + 1/1 - 1/0.5 = 0
    with pytest.raises(BalancingError, match="must add up to 1"):
        solve("imtl_g", torch.outer(line, line))


def test_laws() -> None:
    laws.absent_takes_no_part(IMTLG)
    laws.identical_are_equal(IMTLG, 1 / 4)
