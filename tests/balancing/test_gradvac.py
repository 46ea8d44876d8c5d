"""GradVac against its algorithm on the gradients themselves."""

from __future__ import annotations

from functools import partial

import pytest
import torch

import task_gradients as laws
from task_gradients import HOSTILE, jacobian, shown
from umbel.balancing import solve
from umbel.balancing.gradvac import GradVac, solve_gradvac
from umbel.balancing.pcgrad import random_orders, solve_pcgrad
from umbel.errors import ConfigError

half = partial(GradVac, beta=0.5)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_algorithm_on_vectors() -> None:
    """Three steps of algorithm 1, on vectors."""
    balancer, target = half(4), torch.zeros(4, 4, dtype=torch.float64)
    balancer.start(5)
    generator = draws(5)
    for seed in range(3):
        rows, total = jacobian(seed, 4, 3), torch.zeros(3, dtype=torch.float64)
        for own, order in enumerate(random_orders(4, generator=generator)):
            gradient = rows[own].clone()
            for other in order:
                g, t = rows[other], target[own, other].clone()
                c = gradient @ g / (gradient.norm() * g.norm())
                target[own, other] = 0.5 * t + 0.5 * c
                if c < t:
                    up = gradient.norm() * (t * (1 - c**2).sqrt() - c * (1 - t**2).sqrt())
                    gradient = gradient + up / (g.norm() * (1 - t**2).sqrt()) * g
            total += gradient
        torch.testing.assert_close(balancer(shown(rows)) @ rows, total)
        torch.testing.assert_close(balancer.target, target)


def test_a_pair_is_turned_to_its_target() -> None:
    """After the turn the cosine of g_1 with g_2 is the target."""
    rows = jacobian(3, 2)
    target = torch.tensor([[0.0, 0.7], [-1.0, 0.0]], dtype=torch.float64)
    weights, _ = solve_gradvac(rows @ rows.T, target, beta=0.0, generator=draws())
    turned = rows[0] + (weights[1] - 1) * rows[1]  # g_2 itself is left as it is
    assert weights[0].item() == pytest.approx(1)
    assert torch.cosine_similarity(turned, rows[1], dim=0).item() == pytest.approx(0.7)


def test_with_targets_of_zero_it_is_pcgrad() -> None:
    rows = jacobian(4, 6, 3)
    weights, _ = solve_gradvac(
        rows @ rows.T, torch.zeros(6, 6, dtype=torch.float64), beta=0.0, generator=draws(1)
    )
    torch.testing.assert_close(weights, solve_pcgrad(rows @ rows.T, generator=draws(1)))


def test_absent_tasks_are_remembered_as_they_were() -> None:
    balancer = half(4)
    balancer(shown(jacobian(0)))
    before = balancer.target.clone()
    balancer(shown(jacobian(1), present=[True, False, True, True]))
    assert torch.equal(balancer.target[1], before[1])
    assert torch.equal(balancer.target[:, 1], before[:, 1])
    assert (balancer.target[0, 2:] != before[0, 2:]).all()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    """Many steps, so that targets come near to 1 and to -1; then gradients that were never seen."""
    rows, balancer = HOSTILE[name], GradVac(4, beta=1.0)
    for _ in range(3):
        weights = balancer(shown(rows))
        assert torch.isfinite(weights).all()
        assert (weights >= 1).all()
    assert (balancer.target.abs() <= 1).all()
    assert torch.isfinite(balancer(shown(jacobian(9)))).all()


def test_a_target_of_one_is_bounded() -> None:
    """To turn a gradient onto another takes an infinite weight; it stops at the cosine 1 - 1e-6."""
    gram = torch.eye(2, dtype=torch.float64)
    weights, _ = solve_gradvac(gram, torch.ones(2, 2).double(), beta=0.0, generator=draws())
    expected = 1 + (1 - 1e-6) / (1 - (1 - 1e-6) ** 2) ** 0.5
    torch.testing.assert_close(weights, torch.full((2,), expected, dtype=torch.float64))


def test_options() -> None:
    with pytest.raises(ConfigError, match="beta"):
        solve("gradvac", torch.eye(2), beta=1.5)


def test_laws() -> None:
    laws.absent_takes_no_part(half)
    laws.identical_are_equal(half, 1.0)
    laws.state_brings_back(half)
