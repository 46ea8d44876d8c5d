"""SDMGrad against a general minimiser of its objective."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

import task_gradients as laws
from task_gradients import HOSTILE, jacobian, shown
from umbel.balancing.balancer import Seen
from umbel.balancing.sdmgrad import SDMGrad, solve_sdmgrad
from umbel.errors import BalancingError, ConfigError

EVEN = torch.full((4,), 0.25, dtype=torch.float64)
patient = partial(SDMGrad, rate=0.1, momentum=0.5, steps=400)


@pytest.mark.parametrize("pull", [0.0, 0.3, 5.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_minimiser(seed: int, pull: float) -> None:
    """min over the simplex of |J' (w + pull / P)|^2, by sequential least squares."""
    rows = jacobian(seed, 4, 6)
    gram = (rows @ rows.T / 6).numpy()
    best = minimize(
        lambda w: (w + pull / 4) @ gram @ (w + pull / 4),
        np.full(4, 0.25),
        jac=lambda w: 2 * gram @ (w + pull / 4),
        bounds=[(0, 1)] * 4,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-15, "maxiter": 500},
    )
    found = solve_sdmgrad(rows @ rows.T, EVEN, rate=0.1, momentum=0.5, steps=400, pull=pull)
    np.testing.assert_allclose(found, best.x, atol=1e-5)
    weights = patient(4, pull=pull)(shown(rows))
    np.testing.assert_allclose(weights, (best.x + pull / 4) / (1 + pull), atol=1e-5)


def test_one_inner_step_by_hand() -> None:
    """A = diag(1, 9) over the squared mean length 4; two steps with momentum."""
    cross, even = torch.diag(torch.tensor([1.0, 9.0])).double(), torch.tensor([0.5, 0.5]).double()
    found = solve_sdmgrad(cross, even, rate=0.1, momentum=0.5, steps=1, pull=1.0)
    # the gradient is (0.25, 2.25); a pair moves by half the difference
    torch.testing.assert_close(found, torch.tensor([0.6, 0.4], dtype=torch.float64))
    again = solve_sdmgrad(cross, even, rate=0.1, momentum=0.5, steps=2, pull=1.0)
    speed = 0.5 * torch.tensor([0.25, 2.25]) + torch.tensor([1.1 / 4, 0.9 * 9 / 4])
    move = 0.1 * (speed[1] - speed[0]).item() / 2
    torch.testing.assert_close(again, torch.tensor([0.6 + move, 0.4 - move], dtype=torch.float64))


def test_a_strong_pull_gives_equal_weights() -> None:
    torch.testing.assert_close(SDMGrad(4, pull=1e6)(shown(jacobian(0))), EVEN, atol=1e-5, rtol=0)


def test_scale_does_not_matter() -> None:
    one, other = SDMGrad(4), SDMGrad(4)
    for seed in range(3):
        first, second = jacobian(seed), jacobian(seed + 9)
        torch.testing.assert_close(
            one(shown(first, other=second)), other(shown(first * 1e7, other=second * 1e7))
        )


def test_halves_that_show_no_length_change_nothing() -> None:
    balancer = SDMGrad(4, rate=0.1)
    before = balancer(shown(jacobian(0)))
    torch.testing.assert_close(balancer(shown(jacobian(1), other=-jacobian(1))), before, rtol=0, atol=0)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    rows, balancer = HOSTILE[name], SDMGrad(4)
    for _ in range(3):
        weights = balancer(shown(rows, other=rows.flip(0)))
        assert (weights >= 0.3 / 4 / 1.3 - 1e-12).all()
        assert weights.sum().item() == pytest.approx(1)


def test_errors() -> None:
    with pytest.raises(BalancingError, match="finite"):
        SDMGrad(4)(shown(jacobian(0) * torch.nan))
    cross = torch.tensor([[1e-300, 1e300], [-1e300, 0.0]], dtype=torch.float64)
    everyone = torch.ones(2, dtype=torch.bool)
    with pytest.raises(BalancingError, match="descent"):
        SDMGrad(2)(Seen(losses=torch.ones(2), present=everyone, cross=cross))
    for option in ({"rate": 0.0}, {"momentum": 1.0}, {"steps": 0}, {"pull": -1.0}):
        with pytest.raises(ConfigError, match=next(iter(option))):
            SDMGrad(2, **option)


def test_laws() -> None:
    laws.absent_takes_no_part(SDMGrad)
    laws.identical_are_equal(SDMGrad, 1 / 4)
    laws.state_brings_back(SDMGrad)
