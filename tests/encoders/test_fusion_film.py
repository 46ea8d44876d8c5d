"""Fusion by modulation."""

from __future__ import annotations

import pytest
import torch

from umbel.encoders.fusion_film import Film
from umbel.errors import ConfigError
from umbel.sharing.model import initialise


def test_at_its_start_the_others_say_nothing() -> None:
    fusion = Film({"a": 2, "b": 5}, width=4)
    initialise(fusion, 0)
    x = [torch.randn(3, 2), torch.randn(3, 5)]
    assert fusion.base == "b"
    torch.testing.assert_close(fusion(x, torch.ones(3, 2, dtype=torch.bool)), torch.relu(fusion.hidden(x[1])))


def test_scale_and_shift_by_hand() -> None:
    fusion = Film({"a": 2, "b": 5}, base="b", width=4)
    with torch.no_grad():
        fusion.others["a"].weight.normal_()
    x = [torch.randn(3, 2), torch.randn(3, 5)]
    gamma, beta = (x[0] @ fusion.others["a"].weight.T + fusion.others["a"].bias).split(4, dim=1)
    hidden = torch.relu(fusion.hidden(x[1]))
    both = torch.ones(3, 2, dtype=torch.bool)
    torch.testing.assert_close(fusion(x, both), (1 + gamma) * hidden + beta)
    alone = both.clone()
    alone[:, 0] = False
    torch.testing.assert_close(fusion(x, alone), hidden)


def test_a_base_that_is_no_input() -> None:
    with pytest.raises(ConfigError, match="image"):
        Film({"images": 2, "text": 5}, base="image")
