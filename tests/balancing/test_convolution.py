"""Gradients of convolutions from those at their output, against autograd."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from umbel.balancing.convolution import Convolution
from umbel.balancing.layers import layers_of
from umbel.balancing.taking import edges_of

FORMS: list[dict[str, Any]] = [
    {},
    {"stride": 2, "padding": 1},
    {"dilation": 2, "bias": False},
    {"groups": 2, "padding": (1, 0)},
]


def taken(channels: int, form: dict[str, Any]) -> tuple[Convolution, Tensor, Tensor, list[Tensor]]:
    torch.manual_seed(1)
    module = nn.Conv2d(channels, 6, 3, **form).double()
    output = module(torch.randn(6, channels, 9, 8, dtype=torch.float64, requires_grad=True))
    _, (layer,) = layers_of(edges_of([output.sum()]), list(module.parameters()))
    return layer, output, torch.randn_like(output), list(module.parameters())


@pytest.mark.parametrize("channels", [2, 10, 16])
@pytest.mark.parametrize("form", FORMS)
def test_gradients(form: dict[str, Any], channels: int) -> None:
    layer, output, delta, parameters = taken(channels, form)
    assert layer.faster == (channels == 10)
    assert [id(p) for p in layer.parameters] == [id(p) for p in parameters]
    expected = torch.autograd.grad(output, parameters, delta, retain_graph=True)
    for found, wanted in zip(layer.gradients(delta), expected, strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("channels", [2, 10])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sizes", [[2, 2, 2], [3, 0, 3], [1, 2, 3]])
def test_rows_of_each_task(form: dict[str, Any], channels: int, sizes: list[int]) -> None:
    layer, output, delta, parameters = taken(channels, form)
    owner = torch.repeat_interleave(torch.arange(3), torch.tensor(sizes))
    expected = [
        torch.autograd.grad(output, parameters, delta * (owner == p).view(-1, 1, 1, 1), retain_graph=True)
        for p in range(3)
    ]
    for found, *wanted in zip(layer.by_task(delta, sizes), *expected, strict=True):
        torch.testing.assert_close(found.flatten(1), torch.stack(wanted).flatten(1))


def test_what_is_no_such_convolution() -> None:
    x = torch.randn(2, 3, 8, 8)
    for module in (nn.ConvTranspose2d(3, 4, 3), nn.Conv1d(3, 4, 3)):
        output = module(x if isinstance(module, nn.ConvTranspose2d) else x[..., 0])
        assert layers_of(edges_of([output.sum()]), list(module.parameters())) == ([], [])
    twice = nn.Conv2d(3, 3, 3)
    assert layers_of(edges_of([twice(twice(x)).sum()]), list(twice.parameters())) == ([], [])
