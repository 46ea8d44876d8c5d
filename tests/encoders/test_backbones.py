"""Modules of the user's own as encoders of images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import umbel
from umbel.data.schema import Column
from umbel.encoders import backbones
from umbel.encoders.backbones import Backbone
from umbel.encoders.encoder import ENCODERS
from umbel.errors import ConfigError
from umbel.sharing.model import initialise

chance = np.random.default_rng(0)
FRAME = pd.DataFrame({"p": [chance.integers(0, 256, (8, 8, 3), dtype=np.uint8) for _ in range(60)]})


class Own(nn.Module):
    """A parameter that nothing resets, beside a layer that is."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 5)
        self.shift = nn.Parameter(torch.randn(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.mean(dim=(2, 3))) + self.shift


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    yield
    for name in ("own", "trained", "normed"):
        backbones.unregister(name)


def made(**options: Any) -> Backbone:
    encoder: Backbone = ENCODERS.get("backbone")([Column("p", "image")], **options)
    encoder.fit(FRAME)
    encoder.build()
    return encoder


def test_its_features_are_the_modules() -> None:
    backbones.register("own", Own, width=5)
    encoder = made(backbone="own").eval()
    x = encoder.transform(FRAME)
    seen = (x.values[:, 0].float() / 255 - torch.tensor(encoder.loc)[:, None, None]) / torch.tensor(
        encoder.scale
    )[:, None, None]
    torch.testing.assert_close(encoder(x), encoder.layers.module(seen.float()))
    assert "own" in backbones.registered()


def test_parameters_come_from_the_seed_alone() -> None:
    backbones.register("own", Own, width=5)
    first, second = made(backbone="own"), made(backbone="own")
    for encoder in (first, second):
        initialise(encoder, seed=3)
    for one, two in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, two)
    before = first.layers.module.layer.weight.clone()
    initialise(first, seed=4)
    assert not torch.equal(before, first.layers.module.layer.weight)


def test_parameters_that_it_came_with_stay() -> None:
    weight = torch.randn(5, 3)

    def factory() -> Own:
        module = Own()
        module.layer.weight.data.copy_(weight)
        return module

    backbones.register("trained", factory, width=5, pretrained=True)
    encoder = made(backbone="trained")
    initialise(encoder, seed=3)
    assert torch.equal(encoder.layers.module.layer.weight, weight)
    assert set(dict(encoder.named_parameters())) == {
        "layers.module.shift",
        "layers.module.layer.weight",
        "layers.module.layer.bias",
    }


def test_frozen_learns_nothing_and_is_never_in_training() -> None:
    def factory() -> nn.Module:
        return nn.Sequential(nn.BatchNorm2d(3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5))

    backbones.register("normed", factory, width=3, pretrained=True)
    with pytest.raises(ConfigError, match="must not see each other"):
        made(backbone="normed")
    encoder = made(backbone="normed", frozen=True, mean=[0.5], deviation=[0.25, 0.25, 0.2]).train()
    assert not any(p.requires_grad for p in encoder.parameters())
    assert not encoder.layers.module.training
    x = encoder.transform(FRAME)
    torch.testing.assert_close(encoder(x)[:3], encoder(x.take(torch.arange(3))))
    np.testing.assert_allclose(encoder.loc, 0.5)
    np.testing.assert_allclose(encoder.scale, [0.25, 0.25, 0.2])


@pytest.mark.parametrize(
    ("factory", "width", "options", "says"),
    [
        (Own, 6, {}, r"features \[N, 6\].*|of 2 images \[2, 5\]"),
        (Own, 5, {"colour": False}, "mat1 and mat2"),
        (lambda: torch.relu, 5, {}, "makes a torch module"),
        (lambda: nn.Identity(), 5, {}, r"of 2 images \[2, 3, 8, 8\]"),
        (Own, 5, {"mean": [1, 2]}, "one per channel"),
        (Own, 5, {"deviation": 0}, "one per channel"),
        (Own, 5, {"mean": [0.1, 0.2, 0.3], "colour": False}, "a number for each channel"),
    ],
)
def test_what_does_not_fit_is_told(factory: Any, width: int, options: dict[str, Any], says: str) -> None:
    backbones.register("own", factory, width=width)
    with pytest.raises(ConfigError, match=says):
        made(backbone="own", **options)


def test_names_are_held() -> None:
    with pytest.raises(ConfigError, match="register it first"):
        made(backbone="nobody's")
    with pytest.raises(ConfigError, match="at least 1"):
        backbones.register("own", Own, width=0)


def test_a_saved_model_names_it_and_asks_for_it(tmp_path: Path) -> None:
    backbones.register("own", Own, width=5)
    table = FRAME.assign(y=[float(cell.mean()) for cell in FRAME["p"]])
    options = {"epochs": 2, "encoders": {"images": {"encoder": "backbone", "backbone": "own"}}}
    model = umbel.MultiTask(["y"], model="net", folds=0, options=options).fit(table)
    before = model.predict(FRAME)
    model.save(tmp_path / "model")
    backbones.unregister("own")
    with pytest.raises(ConfigError, match="register it first"):
        umbel.load(tmp_path / "model")
    backbones.register("own", Own, width=5)
    pd.testing.assert_frame_equal(umbel.load(tmp_path / "model").predict(FRAME), before)
