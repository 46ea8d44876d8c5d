"""Convolution trunks against torch's own functions, composed by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from trunk_cases import same
from umbel.errors import ConfigError
from umbel.sharing.convolution import ConvolutionTrunk, Convolve, Flat, group_norm
from umbel.sharing.sharing import SHARINGS
from umbel.sharing.trunk import trunk_of


def test_a_stage_is_its_formula() -> None:
    stage = ConvolutionTrunk((3, 6, 7), depth=1, channels=32, kernel=5, activation="silu", dropout=0.0).stage(
        0
    )
    assert isinstance(stage, Convolve)
    stage.double()
    norm = stage.norm
    assert isinstance(norm, nn.GroupNorm)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    x = torch.randn(4, 3, 6, 7).double()
    h = functional.conv2d(functional.pad(x, (2, 2, 2, 2)), stage.weight, stage.bias)
    groups = h.view(4, 4, -1)  # four groups of eight channels
    groups = (groups - groups.mean(2, keepdim=True)) / (groups.var(2, False, keepdim=True) + 1e-5).sqrt()
    h = groups.view_as(h) * norm.weight[:, None, None] + norm.bias[:, None, None]
    h = (h * torch.sigmoid(h))[:, :, :, :6]
    same(stage(x), h.unflatten(2, (3, 2)).unflatten(4, (3, 2)).amax(dim=(3, 5)))


def test_the_last_stage_is_dense() -> None:
    trunk = ConvolutionTrunk((3, 6, 7), channels=4, depth=1, width=5, norm=False)
    last = trunk.stage(1)
    assert isinstance(last, Flat)
    x = torch.randn(2, 4, 3, 3)
    same(last.eval()(x), (x.reshape(2, 36) @ last.weight.T + last.bias).relu())


@pytest.mark.parametrize("doubling", [False, True])
def test_what_it_tells_of_its_stages_is_so(doubling: bool) -> None:
    trunk = ConvolutionTrunk((1, 28, 28), channels=4, doubling=doubling, width=9)
    assert trunk.out == 9
    h = torch.randn(2, 1, 28, 28)
    sizes = []
    for number, stage in enumerate(trunk.stages()):
        h = stage(h)
        assert h.shape[trunk.axis(number)] == trunk.channels(number)
        sizes.append(tuple(h.shape[1:]))
    channels = (4, 8, 16) if doubling else (4, 4, 4)
    assert sizes == [(channels[0], 14, 14), (channels[1], 7, 7), (channels[2], 3, 3), (9,)]


def test_without_norm_there_is_none() -> None:
    bare = ConvolutionTrunk((1, 8, 8), norm=False).stages()
    assert not any(isinstance(m, nn.GroupNorm | nn.LayerNorm) for m in bare.modules())
    normed = ConvolutionTrunk((1, 8, 8)).stages()
    assert sum(isinstance(m, nn.GroupNorm | nn.LayerNorm) for m in normed.modules()) == 4


@pytest.mark.parametrize("channels", [1, 6, 20, 32, 100])
def test_groups_hold_eight_channels_or_all(channels: int) -> None:
    groups = group_norm(channels).num_groups
    assert channels % groups == 0
    assert channels // groups >= min(8, channels)


def test_rows_do_not_see_each_other_in_training() -> None:
    trunk = ConvolutionTrunk((2, 8, 8), dropout=0.0)
    whole = nn.Sequential(*trunk.stages()).double().train()
    x = torch.randn(5, 2, 8, 8).double()
    same(whole(x)[1:3], whole(x[1:3]))


def test_dropout_is_in_every_stage_and_in_training_alone() -> None:
    # silu is never exactly 0
    trunk = ConvolutionTrunk((2, 16, 16), dropout=0.25, activation="silu")
    h = torch.randn(64, 2, 16, 16)
    for stage in trunk.stages():
        dropped = stage.train()(h)
        assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.03)
        h = stage.eval()(h)
        assert (h != 0).all()


def test_whole_numbers_are_cast() -> None:
    stage = ConvolutionTrunk((1, 8, 8)).stage(0).double().eval()
    x = torch.randint(0, 255, (2, 1, 8, 8), dtype=torch.uint8)
    same(stage(x), stage(x.double()))


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((5,), {}, r"rows of the shape \[5\]"),
        ((1, 7, 28), {}, "depth: 2"),
        ((1, 1, 28), {}, "blocks: mlp"),
        ((1, 8, 8), {"kernel": 4}, "kernel: 5"),
        ((1, 8, 8), {"depth": 0}, "1 or more"),
        ((1, 8, 8), {"channels": 0}, "channels"),
        ((1, 8, 8), {"dropout": 1.0}, "dropout"),
        ((1, 8, 8), {"activation": "rely"}, "relu"),
        ((1, 8, 8), {"chanels": 3}, "channels"),
    ],
)
def test_it_says_what_cannot_be(shape: tuple[int, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        trunk_of("convolution", shape, options)


def test_hard_sharing_learns_which_half_of_an_image_is_bright() -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 1, 8, 8)
    y = (x[:, 0, :4].mean(dim=(1, 2)) > x[:, 0, 4:].mean(dim=(1, 2))).float()
    shared = SHARINGS.get("hard")((1, 8, 8), ("y",), blocks="convolution", width=16, dropout=0.0)
    head = nn.Linear(16, 1)
    optimizer = torch.optim.Adam([*shared.parameters(), *head.parameters()], lr=0.01)
    for _ in range(60):
        loss = functional.binary_cross_entropy_with_logits(head(shared(x)["y"])[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05
