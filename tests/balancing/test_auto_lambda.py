"""Auto-lambda against the derivative of the validation loss after a step, by autograd."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from umbel.balancing.auto_lambda import AutoLambda
from umbel.balancing.balancer import Seen
from umbel.errors import BalancingError

PRIMARY = [0, 2]
EVERYBODY = torch.ones(3, dtype=torch.bool)
CHANCE = torch.Generator().manual_seed(4)
TRAIN, VALID = (torch.randn(3, 6, 4, dtype=torch.float64, generator=CHANCE) for _ in range(2))


def losses_of(theta: Tensor, rows: Tensor) -> Tensor:
    """Three tasks' losses: each the mean of (x theta - 1) ** 2 over its own rows."""
    return ((rows @ theta - 1) ** 2).mean(dim=1)


def gradients(theta: Tensor, rows: Tensor) -> Tensor:
    found: Tensor = torch.func.jacrev(losses_of)(theta, rows)
    return found


def test_the_direction_is_the_derivative_one_step_ahead() -> None:
    """d / d lambda of L_val(theta - a sum lambda_p grad L_p), over -a, as a goes to 0."""
    theta, rate = torch.ones(4, dtype=torch.float64), 1e-7
    own = gradients(theta, TRAIN)
    weights = torch.ones(3, dtype=torch.float64, requires_grad=True)
    ahead = losses_of(theta - rate * weights @ own, VALID)[PRIMARY].sum()
    (slope,) = torch.autograd.grad(ahead, weights)
    influence = -slope / rate
    balancer = AutoLambda(3, primary=PRIMARY, lr=0.01)
    seen = Seen(losses=torch.ones(3), present=EVERYBODY, validation=own @ gradients(theta, VALID).T)
    balancer(seen)
    # after one step Adam's first moment is a tenth of the gradient
    torch.testing.assert_close(balancer.adam.first, -0.1 * influence, rtol=1e-5, atol=0)


def test_the_weights_take_adams_steps_before_they_are_used() -> None:
    theta = torch.ones(4, dtype=torch.float64)
    balancer = AutoLambda(3, primary=PRIMARY, lr=0.01, initial=0.1)
    weights = torch.nn.Parameter(torch.full((3,), 0.1, dtype=torch.float64))
    optimizer = torch.optim.Adam([weights], lr=0.01, eps=1e-30)
    for _ in range(15):
        own, valid = gradients(theta, TRAIN), gradients(theta, VALID)
        weights.grad = -(own @ valid[PRIMARY].sum(dim=0))
        optimizer.step()
        with torch.no_grad():
            weights.clamp_(min=0)
        found = balancer(Seen(losses=torch.ones(3), present=EVERYBODY, validation=own @ valid.T))
        torch.testing.assert_close(found, weights.detach(), rtol=1e-10, atol=1e-15)
        theta = theta - 0.05 * found @ own
    assert found.std() > 0.001


def test_a_task_that_harms_the_primary_ends_at_0() -> None:
    products = torch.tensor([[1.0, 0.5], [-0.2, 4.0]], dtype=torch.float64)
    balancer = AutoLambda(2, primary=[0], lr=0.1)
    seen = Seen(losses=torch.ones(2), present=EVERYBODY[:2], validation=products)
    for _ in range(15):
        weights = balancer(seen)
    torch.testing.assert_close(weights, torch.tensor([2.5, 0.0], dtype=torch.float64))
    everyone = AutoLambda(2, lr=0.1)
    assert everyone(seen).tolist() == pytest.approx([1.1, 1.1])


def test_an_absent_task_has_no_say_and_keeps_its_memory() -> None:
    one, other = AutoLambda(3), AutoLambda(3)
    present = torch.tensor([True, False, True])
    products = torch.tensor([[1.0, 9.0, -2.0], [0.5, 1.0, 1.0], [1.0, -9.0, 2.0]])
    odd = products.clone()
    odd[1] = odd[:, 1] = torch.nan
    for _ in range(3):
        found = one(Seen(losses=torch.ones(3), present=present, validation=products))
        assert torch.equal(found, other(Seen(losses=torch.zeros(3), present=present, validation=odd)))
    assert found[1] == 0
    assert one.weights[1] == 1
    assert one.adam.steps.tolist() == [3, 0, 3]


@pytest.mark.parametrize("scale", [1e-16, 1e16])
def test_scale_does_not_matter(scale: float) -> None:
    products = torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    one, other = AutoLambda(3), AutoLambda(3)
    for _ in range(3):
        expected = one(Seen(losses=torch.ones(3), present=EVERYBODY, validation=products))
        found = other(Seen(losses=torch.ones(3), present=EVERYBODY, validation=products * scale))
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=0)


def test_the_state_brings_it_back() -> None:
    one, other = AutoLambda(3, primary=[1]).double(), AutoLambda(3).double()
    seen = Seen(losses=torch.ones(3), present=EVERYBODY, validation=torch.eye(3))
    one(seen)
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(seen), other(seen))


def test_products_that_are_not_finite_are_refused() -> None:
    with pytest.raises(BalancingError, match="finite"):
        AutoLambda(2)(
            Seen(losses=torch.ones(2), present=EVERYBODY[:2], validation=torch.full((2, 2), torch.inf))
        )
