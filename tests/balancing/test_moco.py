"""MoCo against its recursion, written out, and against the minimiser it tends to."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

import task_gradients as laws
from task_gradients import HOSTILE, jacobian, shown
from umbel.balancing.moco import MoCo
from umbel.errors import BalancingError, ConfigError


def shortest(gram: np.ndarray, ridge: float) -> np.ndarray:
    """The minimiser of w' (gram + ridge) w on the simplex."""
    found = minimize(
        lambda w: w @ gram @ w + ridge * w @ w,
        np.full(len(gram), 1 / len(gram)),
        jac=lambda w: 2 * (gram @ w + ridge * w),
        bounds=[(0, 1)] * len(gram),
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-15, "maxiter": 500},
    )
    return np.asarray(found.x)


def test_two_steps_by_hand() -> None:
    """Two tasks, two parameters; the projection of a pair on the simplex moves both alike."""
    first, second = torch.eye(2).double(), torch.tensor([[1.0, 0.0], [0.0, 3.0]]).double()
    balancer = MoCo(2, beta=0.5, gamma=0.1, rho=0.0)
    assert balancer(shown(first)).tolist() == [0.5, 0.5]
    weights = balancer(shown(second))
    # y = (1, 0), (0, 2); its Gramian (1, 4) times the shares is (0.5, 2)
    torch.testing.assert_close(weights, torch.tensor([0.5 + 0.075, 0.5 - 0.075], dtype=torch.float64))
    update = balancer.direction(shown(second), weights)
    torch.testing.assert_close(update, torch.tensor([0.575, 0.85], dtype=torch.float64))


def test_it_ends_at_the_shortest_mixture_of_mean_gradients() -> None:
    """Gradients with noise around means: the weights are the minimiser of the means' Gramian."""
    mean, balancer = jacobian(0, 3, 5), MoCo(3, beta=0.02, gamma=0.02, rho=0.1)
    for seed in range(800):
        weights = balancer(shown(mean + 0.3 * jacobian(seed + 1, 3, 5)))
    expected = shortest((mean @ mean.T).numpy(), 0.1)
    np.testing.assert_allclose(weights, expected, atol=0.05)
    torch.testing.assert_close(balancer.memory, mean, atol=0.2, rtol=0)


def test_an_absent_task_keeps_its_average_and_its_share() -> None:
    balancer = MoCo(3, beta=0.5, gamma=0.1)
    balancer(shown(jacobian(0, 3)))
    before, share = balancer.memory.clone(), balancer.shares.values.clone()
    rows = jacobian(1, 3)
    rows[0] = torch.nan
    seen = shown(rows, present=[False, True, True])
    weights = balancer(seen)
    assert weights[0] == 0
    assert weights.sum().item() == pytest.approx(1)
    assert torch.equal(balancer.memory[0], before[0])
    assert balancer.shares.values[0] == share[0]
    torch.testing.assert_close(balancer.memory[1], (before[1] + rows[1]) / 2)
    torch.testing.assert_close(balancer.direction(seen, weights), weights[1:] @ balancer.memory[1:])


def test_a_task_begins_with_its_first_gradient() -> None:
    balancer, rows = MoCo(2), jacobian(2, 2)
    balancer(shown(rows, present=[True, False]))
    assert balancer.known.tolist() == [True, False]
    assert balancer.memory[1].eq(0).all()
    balancer(shown(rows))
    torch.testing.assert_close(balancer.memory, rows)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    rows, balancer = HOSTILE[name], MoCo(4)
    for _ in range(3):
        weights = balancer(shown(rows))
        assert (weights >= 0).all()
        assert weights.sum().item() == pytest.approx(1)
    update = balancer.direction(shown(rows), weights)
    assert update.dtype == rows.dtype
    torch.testing.assert_close(update, weights.to(rows) @ rows)


def test_many_parameters_and_an_absent_task() -> None:
    """More columns than are taken at a time; products of averages and the update over all of them."""
    balancer, memory = MoCo(3, beta=0.25, gamma=1e-6, rho=0.0), torch.zeros(3, 100_000, dtype=torch.float64)
    for seed, present in enumerate(([True] * 3, [True, False, True], [True] * 3)):
        rows, share = jacobian(seed, 3, 100_000), balancer.shares.values.clone()
        known = torch.tensor(present)
        memory[known] += (0.25 if seed else 1.0) * (rows - memory)[known]
        weights = balancer(shown(rows, present=present))
        torch.testing.assert_close(balancer.memory, memory)
        own = share[known] / share[known].sum()
        moved = own - 1e-6 * (memory[known] @ memory[known].T @ own)
        torch.testing.assert_close(weights[known], moved + (1 - moved.sum()) / len(moved))
        update = balancer.direction(shown(rows, present=present), weights)
        torch.testing.assert_close(update, weights[known] @ memory[known])


def test_other_parameters_are_told() -> None:
    balancer = MoCo(2)
    balancer(shown(jacobian(0, 2, 12)))
    with pytest.raises(BalancingError, match="13 parameters, and 12 before"):
        balancer(shown(jacobian(0, 2, 13)))


def test_what_is_not_finite_leaves_the_memory() -> None:
    balancer, rows = MoCo(2), jacobian(0, 2)
    balancer(shown(rows))
    before = {key: value.clone() for key, value in balancer.state_dict().items()}
    with pytest.raises(BalancingError, match="finite"):
        balancer(shown(rows * torch.nan))
    assert all(torch.equal(value, before[key]) for key, value in balancer.state_dict().items())


@pytest.mark.parametrize("option", [{"beta": 0.0}, {"gamma": 0.0}, {"rho": -1.0}])
def test_options(option: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(option))):
        MoCo(2, **option)


def test_laws() -> None:
    laws.absent_takes_no_part(MoCo)
    laws.identical_are_equal(MoCo, 1 / 4)
    laws.state_brings_back(partial(MoCo, rho=0.0))


def test_the_state_of_a_balancer_within_another_module() -> None:
    """Of float32, by way of a prefix; and a state of other tasks is refused."""
    one = torch.nn.ModuleDict({"b": MoCo(4)})
    one["b"](shown(jacobian(0).float()))
    fresh = torch.nn.ModuleDict({"b": MoCo(4)})
    fresh.load_state_dict(one.state_dict())
    assert torch.equal(fresh["b"].memory, one["b"].memory)
    assert fresh["b"].memory.dtype == torch.float32
    with pytest.raises(RuntimeError, match="size mismatch"):
        MoCo(3).load_state_dict(one["b"].state_dict())
