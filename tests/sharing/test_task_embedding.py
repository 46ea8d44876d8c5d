"""Task embeddings: hard sharing where they are 0, and else features moved by a vector of the target."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from trunk_cases import SHAPES, begun, three_rows
from umbel.errors import ConfigError
from umbel.sharing.hard import HardSharing
from umbel.sharing.task_embedding import TargetEmbedding, TaskEmbedding

TARGETS = ("one", "two.three")


def made(blocks: str, form: type[HardSharing] = TaskEmbedding) -> HardSharing:
    return begun(form, blocks, TARGETS)


def embedding(sharing: HardSharing, name: str) -> nn.Parameter:
    found = sharing.get_submodule(f"embeddings.{name}")
    assert isinstance(found, TargetEmbedding)
    return found.weight


@pytest.mark.parametrize("blocks", SHAPES)
def test_at_0_it_is_hard_sharing(blocks: str) -> None:
    sharing, hard, x = made(blocks), made(blocks, HardSharing), three_rows(blocks)
    with torch.no_grad():
        embedding(sharing, "of_one").zero_()
    torch.testing.assert_close(sharing(x)["one"], hard(x)["one"], rtol=0, atol=0)
    assert (sharing(x)["two.three"] - hard(x)["one"]).abs().max() > 1e-6


@pytest.mark.parametrize("blocks", SHAPES)
def test_it_moves_every_channel_by_a_number_of_the_target(blocks: str) -> None:
    sharing, hard, x = made(blocks), made(blocks, HardSharing), three_rows(blocks)
    assert isinstance(sharing, TaskEmbedding)
    shift = sharing.joins.weight @ embedding(sharing, "of_one")[0]
    moved = x.clone()
    for channel, number in enumerate(shift):  # of an image axis 1, else the last axis
        place = (slice(None), channel) if blocks == "convolution" else (..., channel)
        moved[place] += number
    torch.testing.assert_close(sharing(x)["one"], hard(moved)["one"], rtol=0, atol=1e-12)


def test_before_a_linear_layer_it_is_an_embedding_beside_the_features() -> None:
    sharing = TaskEmbedding(5, TARGETS, width=8, depth=1, dropout=0.0, norm=False).double()
    x, e = three_rows("mlp"), embedding(sharing, "of_one")
    first = sharing.first
    assert isinstance(first, nn.Linear)
    weight = torch.cat([first.weight, first.weight @ sharing.joins.weight], dim=1)  # W1, W2
    expected = functional.relu(functional.linear(torch.cat([x, e.expand(3, -1)], dim=1), weight, first.bias))
    torch.testing.assert_close(sharing(x)["one"], expected, rtol=0, atol=1e-12)


def test_features_of_another_precision_are_taken() -> None:
    sharing = made("mlp").float()
    assert sharing(three_rows("mlp"))["one"].dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = sharing(three_rows("mlp").float())["one"]
    torch.testing.assert_close(found.float(), sharing(three_rows("mlp"))["one"], rtol=0.05, atol=0.05)


def test_it_needs_a_trunk_and_a_width() -> None:
    with pytest.raises(ConfigError, match="'task_embedding' needs a trunk"):
        TaskEmbedding(5, TARGETS, depth=0)
    with pytest.raises(ConfigError, match="embedding: 0"):
        TaskEmbedding(5, TARGETS, embedding=0)
