"""FAMO against algorithm 1, by autograd and torch's Adam, and torchjd."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchjd import scalarization

from umbel.balancing.balancer import Seen
from umbel.balancing.famo import Famo
from umbel.errors import BalancingError

EVERYBODY = torch.ones(3, dtype=torch.bool)


def walk(count: int) -> list[tuple[Tensor, Tensor]]:
    """Losses before and after each step."""
    chance = torch.Generator().manual_seed(2)
    found = []
    for _ in range(count):
        before = 0.2 + 3 * torch.rand(3, dtype=torch.float64, generator=chance)
        after = before * (0.6 + 0.5 * torch.rand(3, dtype=torch.float64, generator=chance))
        found.append((before, after))
    return found


def see(losses: Tensor, present: Tensor = EVERYBODY) -> Seen:
    return Seen(losses=losses, present=present)


def test_it_follows_algorithm_1() -> None:
    famo = Famo(3, lr=0.1, gamma=0.01)
    logits = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))
    optimizer = torch.optim.Adam([logits], lr=0.1, weight_decay=0.01)
    for before, after in walk(20):
        losses, z = before.clone().requires_grad_(), torch.softmax(logits.detach(), dim=0)
        c = 1 / (z / before).sum()
        (expected,) = torch.autograd.grad(c * (z * losses.log()).sum(), losses)
        weights = famo(see(before))
        torch.testing.assert_close(weights, expected, rtol=1e-10, atol=0)
        assert weights.sum() == pytest.approx(1)
        famo.after(see(after))
        optimizer.zero_grad()
        (torch.softmax(logits, dim=0) * (before.log() - after.log())).sum().backward()
        optimizer.step()
    torch.testing.assert_close(famo.logits, logits.detach(), rtol=1e-9, atol=1e-12)
    assert famo.logits.std() > 0.01


def test_torchjd_gives_the_same_weights_but_for_its_epsilon() -> None:
    """torchjd adds 1e-8 to each loss, where we need it above its bound."""
    bounds = torch.tensor([-1.0, 0.0, 0.1], dtype=torch.float64)
    famo = Famo(3, min_losses=bounds.tolist()).double()
    peer = scalarization.FAMO(3, min_losses=bounds).double()
    for before, after in walk(20):
        losses = before.clone().requires_grad_()
        (expected,) = torch.autograd.grad(peer(losses), losses)
        torch.testing.assert_close(famo(see(before)), expected, rtol=1e-6, atol=0)
        peer.update(after)
        famo.after(see(after))


def test_losses_that_fall_alike_change_nothing() -> None:
    famo = Famo(3)
    famo(see(torch.tensor([1.0, 2.0, 4.0])))
    famo.after(see(torch.tensor([0.5, 1.0, 2.0])))
    assert famo.logits.tolist() == [0.0, 0.0, 0.0]


def test_an_absent_task_has_no_say_and_keeps_its_memory() -> None:
    famo, pair = Famo(3), Famo(2)
    present, ends = torch.tensor([True, False, True]), torch.tensor([0, 2])
    for before, after in walk(5):
        found = famo(see(before.masked_fill(~present, -9.0), present))
        famo.after(see(after.masked_fill(~present, 0.0), present))
        torch.testing.assert_close(found[ends], pair(see(before[ends], EVERYBODY[:2])), rtol=0, atol=0)
        pair.after(see(after[ends], EVERYBODY[:2]))
        assert found[1] == 0
    assert famo.logits[1] == 0
    assert famo.adam.steps.tolist() == [5, 0, 5]


def test_the_state_brings_it_back_between_a_step_and_its_after() -> None:
    one, other = Famo(3).double(), Famo(3).double()
    for before, after in walk(4):
        one(see(before))
        one.after(see(after))
    before, after = walk(5)[4]
    one(see(before))
    other.load_state_dict(one.state_dict())
    one.after(see(after))
    other.after(see(after))
    assert torch.equal(one(see(before)), other(see(before)))


def test_a_loss_at_its_bound_is_refused_before_and_after() -> None:
    famo = Famo(2, min_losses=[-1.0, 0.5])
    both = EVERYBODY[:2]
    with pytest.raises(BalancingError, match=r"'famo' needs losses above 0\.5"):
        famo(see(torch.tensor([0.0, 0.5]), both))
    famo(see(torch.tensor([0.0, 0.6]), both))
    with pytest.raises(BalancingError, match="'famo' needs losses above -1") as told:
        famo.after(see(torch.tensor([-1.5, 0.6]), both))
    assert "'min_losses'" in told.value.remedy


def test_after_follows_a_step_of_the_same_tasks() -> None:
    famo = Famo(2)
    with pytest.raises(AssertionError):
        famo.after(see(torch.ones(2), EVERYBODY[:2]))
