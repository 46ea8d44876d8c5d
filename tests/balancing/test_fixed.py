"""The user's own weights."""

from __future__ import annotations

import torch

from umbel.balancing.balancer import Seen
from umbel.balancing.fixed import Fixed


def test_the_weights_are_those_given() -> None:
    seen = Seen(losses=torch.tensor([1.0, -5.0, 0.0]), present=torch.tensor([True, True, False]))
    assert Fixed(3, weights=(0.0, 2.5, 7.0))(seen).tolist() == [0.0, 2.5, 0.0]
    assert Fixed(3)(seen).tolist() == [1.0, 1.0, 0.0]


def test_the_weights_are_in_the_state() -> None:
    other = Fixed(2)
    other.load_state_dict(Fixed(2, weights=[3.0, 0.5]).state_dict())
    seen = Seen(losses=torch.ones(2), present=torch.tensor([True, True]))
    assert other(seen).tolist() == [3.0, 0.5]
