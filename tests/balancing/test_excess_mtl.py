"""ExcessMTL against its equations, by hand, and torchjd."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torchjd.aggregation import ExcessMTLWeighting as Peer

from umbel.balancing.balancer import Seen
from umbel.balancing.excess_mtl import ExcessRisks
from umbel.errors import BalancingError

EVERYBODY = torch.ones(3, dtype=torch.bool)


def jacobians(count: int, width: int = 6) -> Tensor:
    chance = torch.Generator().manual_seed(7)
    return torch.randn(count, 3, width, dtype=torch.float64, generator=chance) * torch.tensor(
        [[1.0], [30.0], [0.1]]
    )


def see(jacobian: Tensor, present: Tensor = EVERYBODY) -> Seen:
    return Seen(losses=torch.ones(3), present=present, jacobian=jacobian)


def test_two_steps_by_hand() -> None:
    """One parameter, gradients 3 and 1, then 4 and 1: e = g^2 / sqrt(sum g^2)."""
    excess = ExcessRisks(2, step=0.5)
    both = EVERYBODY[:2]
    one = excess(Seen(losses=torch.ones(2), present=both, jacobian=torch.tensor([[3.0], [1.0]]).double()))
    torch.testing.assert_close(one, torch.tensor([0.5, 0.5], dtype=torch.float64))
    two = excess(Seen(losses=torch.ones(2), present=both, jacobian=torch.tensor([[4.0], [1.0]]).double()))
    high = [math.exp(0.5 * (16 / 5) / 3), math.exp(0.5 * (1 / 2**0.5) / 1)]
    assert two.tolist() == pytest.approx([h / sum(high) for h in high])


@pytest.mark.parametrize("warmup", [1, 3])
def test_torchjd_gives_the_same_weights_but_for_its_epsilon(warmup: int) -> None:
    """torchjd adds 1e-7 to the sum of squares and to the first risk."""
    excess, peer = ExcessRisks(3, step=0.3, warmup=warmup), Peer(0.3, warmup)
    for jacobian in jacobians(10):
        torch.testing.assert_close(excess(see(jacobian)), peer(jacobian), rtol=2e-5, atol=0)
    assert excess.logits.std() > 0.01


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_scale_does_not_matter(scale: float) -> None:
    one, other = ExcessRisks(3), ExcessRisks(3)
    for jacobian in jacobians(5):
        torch.testing.assert_close(other(see(jacobian * scale)), one(see(jacobian)))


def test_an_absent_task_has_no_say_and_keeps_its_memory() -> None:
    excess, pair = ExcessRisks(3, step=0.4), ExcessRisks(2, step=0.4)
    present, ends = torch.tensor([True, False, True]), torch.tensor([0, 2])
    for jacobian in jacobians(5):
        odd = jacobian.clone()
        odd[1] = torch.nan
        found = excess(see(odd, present))
        assert found[1] == 0
        among = Seen(losses=torch.ones(2), present=EVERYBODY[:2], jacobian=jacobian[ends])
        torch.testing.assert_close(found[ends], pair(among))
    assert (excess.logits[1], excess.first[1], excess.steps[1]) == (0, 0, 0)
    assert not excess.squares[1].any()
    # the others share what they had, so the newcomer has its third
    assert torch.softmax(excess.logits, dim=0)[1] == pytest.approx(1 / 3)


def test_the_fresh_takes_the_size_that_was_saved() -> None:
    one, other = ExcessRisks(3), ExcessRisks(3)
    for jacobian in jacobians(3).float():
        one(see(jacobian))
    other.load_state_dict(one.state_dict())
    assert other.squares.dtype == torch.float32
    later = see(jacobians(4)[3].float())
    assert torch.equal(one(later), other(later))
    assert torch.equal(one.squares, other.squares)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_many_parameters_as_the_equations_have_them(kind: torch.dtype) -> None:
    """More columns than are taken at a time, some of them always zero."""
    excess, total = ExcessRisks(3, step=0.1), torch.zeros(3, 200_000, dtype=torch.float64)
    logits, first = torch.zeros(3, dtype=torch.float64), None
    for jacobian in jacobians(3, 200_000).to(kind):
        jacobian[:, ::7] = 0
        squares = jacobian.double().square()
        total += squares
        risks = torch.where(total > 0, squares / total.sqrt(), 0.0).sum(dim=1)
        logits = logits + (0 if first is None else 0.1 * risks / first)
        first = risks if first is None else first
        torch.testing.assert_close(excess(see(jacobian)), torch.softmax(logits, dim=0), rtol=1e-6, atol=0)
    torch.testing.assert_close(excess.squares.double(), total, rtol=1e-6, atol=0)


def test_a_gradient_of_0_sets_no_scale() -> None:
    excess = ExcessRisks(3)
    jacobian = jacobians(1)[0]
    jacobian[1] = 0
    assert excess(see(jacobian)).tolist() == pytest.approx([1 / 3] * 3)
    assert excess.steps.tolist() == [1, 0, 1]
    assert torch.isfinite(excess(see(jacobians(2)[1]))).all()
    assert excess.steps.tolist() == [1, 1, 1]


def test_another_size_or_infinite_gradients_are_refused() -> None:
    excess = ExcessRisks(3)
    excess(see(jacobians(1)[0]))
    with pytest.raises(BalancingError, match="shared parameters"):
        excess(see(torch.ones(3, 2)))
    with pytest.raises(BalancingError, match="finite") as told:
        excess(see(torch.full((3, 6), torch.inf), torch.tensor([False, True, False])))
    assert "[1]" in told.value.found
