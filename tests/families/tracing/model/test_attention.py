from __future__ import annotations

import pytest
import torch

from tracing_nets import naive_block, same
from umbel.errors import ConfigError
from umbel.families.tracing.model.attention import (
    CausalAttention,
    CausalBlock,
    Positions,
    check_heads,
    decayed,
)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("decay", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_a_block_is_its_equations_step_by_step(strict: bool, decay: bool, shared: bool) -> None:
    torch.manual_seed(0)
    block = CausalBlock(6, 2, 0.0, strict=strict, decay=decay, shared=shared)
    query, key, value = 2 * torch.randn(3, 3, 7, 6)
    expected = [naive_block(block, query[b], key[b], value[b]) for b in range(3)]
    same(block(query, key, value), torch.stack(expected))


@pytest.mark.parametrize("decay", [True, False])
def test_the_first_step_finds_nothing_and_that_is_zero(decay: bool) -> None:
    torch.manual_seed(0)
    attention = CausalAttention(4, 2, strict=True, decay=decay)
    x = torch.randn(2, 3, 4, requires_grad=True)
    assert (attention(x, x, x)[:, 0] == 0).all()
    assert (attention(x, x, x)[:, 1:] != 0).all()
    assert (attention(x[:, :1], x[:, :1], x[:, :1]) == torch.zeros(2, 1, 4)).all()
    attention(x, x, x).sum().backward()
    assert x.grad is not None
    assert all(p.grad is not None and p.grad.isfinite().all() for p in attention.parameters())


def test_what_has_nothing_to_do_with_the_query_makes_nothing_more_distant() -> None:
    # queries and keys of one number: key 0 is as the query, the rest are its opposite by far
    query, key = torch.ones(1, 1, 5, 1), torch.tensor([1.0, -90, -90, -90, -90]).view(1, 1, 5, 1)
    value = torch.arange(5.0).view(1, 1, 5, 1)
    for theta in (0.1, 10.0):
        found = decayed(query, key, value, torch.tensor([theta]), ahead=0)
        same(found, torch.zeros(1, 1, 5, 1))  # all weight stays on step 0
    alike = torch.ones(1, 1, 3, 1)
    found = decayed(alike, alike, value[:, :, :3], torch.tensor([2.0]), ahead=0)
    # plain weights 1/3 each: distances of steps 0, 1, 2 from step 2 are 2 * 2/3, 1 * 1/3, 0
    weight = torch.softmax(torch.exp(-2.0 * torch.tensor([4 / 3, 1 / 3, 0.0])), dim=0)
    same(found[0, 0, 2, 0], (weight * torch.arange(3.0)).sum())


def test_no_gradient_goes_through_the_distance_but_the_speed_has_one() -> None:
    torch.manual_seed(0)
    block = CausalBlock(4, 2, 0.0, strict=False, decay=True)
    x = torch.randn(1, 5, 4)
    target = torch.randn(1, 5, 4)
    (block(x, x, x) * target).sum().backward()
    found = {name: p.grad.clone() for name, p in block.named_parameters() if p.grad is not None}
    block.zero_grad()
    (naive_block(block, x[0], x[0], x[0]) * target[0]).sum().backward()
    for name, parameter in block.named_parameters():
        assert parameter.grad is not None
        same(found[name], parameter.grad)
    assert found["attention.speed"].abs().min() > 0


def test_places_are_told_apart() -> None:
    places = Positions(5, 3)
    x = torch.zeros(2, 4, 3)
    same(places(x), places.weight[:4].expand(2, 4, 3))


def test_heads_share_the_width() -> None:
    with pytest.raises(ConfigError, match="'width' of 'sakt' must be a multiple of 'heads'"):
        check_heads("sakt", 10, 4)
