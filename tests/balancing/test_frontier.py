"""Where graphs meet, and the losses' gradients there."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from balanced_nets import CASES, jacobian, made, same
from umbel.balancing.frontier import cotangents, frontier, sums


def names(found: list[Tensor], of: list[Tensor]) -> list[int]:
    return sorted(next(k for k, p in enumerate(of) if p is x) for x in found)


@pytest.mark.parametrize("name", CASES)
def test_what_is_shared_and_what_is_own(name: str) -> None:
    """Against which losses have a gradient with respect to each parameter."""
    case = made(name)
    losses, every = case.losses(), [*case.shared, *case.own]
    reach = [torch.autograd.grad(x, every, retain_graph=True, allow_unused=True) for x in losses]
    uses = [[p for p, row in enumerate(reach) if row[k] is not None] for k in range(len(every))]
    found = frontier(losses)
    assert names(found.shared, every) == [k for k, by in enumerate(uses) if len(by) > 1]
    for p, own in enumerate(found.own):
        assert names(own, every) == [k for k, by in enumerate(uses) if by == [p]]


@pytest.mark.parametrize("name", CASES)
def test_gradients_at_the_frontier_lead_to_those_of_the_plain_sum(name: str) -> None:
    """And may be taken twice: the graph is kept, and no hook is left in it."""
    case = made(name)
    losses = case.losses()
    found = frontier(losses)
    for _ in range(2):
        parts, own, _ = cotangents(found)
        met = [(edge, part) for edge, part in zip(found.edges, parts, strict=True) if part is not None]
        weights = torch.linspace(1.0, 2.0, len(losses), dtype=torch.float64)
        for x, grad in zip(found.shared, sums(met, found.shared, weights), strict=True):
            same(grad.flatten(), weights @ jacobian(losses, [x]))
        for mine in own:
            same(mine.grad.flatten(), jacobian(losses, [mine.parameter])[mine.task])


@pytest.mark.parametrize("name", CASES)
def test_one_loss_alone_has_what_it_has_among_all(name: str) -> None:
    case = made(name)
    losses = case.losses()
    found = frontier(losses)
    parts, own, _ = cotangents(found)
    for task in range(len(losses)):
        alone, mine, _ = cotangents(found.alone(task))
        for part, whole in zip(alone, parts, strict=True):
            if part is None:
                assert whole is None or not whole[task].any()
            else:
                assert whole is not None
                same(part[0], whole[task])
        assert [x.parameter.shape for x in mine] == [x.parameter.shape for x in own if x.task == task]
        for x, y in zip(mine, [y for y in own if y.task == task], strict=True):
            assert x.parameter is y.parameter
            same(x.grad, y.grad)


def test_a_loss_may_be_part_of_another() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    first = x**2
    found = frontier([first, 3 * first])
    assert [(k, p) for k, p in found.ends] == [(0, 0)]
    parts, _, _ = cotangents(found)
    assert parts[0] is not None
    assert parts[0].tolist() == [1.0, 3.0]
    for task, slope in ((0, 1.0), (1, 3.0)):
        (part,), _, _ = cotangents(found.alone(task))
        assert part is not None
        assert part.tolist() == [slope]


def test_the_same_loss_twice() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    loss = x**2
    parts, own, _ = cotangents(frontier([loss, loss]))
    assert not own
    assert parts[0] is not None
    assert parts[0].tolist() == [1.0, 1.0]


def test_stops_end_the_search() -> None:
    case = made("two depths")
    deep, shallow = case.features()
    losses = case.heads([deep, shallow])
    found = frontier(losses, stop=[deep, shallow])
    assert not found.shared
    assert found.reached == [True, True]
    assert sorted(k for k in found.at if k is not None) == [0, 1]
    other = torch.ones(2, requires_grad=True) * 2
    assert frontier(losses, stop=[other]).reached == [False]
    assert frontier(losses, stop=[other]).at == [None]


def test_more_places_and_edges_left_out() -> None:
    case = made("perceptron")
    losses = case.losses()
    found = frontier(losses)
    place = losses[1].grad_fn
    assert place is not None
    (part,), own, (more,) = cotangents(
        found, [torch.autograd.graph.GradientEdge(place, 0)], without=frozenset([0])
    )
    assert part is None
    assert more is not None
    assert more.item() == 1
    assert len(own) == len(case.own)


def test_sums_of_what_nothing_reaches_are_zero() -> None:
    x = torch.ones(2, requires_grad=True)
    assert torch.equal(sums([], [x], torch.ones(3))[0], torch.zeros(2))
