"""Gradients at the parameters against each loss alone by plain autograd."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from balanced_nets import CASES, flat, jacobian, made, same
from umbel.balancing import parameters
from umbel.balancing.convolution import Convolution
from umbel.balancing.frontier import frontier
from umbel.balancing.ghost import Linear
from umbel.balancing.parameters import at_parameters
from umbel.balancing.taking import How

BATCHES = [name for name in CASES if name not in ("convolutions", "recurrent")]

WAYS = [*((name, "loop") for name in CASES), *((name, "batched") for name in BATCHES)]


def check(name: str, *, ghosts: int | None = None) -> None:
    """Gramian, sum and the heads' gradients of a case."""
    case = made(name)
    losses = case.losses()
    expected = jacobian(losses, case.shared)
    taken = at_parameters(frontier(losses), case.shared)
    same(taken.gram, expected @ expected.T)
    weights = torch.linspace(-1.0, 2.0, len(losses), dtype=torch.float64)
    same(flat(taken.update(weights)), weights @ expected)
    assert all(p.grad is None for p in case.shared)
    same(flat([p.grad for p in case.own]), jacobian(losses, case.own).sum(dim=0))
    if ghosts is not None:
        assert len(taken.layers) == ghosts


@pytest.mark.parametrize("name", CASES)
def test_as_it_is(name: str) -> None:
    check(name)


@pytest.mark.parametrize(("name", "how"), WAYS)
@pytest.mark.parametrize("pays", [True, False])
def test_every_way(name: str, how: How, pays: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "how_to", lambda *_: how)
    monkeypatch.setattr(Linear, "pays", lambda *_: pays)
    monkeypatch.setattr(Linear, "faster", not pays)
    monkeypatch.setattr(Convolution, "faster", pays)
    once = {"perceptron": 2, "without bias": 2, "deep heads": 2, "sequences": 2, "two depths": 2}
    once |= {"convolutions": 1, "common head": 1, "tied": 0, "recurrent": 1, "trunk per task": 0}
    check(name, ghosts=once[name] if pays else 0)


@pytest.mark.parametrize(("name", "how"), WAYS)
def test_the_whole_jacobian(name: str, how: How, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "how_to", lambda *_: how)
    case = made(name)
    losses = case.losses()
    expected = jacobian(losses, case.shared)
    taken = at_parameters(frontier(losses), case.shared, look="jacobian")
    assert taken.line is not None
    same(taken.line, expected)
    for part, p in zip(taken.jacobian, case.shared, strict=True):
        assert part.shape == (len(losses), *p.shape)
        assert part.data_ptr() >= taken.line.data_ptr()  # a part of it, not a copy
    same(taken.gram, expected @ expected.T)
    same(flat(taken.update(torch.ones(len(losses)))), expected.sum(dim=0))


@pytest.mark.parametrize("name", CASES)
def test_sums_alone(name: str) -> None:
    case = made(name)
    losses = case.losses()
    expected = jacobian(losses, case.shared)
    taken = at_parameters(frontier(losses), case.shared, look="sums")
    assert not taken.jacobian
    weights = torch.linspace(0.5, 2.0, len(losses), dtype=torch.float64)
    same(flat(taken.update(weights)), weights @ expected)
    same(flat([p.grad for p in case.own]), jacobian(losses, case.own).sum(dim=0))


@pytest.mark.parametrize("name", ["perceptron", "convolutions", "tied", "two depths"])
def test_shared_parameters_that_are_not_balanced_follow_the_plain_sum(name: str) -> None:
    case = made(name)
    losses = case.losses()
    some, others = case.shared[:1], [*case.shared[1:], *case.own]
    expected = jacobian(losses, some)
    taken = at_parameters(frontier(losses), some)
    same(taken.gram, expected @ expected.T)
    same(flat(taken.update(torch.ones(len(losses)))), expected.sum(dim=0))
    assert some[0].grad is None
    same(flat([p.grad for p in others]), jacobian(losses, others).sum(dim=0))


@pytest.mark.parametrize("how", ["loop", "batched"])
@pytest.mark.parametrize("name", ["perceptron", "tied", "two depths"])
def test_a_jacobian_of_some_of_the_shared_parameters(
    name: str, how: How, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameters, "how_to", lambda *_: how)
    case = made(name)
    losses = case.losses()
    some, others = case.shared[1:], [case.shared[0], *case.own]
    expected = jacobian(losses, some)
    taken = at_parameters(frontier(losses), some, look="jacobian")
    assert taken.line is not None
    same(taken.line, expected)
    same(flat([p.grad for p in others]), jacobian(losses, others).sum(dim=0))


@pytest.mark.parametrize("place", [0, 1])
def test_a_jacobian_of_losses_of_which_one_is_part_of_another(place: int) -> None:
    """And of a parameter that one of them does not reach."""
    x, y = (torch.tensor([2.0, 3.0], dtype=torch.float64, requires_grad=True) for _ in range(2))
    first = (x**2).sum()
    losses = [first, (3 * first + y.sum())]
    losses = losses if place else losses[::-1]
    taken = at_parameters(frontier(losses), [x, y], look="jacobian")
    assert taken.line is not None
    same(taken.line, jacobian(losses, [x, y]))


@pytest.mark.parametrize("look", ["sums", "gramian", "jacobian"])
def test_a_parameter_of_one_loss_alone_may_be_balanced(look: parameters.Look) -> None:
    case = made("perceptron")
    losses = case.losses()
    inputs = [*case.shared, case.own[0]]
    expected = jacobian(losses, inputs)
    taken = at_parameters(frontier(losses), inputs, look=look)
    weights = torch.tensor([2.0, 0.5, -1.0], dtype=torch.float64)
    same(flat(taken.update(weights)), weights @ expected)
    if look != "sums":
        same(taken.gram, expected @ expected.T)
    assert case.own[0].grad is None


def test_a_parameter_that_no_loss_reaches_has_zeros() -> None:
    case = made("perceptron")
    losses = case.losses()
    apart = torch.ones(3, dtype=torch.float64, requires_grad=True)
    taken = at_parameters(frontier(losses), [*case.shared, apart])
    assert torch.equal(taken.update(torch.ones(3))[-1], torch.zeros(3, dtype=torch.float64))


def test_updates_share_no_memory() -> None:
    """The sum of two parameters hands both the same gradient."""
    one, other = (torch.ones(3, requires_grad=True) for _ in range(2))
    z = one + other
    for look in ("sums", "gramian"):
        taken = at_parameters(frontier([z.sum(), (2 * z).sum()]), [one, other], look=look)
        first, second = taken.update(torch.ones(2))
        assert first.data_ptr() != second.data_ptr()
        assert first.tolist() == second.tolist() == [3.0, 3.0, 3.0]


def test_many_rows_in_float32_as_in_float64() -> None:
    """Sums go on in float64, so that the Gramian keeps six digits."""
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Linear(300, 400), nn.ReLU(), nn.Linear(400, 300), nn.ReLU())
    heads, x = [nn.Linear(300, 1) for _ in range(3)], torch.randn(400, 300)

    def gram() -> Tensor:
        features = trunk(x)
        losses = [((head(features) - k) ** 2).mean() for k, head in enumerate(heads)]
        return at_parameters(frontier(losses), list(trunk.parameters())).gram

    rough = gram()
    for module in (trunk, *heads):
        module.double()
    x = x.double()
    exact = gram()
    lengths = exact.diagonal().sqrt()
    assert ((rough - exact).abs() / lengths / lengths[:, None]).max() < 1e-6
