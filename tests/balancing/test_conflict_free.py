"""ConFIG against its equations on the gradients themselves."""

from __future__ import annotations

import pytest
import torch

import task_gradients as laws
from task_gradients import HOSTILE, jacobian
from umbel.balancing import solve
from umbel.balancing.conflict_free import ConFIG, solve_config


def test_equal_positive_cosines_and_the_length_of_all_projections() -> None:
    rows = jacobian(0)
    update = solve_config(rows @ rows.T) @ rows
    unit = update / update.norm()
    cosines = rows @ unit / rows.norm(dim=1)
    torch.testing.assert_close(cosines, cosines[:1].expand(4))
    assert cosines[0] > 0
    assert update.norm().item() == pytest.approx((rows @ unit).sum().item())


def test_closed_form_of_two() -> None:
    """u is the bisector: the weights are the mean length over each length."""
    rows = jacobian(1, 2)
    lengths = rows.norm(dim=1)
    torch.testing.assert_close(solve_config(rows @ rows.T), lengths.mean() / lengths)


def test_full_conflict_has_no_update() -> None:
    opposed = torch.tensor([[1.0, -3.0], [-3.0, 9.0]], dtype=torch.float64)
    weights = solve_config(opposed)
    torch.testing.assert_close(weights, torch.tensor([2.0, 2 / 3], dtype=torch.float64))
    assert (weights @ opposed @ weights).item() == pytest.approx(0, abs=1e-12)


def test_full_conflict_is_no_jump() -> None:
    nearly = torch.tensor([[1.0, -3.0 + 1e-5], [-3.0 + 1e-5, 9.0]], dtype=torch.float64)
    torch.testing.assert_close(solve_config(nearly), torch.tensor([2.0, 2 / 3], dtype=torch.float64))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    rows = HOSTILE[name].double()
    weights = solve("config", rows @ rows.T)
    assert torch.isfinite(weights).all()
    update = weights @ rows
    assert update.norm() <= rows.norm(dim=1).sum() * (1 + 1e-9)  # it is no longer than all projections
    shorter = HOSTILE[name][torch.tensor([0, 2, 3])].double()
    if name == "one zero":
        assert weights[1] == 1
        torch.testing.assert_close(update, solve_config(shorter @ shorter.T) @ shorter)


def test_laws() -> None:
    laws.absent_takes_no_part(ConFIG)
    laws.identical_are_equal(ConFIG, 1.0)
