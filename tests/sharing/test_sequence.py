"""Sequence trunks against the cells' equations, step by step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trunk_cases import same, stir
from umbel.errors import ConfigError
from umbel.sharing.sequence import CELLS, Causal, PoolTime, Recurrent, SequenceTrunk
from umbel.sharing.trunk import trunk_of


def test_a_recurrent_stage_is_its_equations() -> None:
    stage = SequenceTrunk((7, 5), width=4, norm=False).stage(0).double().eval()
    assert isinstance(stage, Recurrent)
    weight_x, weight_h, bias_x, bias_h = stage.cell.parameters()
    x = torch.randn(3, 7, 5).double()
    h, steps = torch.zeros(3, 4).double(), []
    for t in range(7):
        rx, zx, nx = (x[:, t] @ weight_x.T + bias_x).chunk(3, dim=1)
        rh, zh, nh = (h @ weight_h.T + bias_h).chunk(3, dim=1)
        reset, keep = torch.sigmoid(rx + rh), torch.sigmoid(zx + zh)
        h = (1 - keep) * torch.tanh(nx + reset * nh) + keep * h
        steps.append(h)
    same(stage(x), torch.stack(steps, dim=1))


def test_a_causal_stage_is_its_sums() -> None:
    stage = SequenceTrunk((7, 5), cell="tcn", width=4, kernel=3, activation="tanh", norm=False).stage(1)
    assert isinstance(stage, Causal)
    stage.double().eval()
    x = torch.randn(3, 7, 4).double()

    def convolve(h: Tensor, layer: nn.Conv1d) -> Tensor:
        assert layer.bias is not None
        out = layer.bias.expand(3, 7, 4).clone()
        for t in range(7):
            for lag in range(3):  # the last weight is that of the step itself; a stage later, two apart
                if t - 2 * lag >= 0:
                    out[:, t] += h[:, t - 2 * lag] @ layer.weight[:, :, 2 - lag].T
        return torch.tanh(out)

    same(stage(x), x + convolve(convolve(x, stage.inner), stage.outer))


@pytest.mark.parametrize("cell", CELLS)
def test_a_step_sees_no_later_one(cell: str) -> None:
    trunk = trunk_of("sequence", (9, 5), {"cell": cell, "width": 6, "depth": 3})
    stages = nn.Sequential(*list(trunk.stages())[:-1]).double().eval()
    stir(stages)
    x = torch.randn(2, 9, 5).double()
    before = stages(x)
    x[:, 4] += 1
    after = stages(x)
    same(after[:, :4], before[:, :4])
    moved = (after - before).abs().amax(dim=(0, 2))
    assert (moved[4:] > 0).all()


def test_causal_stages_see_as_far_back_as_dilations_add_up() -> None:
    trunk = SequenceTrunk((40, 2), cell="tcn", width=4, kernel=3, depth=3, activation="tanh")
    stages = nn.Sequential(*list(trunk.stages())[:-1]).double().eval()
    x = torch.randn(1, 40, 2).double().requires_grad_()
    (grad,) = torch.autograd.grad(stages(x)[0, -1].sum(), x)
    seen = torch.nonzero(grad[0].abs().sum(dim=1)).flatten()
    # two convolutions a stage, each (kernel - 1) * dilation further back, dilations 1, 2 and 4
    assert seen.min().item() == 39 - 2 * 2 * (1 + 2 + 4)


def test_the_last_stage_pools_mean_and_last_step() -> None:
    last = SequenceTrunk((7, 5), width=4, norm=False).stage(2)
    assert isinstance(last, PoolTime)
    h = torch.randn(3, 7, 4)
    both = torch.cat([h.sum(dim=1) / 7, h[:, 6]], dim=1)
    torch.testing.assert_close(last.eval()(h), (both @ last.weight.T + last.bias).relu())


@pytest.mark.parametrize("cell", CELLS)
def test_what_it_tells_of_its_stages_is_so(cell: str) -> None:
    trunk = trunk_of("sequence", (7, 5), {"cell": cell, "width": 6, "depth": 2})
    h = torch.randn(3, 7, 5)
    for number, stage in enumerate(trunk.stages()):
        h = stage(h)
        assert h.shape[trunk.axis(number)] == trunk.channels(number)
    assert len(trunk) == 3
    assert h.shape == (3, trunk.out) == (3, 6)


@pytest.mark.parametrize("cell", CELLS)
def test_norm_and_dropout_are_in_every_stage(cell: str) -> None:
    trunk = trunk_of("sequence", (7, 5), {"cell": cell, "dropout": 0.3, "activation": "silu", "width": 32})
    h = torch.randn(64, 7, 5)
    for stage in trunk.stages():
        one, other = stage.train()(h), stage(h)
        assert (one != other).float().mean() > 0.3
        assert torch.equal(stage.eval()(h), stage(h))
        h = stage(h)
    count = sum(isinstance(m, nn.LayerNorm) for m in trunk.stages().modules())
    assert count == {"gru": 3, "tcn": 5}[cell]
    bare = trunk_of("sequence", (7, 5), {"cell": cell, "norm": False})
    assert not any(isinstance(m, nn.LayerNorm) for m in bare.stages().modules())


@pytest.mark.parametrize("training", [True, False])
def test_a_recurrent_stage_has_a_gradient_in_training_and_out_of_it(training: bool) -> None:
    stage = SequenceTrunk((7, 5), width=4, dropout=0.0).stage(0).train(training)
    loss = stage(torch.randn(3, 7, 5)).square().sum()
    grads = torch.autograd.grad(loss, list(stage.parameters()))
    assert all(g.abs().sum() > 0 for g in grads)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((5,), {}, r"rows of the shape \[5\]"),
        ((1, 8, 8), {}, "convolution for images"),
        ((7, 5), {"cell": "grus"}, "'gru'"),
        ((7, 5), {"depth": 0}, "1 or more"),
        ((7, 5), {"kernel": 0}, "kernel"),
        ((7, 5), {"width": 2.5}, "2.5"),
        ((7, 5), {"dropout": -0.1}, "dropout"),
        ((7, 5), {"activation": "rely"}, "relu"),
        ((7, 5), {"cells": "gru"}, "'cell'"),
    ],
)
def test_it_says_what_cannot_be(shape: tuple[int, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        trunk_of("sequence", shape, options)
