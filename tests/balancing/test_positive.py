"""Losses that must be positive."""

from __future__ import annotations

import pytest
import torch

from umbel.balancing.positive import positive
from umbel.errors import BalancingError

PRESENT = torch.tensor([True, False, True])


def test_absent_losses_are_not_looked_at() -> None:
    for odd in (0.0, -3.0, float("nan"), float("inf")):
        found = positive("gls", torch.tensor([2.0, odd, 0.5]), PRESENT)
        assert found.tolist() == [2.0, 1.0, 0.5]


@pytest.mark.parametrize("value", [0.0, -0.25])
def test_the_message_names_method_place_and_value(value: float) -> None:
    with pytest.raises(BalancingError) as told:
        positive("gls", torch.tensor([2.0, 1.0, value]), PRESENT)
    assert "'gls' needs losses above 0" in told.value.rule
    assert f"{value:g}" in told.value.found
    assert "place 2 (of 3)" in told.value.found
    assert "learned may be negative" in told.value.remedy
    assert "'equal'" in told.value.remedy


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite(value: float) -> None:
    with pytest.raises(BalancingError, match="'gls' needs finite losses"):
        positive("gls", torch.tensor([value, 1.0, 1.0]), PRESENT)


def test_a_lower_bound() -> None:
    least = torch.tensor([-2.0, 0.0, 0.5])
    assert positive("famo", torch.tensor([-1.0, 0.0, 1.0]), PRESENT, least=least).tolist() == [1.0, 1.0, 0.5]
    with pytest.raises(BalancingError, match=r"above 0\.5") as told:
        positive("famo", torch.tensor([-1.0, 0.0, 0.5]), PRESENT, least=least, option="min_losses")
    assert "'min_losses'" in told.value.remedy
