"""PCGrad against the algorithm on the gradients themselves."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import task_gradients as laws
from task_gradients import HOSTILE, jacobian
from umbel.balancing import solve
from umbel.balancing.pcgrad import PCGrad, random_orders, solve_pcgrad


def projected(rows: Tensor, orders: Tensor) -> Tensor:
    """Algorithm 1, on vectors."""
    total = torch.zeros_like(rows[0])
    for own, order in enumerate(orders):
        gradient = rows[own].clone()
        for other in order:
            if gradient @ rows[other] < 0:
                gradient -= (gradient @ rows[other]) / (rows[other] @ rows[other]) * rows[other]
        total += gradient
    return total


@pytest.mark.parametrize("seed", range(5))
def test_the_algorithm_on_vectors(seed: int) -> None:
    rows = jacobian(seed, 6, 3)
    orders = random_orders(6, generator=torch.Generator().manual_seed(seed))
    weights = solve_pcgrad(rows @ rows.T, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(weights @ rows, projected(rows, orders))


def test_two_in_conflict() -> None:
    """The weight of each gains what the other takes of it: -(g_1 g_2) / |g_p|^2."""
    gram = torch.tensor([[4.0, -2.0], [-2.0, 9.0]], dtype=torch.float64)
    weights = solve_pcgrad(gram, generator=torch.Generator())
    torch.testing.assert_close(weights, torch.tensor([1 + 2 / 4, 1 + 2 / 9], dtype=torch.float64))


def test_orders_have_all_others_each_first_about_as_often() -> None:
    generator = torch.Generator().manual_seed(0)
    first = torch.zeros(4, 4)
    for _ in range(600):
        orders = random_orders(4, generator=generator)
        for own in range(4):
            assert sorted(orders[own].tolist()) == [other for other in range(4) if other != own]
            first[own, orders[own, 0]] += 1
    expected = 200 * (1 - torch.eye(4))
    assert ((first - expected) ** 2).sum() / 200 < 8 * 3  # chi-squared of 8 degrees, far in its tail


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    rows = HOSTILE[name]
    weights = solve("pcgrad", (rows @ rows.T).double())
    assert torch.isfinite(weights).all()
    assert (weights >= 1).all()


def test_the_order_matters_and_the_seed_sets_it() -> None:
    rows = torch.tensor([[1.0, 0.2], [-1.0, 0.3], [0.2, -1.0]], dtype=torch.float64)
    found = [solve("pcgrad", rows @ rows.T, seed=seed) for seed in range(8)]
    assert any((weights - found[0]).abs().max() > 0.1 for weights in found[1:])
    assert torch.equal(solve("pcgrad", rows @ rows.T, seed=3), found[3])


def test_laws() -> None:
    laws.absent_takes_no_part(PCGrad)
    laws.identical_are_equal(PCGrad, 1.0)
    laws.state_brings_back(PCGrad)
