"""Dynamic weight average against its equation, by hand, and torchjd."""

from __future__ import annotations

import math

import pytest
import torch
from torchjd import scalarization

from umbel.balancing.balancer import Seen
from umbel.balancing.dwa import DynamicWeightAverage
from umbel.errors import BalancingError

EPOCHS = torch.tensor(
    [[4.0, 1.0, 3.0], [2.0, 0.9, 3.3], [1.9, 0.3, 3.3], [0.1, 0.3, 9.0]], dtype=torch.float64
)
SEEN = Seen(losses=torch.ones(3), present=torch.ones(3, dtype=torch.bool))


def test_two_epochs_by_hand() -> None:
    dwa = DynamicWeightAverage(3, temperature=0.5)
    assert dwa(SEEN).tolist() == [1.0, 1.0, 1.0]
    dwa.epoch(EPOCHS[0])
    torch.testing.assert_close(dwa(SEEN), torch.ones(3, dtype=torch.float64))
    dwa.epoch(EPOCHS[1])
    high = [math.exp(0.5 / 0.5), math.exp(0.9 / 0.5), math.exp(1.1 / 0.5)]
    assert dwa(SEEN).tolist() == pytest.approx([3 * h / sum(high) for h in high])


def test_torchjd_gives_the_same_weights() -> None:
    dwa, peer = DynamicWeightAverage(3), scalarization.DWA()
    for epoch in EPOCHS:
        for part in (0.5, 1.5):  # two batches whose mean is the epoch's
            losses = (part * epoch).requires_grad_()
            (expected,) = torch.autograd.grad(peer(losses), losses)
            torch.testing.assert_close(dwa(SEEN), expected)
        peer.step()
        dwa.epoch(epoch)


def test_a_task_without_labels_in_an_epoch_keeps_its_memory() -> None:
    dwa, plain = DynamicWeightAverage(3), DynamicWeightAverage(3)
    for epoch in EPOCHS[:2]:
        dwa.epoch(epoch)
        plain.epoch(epoch)
    dwa.epoch(torch.tensor([1.9, torch.nan, 3.3], dtype=torch.float64))
    plain.epoch(EPOCHS[2])
    assert (dwa.last[1], dwa.before[1]) == (EPOCHS[1, 1], EPOCHS[0, 1])
    torch.testing.assert_close(dwa.last[[0, 2]], plain.last[[0, 2]])
    late = DynamicWeightAverage(2)  # one epoch only: as in the first two, r = 1
    late.epoch(torch.tensor([2.0, torch.nan]))
    late.epoch(torch.tensor([1.0, 5.0]))
    both = Seen(losses=torch.ones(2), present=torch.tensor([True, True]))
    expected = 2 * torch.softmax(torch.tensor([0.5, 1.0], dtype=torch.float64) / 2, dim=0)
    torch.testing.assert_close(late(both), expected)


def test_weights_stay_within_an_epoch_whoever_is_present() -> None:
    dwa = DynamicWeightAverage(3)
    for epoch in EPOCHS[:2]:
        dwa.epoch(epoch)
    whole = dwa(SEEN)
    some = dwa(Seen(losses=torch.zeros(3), present=torch.tensor([True, False, True])))
    assert whole.sum() == pytest.approx(3)
    assert torch.equal(some, whole * torch.tensor([1, 0, 1]))


def test_the_state_brings_it_back() -> None:
    one, other = DynamicWeightAverage(3).double(), DynamicWeightAverage(3).double()
    for epoch in EPOCHS:
        one.epoch(epoch)
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(SEEN), other(SEEN))


def test_negative_losses_are_refused() -> None:
    with pytest.raises(BalancingError, match="'dwa' needs losses above 0"):
        DynamicWeightAverage(3).epoch(torch.tensor([1.0, -1.0, 1.0]))
