"""Random weights against the distributions they are drawn from."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor

from umbel.balancing.balancer import Seen
from umbel.balancing.rlw import RandomLossWeighting

PRESENT = torch.tensor([True, True, False, True])
SEEN = Seen(losses=torch.tensor([1.0, 2.0, 0.0, 3.0]), present=PRESENT)
NAMES = ["normal", "uniform", "dirichlet", "bernoulli", "constrained_bernoulli"]


def drawn(distribution: Any, steps: int = 2000) -> Tensor:
    rlw = RandomLossWeighting(4, distribution=distribution)
    rlw.start(3)
    return torch.stack([rlw(SEEN) for _ in range(steps)])


@pytest.mark.parametrize("distribution", NAMES)
def test_weights_are_on_the_simplex_and_favour_nobody(distribution: str) -> None:
    weights = drawn(distribution)
    assert (weights >= 0).all()
    assert (weights[:, 2] == 0).all()
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(2000, dtype=torch.float64))
    spread = weights.std(dim=0) / 2000**0.5
    assert ((weights.mean(dim=0) - PRESENT / 3).abs() <= 4 * spread).all()
    assert (spread[PRESENT] > 0).all()


def test_normal_is_the_softmax_of_normal_draws() -> None:
    """log w_p - log w_q of N(0, 1) draws is N(0, 2)."""
    weights = drawn("normal")
    difference = weights[:, 0].log() - weights[:, 3].log()
    assert stats.kstest(difference.numpy(), stats.norm(scale=2**0.5).cdf).pvalue > 0.01


def test_uniform_is_the_softmax_of_uniform_draws() -> None:
    """log w_p - log w_q of U(0, 1) draws is triangular on [-1, 1]."""
    weights = drawn("uniform")
    difference = weights[:, 0].log() - weights[:, 3].log()
    assert stats.kstest(difference.numpy(), stats.triang(0.5, loc=-1, scale=2).cdf).pvalue > 0.01


def test_dirichlet_is_uniform_on_the_simplex_of_the_present() -> None:
    """A part of a uniform point of the simplex of three is Beta(1, 2)."""
    assert stats.kstest(drawn("dirichlet")[:, 1].numpy(), stats.beta(1, 2).cdf).pvalue > 0.01


def test_bernoulli_shares_alike() -> None:
    """Of seven sets of three tasks four hold a given one: 1/7 each of 1 and 1/3, 2/7 of 1/2."""
    values, counts = torch.unique(drawn("bernoulli")[:, 0], return_counts=True)
    torch.testing.assert_close(values, torch.tensor([0.0, 1 / 3, 1 / 2, 1.0], dtype=torch.float64))
    expected = 2000 * torch.tensor([3.0, 1.0, 2.0, 1.0]) / 7
    assert stats.chisquare(counts.numpy(), expected.numpy(), sum_check=False).pvalue > 0.01


def test_constrained_bernoulli_is_one_task() -> None:
    assert set(drawn("constrained_bernoulli", 200).flatten().tolist()) == {0.0, 1.0}


def test_seeds_and_states() -> None:
    one, other = RandomLossWeighting(4).double(), RandomLossWeighting(4).double()
    one.start(5)
    other.start(6)
    first = one(SEEN)
    assert not torch.equal(first, other(SEEN))
    other.start(5)
    assert torch.equal(first, other(SEEN))
    one(SEEN)
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(SEEN), other(SEEN))


def test_losses_do_not_matter_and_nobody_may_be_there() -> None:
    one, other = RandomLossWeighting(4), RandomLossWeighting(4)
    assert torch.equal(one(SEEN), other(Seen(losses=SEEN.losses * 1e8, present=PRESENT)))
    nobody = Seen(losses=torch.zeros(4), present=torch.zeros(4, dtype=torch.bool))
    for distribution in NAMES:
        assert not RandomLossWeighting(4, distribution=distribution)(nobody).any()
