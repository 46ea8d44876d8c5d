"""GradNorm against algorithm 1, with autograd and torch's Adam."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from umbel.balancing.balancer import Seen
from umbel.balancing.gradnorm import LEAST, GradNorm
from umbel.errors import BalancingError

EVERYBODY = torch.ones(3, dtype=torch.bool)


def steps(count: int) -> list[Seen]:
    chance = torch.Generator().manual_seed(0)
    found = []
    for _ in range(count):
        gradients = torch.randn(3, 5, dtype=torch.float64, generator=chance) * torch.tensor(
            [[1.0], [4.0], [0.2]]
        )
        losses = 0.5 + torch.rand(3, dtype=torch.float64, generator=chance)
        found.append(Seen(losses=losses, present=EVERYBODY, gram=gradients @ gradients.T))
    return found


@pytest.mark.parametrize("alpha", [0.0, 1.5])
def test_the_weights_follow_algorithm_1(alpha: float) -> None:
    gradnorm = GradNorm(3, alpha=alpha, lr=0.05)
    weights = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
    optimizer = torch.optim.Adam([weights], lr=0.05, eps=1e-30)
    first: Tensor | None = None
    for seen in steps(25):
        assert seen.gram is not None
        torch.testing.assert_close(gradnorm(seen), weights.detach(), rtol=1e-10, atol=0)
        first = seen.losses if first is None else first
        norms = weights * seen.gram.diagonal().sqrt()
        left = seen.losses / first
        target = (norms.mean() * (left / left.mean()) ** alpha).detach()
        optimizer.zero_grad()
        (norms - target).abs().sum().backward()
        optimizer.step()
        with torch.no_grad():
            weights *= 3 / weights.sum()
    assert weights.std() > 0.1


def test_norms_come_to_their_target() -> None:
    """Losses that all stay as they are: the target is the mean norm."""
    gram = torch.diag(torch.tensor([1.0, 4.0, 0.25], dtype=torch.float64))
    seen = Seen(losses=torch.ones(3), present=EVERYBODY, gram=gram)
    gradnorm = GradNorm(3, lr=0.01)
    for _ in range(600):
        weights = gradnorm(seen)
    norms = weights * gram.diagonal().sqrt()
    torch.testing.assert_close(norms, norms.mean().expand(3), rtol=0.05, atol=0)


def test_an_absent_task_has_no_say_and_keeps_its_memory() -> None:
    gradnorm = GradNorm(3)
    for seen in steps(3):
        gradnorm(seen)
    before = {key: value.clone() for key, value in gradnorm.state_dict().items()}
    other = GradNorm(3)
    other.load_state_dict(before)
    seen, present = steps(4)[3], torch.tensor([True, False, True])
    assert seen.gram is not None
    odd = seen.gram.clone()
    odd[1] = odd[:, 1] = torch.nan
    gradnorm(Seen(losses=seen.losses, present=present, gram=seen.gram))
    other(
        Seen(losses=torch.tensor([seen.losses[0], -7.0, seen.losses[2]]).double(), present=present, gram=odd)
    )
    for key, value in gradnorm.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key
        if value.ndim:
            assert torch.equal(value[1], before[key][1]), key
    assert gradnorm.weights.sum() == pytest.approx(3)
    assert not torch.equal(gradnorm.weights, before["weights"])


def test_first_losses_are_those_of_the_first_presence() -> None:
    gradnorm = GradNorm(2)
    gram = torch.eye(2, dtype=torch.float64)
    gradnorm(Seen(losses=torch.tensor([4.0, 0.0]), present=torch.tensor([True, False]), gram=gram))
    gradnorm(Seen(losses=torch.tensor([2.0, 3.0]), present=torch.tensor([True, True]), gram=gram))
    assert gradnorm.initial.tolist() == [4.0, 3.0]
    assert gradnorm.adam.steps.tolist() == [1, 1]  # the first step had one task: nothing to balance


def test_weights_stay_above_0() -> None:
    """A rate near 1 throws weights about; none is lost."""
    gradnorm, least = GradNorm(3, lr=0.9), 1.0
    for seen in steps(60):
        weights = gradnorm(seen)
        least = min(least, float(weights.min()))
        assert weights.sum() == pytest.approx(3)
    assert 0 < least < 3 * LEAST  # the bound was met, then rescaled


def test_a_negative_loss_is_refused() -> None:
    with pytest.raises(BalancingError, match="'gradnorm' needs losses above 0"):
        GradNorm(2)(Seen(losses=torch.tensor([1.0, -1.0]), present=EVERYBODY[:2], gram=torch.eye(2)))


def test_rounding_of_equal_gradients_moves_nothing() -> None:
    gram = torch.diag(torch.tensor([1.0, 1 + 1e-9, 1 - 1e-9], dtype=torch.float64))
    gradnorm = GradNorm(3)
    for _ in range(5):
        weights = gradnorm(Seen(losses=torch.full((3,), 0.7), present=EVERYBODY, gram=gram))
    assert weights.tolist() == [1.0, 1.0, 1.0]
