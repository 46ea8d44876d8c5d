"""Many gradients of one graph: by one batched pass, by a loop, and by layers that take their own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from balanced_nets import flat, made, same
from umbel.balancing.layers import layers_of
from umbel.balancing.taking import How, Rows, add, apart, edges_of, ending_at, how_to, nodes, rows


def graph(name: str = "perceptron") -> tuple[list[Tensor], list[GradientEdge], list[Tensor], list[Tensor]]:
    """Parameters, one place, gradients of three tasks there, and what autograd makes of each."""
    case = made(name)
    (z,) = case.features()
    draws = torch.Generator().manual_seed(1)
    cots = torch.randn(3, *z.shape, dtype=torch.float64, generator=draws)
    each = [torch.autograd.grad(z, case.shared, c, retain_graph=True) for c in cots]
    return case.shared, edges_of([z]), [cots], [torch.stack(parts) for parts in zip(*each, strict=True)]


@pytest.mark.parametrize("how", ["batched", "loop"])
@pytest.mark.parametrize("name", ["perceptron", "sequences", "tied"])
def test_products_with_the_jacobian(name: str, how: How) -> None:
    inputs, edges, cots, expected = graph(name)
    nobody = torch.ones(2, dtype=torch.float64, requires_grad=True)
    *found, none = rows(edges, cots, [*inputs, nobody], how)
    assert none is None
    for part, wanted in zip(found, expected, strict=True):
        assert part is not None
        same(part, wanted)


@pytest.mark.parametrize("how", ["batched", "loop"])
def test_into_places(how: How) -> None:
    inputs, edges, cots, expected = graph()
    line = torch.full((3, sum(p.numel() for p in inputs)), torch.nan, dtype=torch.float64)
    views = torch.split(line, [p.numel() for p in inputs], dim=1)
    places = {id(p): view.view(3, *p.shape) for p, view in zip(inputs, views, strict=True)}
    rows(edges, cots, inputs, how, into=places)
    same(line, torch.cat([part.flatten(1) for part in expected], dim=1))


def test_layers_take_their_own() -> None:
    inputs, edges, cots, expected = graph("convolutions")
    linears, convolutions = layers_of(edges, inputs)
    found = rows(edges, cots, [], "loop", [*linears, *convolutions])
    places = {id(p): k for k, p in enumerate(inputs)}
    order = [places[id(p)] for layer in (*linears, *convolutions) for p in layer.parameters]
    assert sorted(order) == list(range(len(inputs)))
    for k, part in zip(order, found, strict=True):
        assert part is not None
        same(part, expected[k])


def test_a_loop_lets_go_of_what_it_was_given() -> None:
    inputs, edges, cots, _ = graph()
    rows(edges, cots, inputs, "loop")
    assert cots == []


def test_nothing_asked_or_nowhere_to_begin() -> None:
    inputs, edges, cots, _ = graph()
    assert rows(edges, cots, [], "batched") == []
    assert rows([], [], inputs, "loop") == [None] * len(inputs)
    assert rows([], [], inputs, "batched") == [None] * len(inputs)


def test_how_to() -> None:
    (z,) = made("perceptron").features()
    assert how_to([z]) == "batched"
    assert how_to([z, z.sum() * torch.ones(256, 256)]) == "loop"
    (z,) = made("convolutions").features()
    assert how_to([z]) == "loop"


def test_rows_add_up_and_fill_with_zeros() -> None:
    parts = Rows(3)
    assert parts.whole() is None
    parts.put(2, torch.tensor([1.0, 2.0]))
    parts.put(2, torch.tensor([10.0, 10.0]))
    parts.put(
        0, torch.sparse_coo_tensor(torch.tensor([[1]]), torch.tensor([5.0]), (2,), check_invariants=True)
    )
    whole = parts.whole()
    assert whole is not None
    assert whole.tolist() == [[0.0, 5.0], [0.0, 0.0], [11.0, 12.0]]


def test_a_gradient_ends_where_it_is_told_to() -> None:
    x = torch.tensor(3.0, requires_grad=True)
    y = x**2
    z = y * x  # by y: 2 x^2 of the 3 x^2
    with ending_at([get_gradient_edge(y)]):
        at_y, at_x = torch.autograd.grad(z, [y, x], retain_graph=True)
    assert (at_y.item(), at_x.item()) == (3.0, 9.0)
    assert torch.autograd.grad(z, x)[0].item() == 27.0


def test_sparse_and_shared_memory() -> None:
    one = torch.ones(3)
    whole = torch.ones(1).expand(3)
    sparse = torch.sparse_coo_tensor(torch.tensor([[1]]), torch.tensor([5.0]), (2,), check_invariants=True)
    first, second, third, fourth = apart([one, one, whole, sparse])
    assert first is one
    assert second.data_ptr() != one.data_ptr()
    assert third.is_contiguous()
    assert fourth is sparse
    assert torch.equal(flat([second, third]), torch.ones(6))


def test_add_goes_on_in_the_same_memory() -> None:
    x = torch.zeros(2, requires_grad=True)
    add(x, torch.ones(2))
    before = x.grad
    add(x, torch.ones(2))
    assert x.grad is before
    assert x.grad.tolist() == [2.0, 2.0]


def test_nodes_come_once() -> None:
    x = torch.ones(2, requires_grad=True)
    y = nn.functional.relu(x) * x
    found = list(nodes([(y + y).grad_fn]))
    assert len(found) == len(set(found)) == 4  # the sum, the product, the relu, the leaf
