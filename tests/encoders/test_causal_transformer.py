"""The causal transformer: turns by complex numbers, attention by loops."""

from __future__ import annotations

import torch

from series_tables import WALK, made, table
from umbel.encoders.causal_transformer import CausalTransformer, rotate


def test_turns_are_products_of_complex_numbers() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 7, 8, dtype=torch.float64)
    speed = 10_000.0 ** (-torch.arange(4, dtype=torch.float64) / 4)
    angle = torch.arange(7)[:, None] * speed
    turned = torch.complex(x[..., :4], x[..., 4:]) * torch.polar(torch.ones_like(angle), angle)
    want = torch.cat([turned.real, turned.imag], dim=-1)
    torch.testing.assert_close(rotate(x), want, rtol=1e-5, atol=1e-6)


def test_what_counts_is_how_far_apart_two_steps_are() -> None:
    torch.manual_seed(0)
    query, key = torch.randn(2, 1, 6).double()
    likeness = rotate(query.expand(12, -1)) @ rotate(key.expand(12, -1)).T
    for apart in range(-8, 9):
        line = likeness.diagonal(apart)
        torch.testing.assert_close(line, line[:1].expand(len(line)), rtol=1e-5, atol=1e-5)
    assert float((likeness[0, 0] - likeness[0, 3]).abs()) > 1e-3


def test_a_block_is_attention_over_the_steps_so_far() -> None:
    encoder = made("causal_transformer", table(), WALK, width=8, heads=2, layers=1)
    assert isinstance(encoder, CausalTransformer)
    (block,) = encoder.blocks
    x = torch.randn(3, 5, encoder.channels, dtype=torch.float64)
    h = encoder.enter(x)
    query, key, value = block.ask(block.before(h)).chunk(3, dim=2)
    seen = torch.zeros_like(h)
    for part in (slice(0, 4), slice(4, 8)):
        q, k = rotate(query[..., part]), rotate(key[..., part])
        for t in range(5):
            like = (q[:, t : t + 1] * k[:, : t + 1]).sum(dim=2) / 4**0.5
            share = like.softmax(dim=1)[..., None]
            seen[:, t, part] = (share * value[:, : t + 1, part]).sum(dim=1)
    h = h + block.mix(seen)
    h = h + block.outer(torch.nn.functional.gelu(block.inner(block.between(h))))
    torch.testing.assert_close(encoder.steps(x), encoder.behind(h), rtol=1e-6, atol=1e-6)
