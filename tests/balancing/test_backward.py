"""A balanced backward pass against what its weights and plain autograd say of every gradient."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from torch import Tensor

from balanced_nets import CASES, Case, flat, jacobian, made, same
from umbel.balancing import backward, balancer
from umbel.balancing.balancer import BALANCERS, Balancer, Seen
from umbel.balancing.gramian import GramBalancer
from umbel.errors import BalancingError, ConfigError

PLACES = ("features", "parameters")


class Ramp(GramBalancer):
    """Weights that look at the Gramian, and are 1, 2, 3 and so on all the same."""

    name: ClassVar[str] = "ramp"
    seen: Tensor

    def solve(self, gram: Tensor) -> Tensor:
        self.seen = gram
        return torch.arange(1.0, len(gram) + 1, dtype=torch.float64)


def run(case: Case, place: str, method: str | Balancer, *, stack: bool = False) -> Tensor:
    features = case.features()
    losses = case.heads(features)
    given = torch.stack(losses) if stack else losses
    return backward(given, shared=features if place == "features" else case.shared, method=method)


@pytest.mark.parametrize("stack", [False, True])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", CASES)
def test_weights_of_1_give_plain_gradients(name: str, place: str, stack: bool) -> None:
    case = made(name)
    every = [*case.shared, *case.own]
    expected = jacobian(case.losses(), every).sum(dim=0)
    assert torch.equal(run(case, place, "equal", stack=stack), torch.ones(len(case.losses())).double())
    same(flat([p.grad for p in every]), expected)


@pytest.mark.parametrize("stack", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_weights_at_the_parameters(name: str, stack: bool) -> None:
    """The trunk gets the weighted sum, the heads the plain one; twice as much after two passes."""
    case = made(name)
    rows = jacobian(case.losses(), case.shared)
    form = Ramp(len(rows))
    for time in (1, 2):
        weights = run(case, "parameters", form, stack=stack)
        same(form.seen, rows @ rows.T)
        same(flat([p.grad for p in case.shared]), time * weights @ rows)
        same(flat([p.grad for p in case.own]), time * jacobian(case.losses(), case.own).sum(dim=0))


@pytest.mark.parametrize("stack", [False, True])
@pytest.mark.parametrize("name", [name for name in CASES if name != "tied"])
def test_weights_at_the_features(name: str, stack: bool) -> None:
    """What reaches the trunk passes the features, but for the head that uses the trunk's own weight."""
    case = made(name)
    rows, own = (jacobian(case.losses(), some) for some in (case.shared, case.own))
    weights = run(case, "features", Ramp(len(rows)), stack=stack)
    same(flat([p.grad for p in case.shared]), weights @ rows)
    same(flat([p.grad for p in case.own]), own.sum(dim=0))


def test_a_tensor_of_losses_made_in_another_way() -> None:
    """Not stacked from scalars: then all of the graph is common, and passed once for each loss."""
    for place in PLACES:
        case = made("perceptron")
        features = case.features()
        losses = 2 * torch.stack(case.heads(features))
        shared = features if place == "features" else case.shared
        weights = backward(losses, shared=shared, method=Ramp(3))
        rows = jacobian(case.losses(), case.shared)
        same(flat([p.grad for p in case.shared]), 2 * weights @ rows)
        same(flat([p.grad for p in case.own]), 2 * jacobian(case.losses(), case.own).sum(dim=0))


@pytest.mark.parametrize("name", BALANCERS.names())
def test_every_method_that_one_batch_serves(name: str) -> None:
    form: type[Balancer] = BALANCERS.get(name)
    for place in PLACES:
        case = made("perceptron")
        if place not in form.places or form.needs & {"cross", "validation"}:
            with pytest.raises(ConfigError, match=name):
                run(case, place, name)
            continue
        weights = run(case, place, name)
        assert weights.shape == (3,)
        assert torch.isfinite(weights).all()
        rows = jacobian(case.losses(), case.shared)
        if name != "graddrop":  # whose update is no weighted sum
            same(flat([p.grad for p in case.shared]), weights @ rows)
        same(flat([p.grad for p in case.own]), jacobian(case.losses(), case.own).sum(dim=0))


def test_what_a_method_looks_at_and_no_more() -> None:
    seen: list[Seen] = []

    class Spy(Balancer):
        name = "spy"
        needs = frozenset({"jacobian"})

        def forward(self, shown: Seen) -> Tensor:
            seen.append(shown)
            return torch.ones(self.count, dtype=torch.float64)

    case = made("perceptron")
    run(case, "parameters", Spy(3))
    features = case.features()
    run(case, "features", Spy(3))
    assert [shown.gram for shown in seen] == [None, None]
    jacobians = [shown.jacobian for shown in seen]
    assert jacobians[0] is not None
    assert jacobians[1] is not None
    same(jacobians[0], jacobian(case.losses(), case.shared))
    same(jacobians[1], jacobian(case.heads(features), features))
    same(seen[0].losses, torch.stack(case.losses()))


def test_memory_and_learned_weights() -> None:
    form = balancer("uncertainty", 3)
    case = made("perceptron")
    run(case, "features", form)
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in form.parameters())
    remembers = balancer("gradvac", 3, seed=1, beta=0.5)
    run(case, "parameters", remembers)
    assert remembers.get_buffer("target").abs().sum() > 0


def test_a_single_features_tensor_needs_no_list() -> None:
    case, other = made("perceptron"), made("perceptron")
    (features,) = case.features()
    weights = backward(case.heads([features]), shared=features, method="mgda")
    assert torch.equal(weights, run(other, "features", "mgda"))


def test_detached_features_are_balanced_like_parameters() -> None:
    case = made("perceptron")
    copy = case.features()[0].detach().requires_grad_()
    rows = jacobian(case.heads([copy]), [copy])
    form = Ramp(3)
    weights = backward(case.heads([copy]), shared=copy, method=form)
    same(form.seen, rows @ rows.T)
    assert copy.grad is not None
    same(copy.grad.flatten(), weights @ rows)


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError, match="gradvac"):
        balancer("gradvac", 2, alpha=1)
    with pytest.raises(ConfigError, match="nosuch"):
        balancer("nosuch", 2)
    with pytest.raises(BalancingError, match="2, and 3 losses"):
        run(made("perceptron"), "features", balancer("mgda", 2))
