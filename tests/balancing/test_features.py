"""Gradients at the features against each loss alone by plain autograd, from detached copies of them."""

from __future__ import annotations

import pytest
import torch

from balanced_nets import CASES, flat, jacobian, made, same
from umbel.balancing.features import Dense, Heads, at_features
from umbel.balancing.frontier import frontier

LINEAR = set(CASES) - {"sequences", "common head"}  # those whose features linear layers alone see


@pytest.mark.parametrize("name", CASES)
def test_products_sums_and_heads(name: str) -> None:
    case = made(name)
    features = case.features()
    losses = case.heads(features)
    copies = [x.detach().requires_grad_() for x in features]
    apart = case.heads(copies)
    expected = jacobian(apart, copies)
    taken = at_features(frontier(losses, stop=features), features)
    same(taken.gram, expected @ expected.T)
    same(taken.line, expected)
    weights = torch.linspace(-1.0, 2.0, len(losses), dtype=torch.float64)
    same(flat(taken.update(weights)), weights @ expected)
    same(flat([p.grad for p in case.own]), jacobian(apart, case.own).sum(dim=0))
    before = jacobian(apart, case.shared).sum(dim=0)  # of heads that use the trunk's parameters, too
    same(flat([torch.zeros_like(p) if p.grad is None else p.grad for p in case.shared]), before)
    assert all(isinstance(part, Heads) == (name in LINEAR) for part in taken.parts)


@pytest.mark.parametrize("name", CASES)
def test_going_on_gives_the_weighted_sum_at_the_trunk(name: str) -> None:
    case = made(name)
    features = case.features()
    losses = case.heads(features)
    taken = at_features(frontier(losses, stop=features), features)
    for p in case.shared:
        p.grad = None
    weights = torch.linspace(0.5, 2.0, len(losses), dtype=torch.float64)
    torch.autograd.backward(features, taken.update(weights))
    again = case.features()
    copies = [x.detach().requires_grad_() for x in again]
    mixed = torch.autograd.grad(
        (weights * torch.stack(case.heads(copies))).sum(), copies, allow_unused=True
    )  # fmt: skip
    expected = torch.autograd.grad(again, case.shared, mixed)
    same(flat([p.grad for p in case.shared]), flat(expected))


def test_heads_of_many_outputs_are_not_told_apart() -> None:
    """100 outputs of each of 3 heads on 2 features: products of all would cost more than the gradients."""
    torch.manual_seed(0)
    layer, heads = torch.nn.Linear(3, 2), [torch.nn.Linear(2, 100) for _ in range(3)]
    features = layer(torch.randn(4, 3)).tanh()
    losses = [head(features).square().mean() for head in heads]
    taken = at_features(frontier(losses, stop=[features]), [features])
    assert isinstance(taken.parts[0], Dense)
    expected = jacobian(losses, [features])
    torch.testing.assert_close(taken.gram.float(), expected @ expected.T)


def test_a_loss_that_does_not_see_the_features_has_zeros() -> None:
    x, y = (torch.ones(2, requires_grad=True) for _ in range(2))
    features = 2 * x
    losses = [features.sum(), (features * y).sum(), (y**2).sum()]
    taken = at_features(frontier(losses, stop=[features]), [features])
    assert taken.gram.tolist() == [[2, 2, 0], [2, 2, 0], [0, 0, 0]]
    assert y.grad is not None
    assert y.grad.tolist() == [4.0, 4.0]
    assert x.grad is None


def test_one_output_of_several_may_be_the_features() -> None:
    """The other half of what a layer gives goes past the features: its gradient is the plain sum's."""
    x = torch.arange(4.0, requires_grad=True)
    features, past = (3 * x).chunk(2)
    losses = [(features**2).sum(), (features + past).sum()]
    taken = at_features(frontier(losses, stop=[features]), [features])
    torch.testing.assert_close(taken.line, torch.tensor([[0.0, 6.0], [1.0, 1.0]]))
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 0.0, 3.0, 3.0]
    torch.autograd.backward([features], taken.update(torch.tensor([1.0, 10.0])))
    assert x.grad.tolist() == [30.0, 48.0, 3.0, 3.0]
