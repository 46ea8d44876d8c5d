"""GradDrop: signs by their purity, in expectation and coordinate by coordinate."""

from __future__ import annotations

from functools import partial

import pytest
import torch

import task_gradients as laws
from task_gradients import HOSTILE, jacobian, shown
from umbel.balancing.graddrop import GradDrop, drop_signs
from umbel.errors import BalancingError, ConfigError


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_where_all_agree_nothing_is_dropped() -> None:
    rows = jacobian(0, 3, 200).abs() * torch.sign(jacobian(1, 1, 200))
    torch.testing.assert_close(drop_signs(rows, generator=draws()), rows.sum(dim=0))


def test_frequencies_are_purities() -> None:
    """3 and -1 and -0.5 have the purity (1 + 1.5 / 4.5) / 2 = 2/3: 3 in two of three coordinates."""
    column = torch.tensor([[3.0], [-1.0], [-0.5]], dtype=torch.float64)
    update = drop_signs(column.expand(3, 20_000), generator=draws())
    assert set(update.tolist()) == {3.0, -1.5}
    positive = (update > 0).double().mean().item()
    assert positive == pytest.approx(2 / 3, abs=4 * (2 / 9 / 20_000) ** 0.5)


def test_leak_is_between_the_drop_and_the_sum() -> None:
    rows = jacobian(2)
    dropped = drop_signs(rows, generator=draws(3))
    some = drop_signs(rows, leak=0.3, generator=draws(3))
    torch.testing.assert_close(some, 0.3 * rows.sum(dim=0) + 0.7 * dropped)
    torch.testing.assert_close(drop_signs(rows, leak=1.0, generator=draws(3)), rows.sum(dim=0))


def test_absent_tasks_take_no_part() -> None:
    rows, present = jacobian(4), [True, False, True, True]
    one, alone = GradDrop(4), GradDrop(3)
    weights = one(shown(rows, present=present))
    assert weights.tolist() == [1, 0, 1, 1]
    rows[1] = torch.nan
    found = one.direction(shown(rows, present=present), weights)
    torch.testing.assert_close(found, alone.direction(shown(rows[present]), torch.ones(3)))


def test_many_columns_as_the_paper_has_them() -> None:
    """Against lines 10 to 15 written down for the whole Jacobian; more columns than are taken at a time."""
    rows = jacobian(8, 3, 50_000)
    rows[:, 7] = 0
    found = drop_signs(rows, leak=0.2, generator=draws(4))
    purity = (1 + rows.sum(dim=0) / rows.abs().sum(dim=0)) / 2
    drawn = torch.rand(50_000, generator=draws(4), dtype=rows.dtype)
    kept = ((purity > drawn) & (rows > 0)) | ((purity < drawn) & (rows < 0))
    expected = torch.where(kept, rows, 0.2 * rows).sum(dim=0)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    assert found[7] == 0


def test_a_weight_may_be_negative() -> None:
    rows, weights = jacobian(9), torch.tensor([1.0, -2.0, 0.0, 0.5], dtype=torch.float64)
    found = drop_signs(rows, weights=weights, generator=draws())
    torch.testing.assert_close(found, drop_signs(weights[:, None] * rows, generator=draws()))


def test_weights_count() -> None:
    rows, weights = jacobian(5), torch.tensor([2.0, 1.0, 0.5, 0.0], dtype=torch.float64)
    found = GradDrop(4).direction(shown(rows), weights)
    torch.testing.assert_close(found, GradDrop(4).direction(shown(weights[:, None] * rows), torch.ones(4)))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    rows = HOSTILE[name]
    balancer = GradDrop(4)
    update = balancer.direction(shown(rows), balancer(shown(rows)))
    assert update.dtype == rows.dtype
    assert torch.isfinite(update).all()
    positive, negative = rows.clamp(min=0).sum(dim=0), rows.clamp(max=0).sum(dim=0)
    assert (
        ((update - positive).abs() < 1e-6 * positive + 1e-300)
        .logical_or((update - negative).abs() <= 1e-6 * negative.abs())
        .all()
    )


def test_what_is_not_finite_is_told() -> None:
    rows = jacobian(6)
    rows[2, 0] = torch.inf
    with pytest.raises(BalancingError, match=r"tasks \[2\]"):
        GradDrop(4).direction(shown(rows), torch.ones(4))


def test_options() -> None:
    with pytest.raises(ConfigError, match="leak"):
        GradDrop(2, leak=-0.1)


def test_laws() -> None:
    laws.identical_are_equal(GradDrop, 1.0)
    laws.state_brings_back(partial(GradDrop, leak=0.1))
