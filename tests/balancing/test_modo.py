"""MoDo against its recursion and the minimiser it tends to."""

from __future__ import annotations

from functools import partial

import pytest
import torch

import task_gradients as laws
from task_gradients import HOSTILE, jacobian, shown
from umbel.balancing.modo import MoDo, solve_modo
from umbel.balancing.simplex import project_simplex
from umbel.errors import BalancingError, ConfigError


def test_recursion() -> None:
    """The products are not symmetric: rows of the first half, columns of the second."""
    balancer, expected = MoDo(4, gamma=0.2, rho=0.3), torch.full((4,), 0.25, dtype=torch.float64)
    for seed in range(4):
        first, second = jacobian(seed), jacobian(seed + 50)
        step = (first @ second.T + 0.3 * torch.eye(4)) @ expected
        expected = project_simplex(expected - 0.2 * step)
        torch.testing.assert_close(balancer(shown(first, other=second)), expected)


def test_one_step_by_hand() -> None:
    cross = torch.tensor([[0.0, 2.0], [1.0, 0.0]], dtype=torch.float64)
    shares = torch.tensor([0.25, 0.75], dtype=torch.float64)
    found = solve_modo(cross, shares, gamma=0.1, rho=0.0)
    # the gradient is (1.5, 0.25); a pair moves by half the difference
    torch.testing.assert_close(found, shares + 0.1 * 0.625 * torch.tensor([-1.0, 1.0]).double())


def test_two_halves_have_no_bias() -> None:
    """Of equal means and unequal noise one batch prefers the quiet task; two halves do not."""
    noise = torch.tensor([[0.1], [2.0]], dtype=torch.float64) * jacobian(0, 4000, 3).view(1000, 2, 2, 3)
    halves, one = MoDo(2, gamma=0.005, rho=2.0), MoDo(2, gamma=0.005, rho=2.0)
    first, second = 1 + noise[:, 0], 1 + noise[:, 1]
    quiet = torch.stack([halves(shown(a, other=b))[0] for a, b in zip(first, second, strict=True)])
    biased = torch.stack([one(shown(a))[0] for a in first])
    assert quiet[200:].mean().item() == pytest.approx(0.5, abs=0.12)
    # the shares of a Gramian 3 + diag(0.03, 12), with the ridge of 2
    assert biased[200:].mean().item() == pytest.approx(14 / 16.03, abs=0.05)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    rows, balancer = HOSTILE[name], MoDo(4)
    for _ in range(3):
        weights = balancer(shown(rows, other=rows.flip(0)))
        assert (weights >= 0).all()
        assert weights.sum().item() == pytest.approx(1)


def test_an_absent_task_keeps_its_share() -> None:
    balancer = MoDo(4)
    balancer(shown(jacobian(0)))
    before = balancer.shares.values.clone()
    balancer(shown(jacobian(1), present=[True, True, False, True]))
    assert balancer.shares.values[2] == before[2]
    assert (balancer.shares.values != before).sum() == 3
    assert balancer.shares.values.sum().item() == pytest.approx(1)


def test_errors() -> None:
    with pytest.raises(BalancingError, match="finite"):
        MoDo(4)(shown(jacobian(0) * torch.inf))
    for option in ({"gamma": 0.0}, {"rho": -1.0}):
        with pytest.raises(ConfigError, match=next(iter(option))):
            MoDo(2, **option)


def test_laws() -> None:
    laws.absent_takes_no_part(MoDo)
    laws.identical_are_equal(MoDo, 1 / 4)
    laws.state_brings_back(partial(MoDo, gamma=0.01))
