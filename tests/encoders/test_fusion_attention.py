"""Fusion by attention: who is looked at, and what a lone token gives."""

from __future__ import annotations

import pytest
import torch

from umbel.encoders.fusion_attention import Attention
from umbel.errors import ConfigError


def test_a_lacking_modality_is_not_looked_at() -> None:
    fusion = Attention({"a": 3, "b": 2}, width=8, heads=2).double()
    one = torch.randn(4, 3).double()
    present = torch.tensor([[True, False]]).expand(4, -1)
    first = fusion([one, torch.randn(4, 2).double()], present)
    second = fusion([one, torch.randn(4, 2).double()], present)
    torch.testing.assert_close(first, second, rtol=0, atol=1e-12)
    assert (fusion.shares([one, torch.randn(4, 2).double()], present)[:, 1] == 0).all()


def test_without_blocks_a_lone_modality_is_its_normalised_token() -> None:
    fusion = Attention({"a": 3}, width=8, heads=2, depth=0)
    x = torch.randn(4, 3)
    found = fusion([x], torch.ones(4, 1, dtype=torch.bool))
    torch.testing.assert_close(found, fusion.norm(fusion.tokens[0](x)))


def test_its_blocks_are_those_of_torch() -> None:
    fusion = Attention({"a": 3, "b": 2, "c": 4}, width=8, heads=2)
    block = fusion.blocks[0]
    twin = torch.nn.TransformerEncoderLayer(
        8, 2, 16, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    with torch.no_grad():
        for mine, theirs in (
            (block.inward.weight, twin.self_attn.in_proj_weight),
            (block.inward.bias, twin.self_attn.in_proj_bias),
            (block.outward.weight, twin.self_attn.out_proj.weight),
            (block.outward.bias, twin.self_attn.out_proj.bias),
            (block.up.weight, twin.linear1.weight),
            (block.up.bias, twin.linear1.bias),
            (block.down.weight, twin.linear2.weight),
            (block.down.bias, twin.linear2.bias),
        ):
            theirs.copy_(mine)
    x = torch.randn(4, 3, 8)
    there = torch.tensor([[True, True, False], [True, True, True], [False, True, True], [True, False, False]])
    found, theirs = block(x, there), twin(x, src_key_padding_mask=~there)
    torch.testing.assert_close(found[there], theirs[there], rtol=1e-5, atol=1e-5)


def test_a_width_that_is_no_multiple_of_the_heads() -> None:
    with pytest.raises(ConfigError, match="multiple of its heads"):
        Attention({"a": 3}, width=9, heads=2)
