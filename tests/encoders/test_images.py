"""What is fitted on images, and the nets over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional

from umbel.data.prepare import prepare
from umbel.data.problem import Problem
from umbel.data.schema import Column
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.pictures import Pictures
from umbel.encoders.resnet import Residual
from umbel.errors import ConfigError, DataError
from umbel.training.making import make

chance = np.random.default_rng(0)


def pictures(*shapes: tuple[int, ...]) -> pd.DataFrame:
    cells = np.empty(len(shapes), dtype=object)
    for row, shape in enumerate(shapes):
        cells[row] = chance.integers(0, 256, shape, dtype=np.uint8) if shape else None
    return pd.DataFrame({"p": pd.Series(cells, dtype=object)})


def fitted(frame: pd.DataFrame, name: str = "images", **options: Any) -> Pictures:
    encoder: Pictures = ENCODERS.get(name)([Column("p", "image")], **options)
    encoder.fit(frame)
    encoder.build()
    return encoder


class TestWhatIsFitted:
    def test_the_commonest_size_and_colour_where_there_is_any(self) -> None:
        encoder = fitted(pictures((9, 9), (12, 8), (12, 8), (12, 8, 3), ()))
        assert encoder.size == (12, 8)
        assert encoder.channels == 3
        assert fitted(pictures((12, 8), (12, 8))).channels == 1
        assert fitted(pictures((12, 8, 3)), colour=False).channels == 1
        assert fitted(pictures((12, 8)), colour=True).channels == 3

    def test_large_images_are_shrunk_in_their_proportions(self) -> None:
        assert fitted(pictures((200, 100))).size == (64, 32)
        assert fitted(pictures((200, 100)), size=80).size == (80, 80)
        assert fitted(pictures((200, 100)), size=[10, 20]).size == (10, 20)

    def test_pixels_are_standardised_by_channel(self) -> None:
        frame = pictures(*[(6, 6, 3)] * 30)
        encoder = fitted(frame).eval()
        every = np.stack(frame["p"].tolist()) / 255
        np.testing.assert_allclose(encoder.loc, every.mean(axis=(0, 1, 2)))
        np.testing.assert_allclose(encoder.scale, every.std(axis=(0, 1, 2)))
        x = encoder.transform(frame)
        assert x.values.dtype == torch.uint8
        seen = encoder._prepared(x.values[:, 0])
        torch.testing.assert_close(seen.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
        torch.testing.assert_close(seen.std(dim=(0, 2, 3), unbiased=False), torch.ones(3), atol=1e-5, rtol=0)

    def test_the_plain_view_is_mean_fields(self) -> None:
        frame = pictures(*[(32, 48)] * 9)
        encoder = fitted(frame)
        every = np.stack(frame["p"].tolist()).reshape(9, 16, 2, 16, 3).mean(axis=(2, 4)).reshape(9, -1) / 255
        wanted = (every - every.mean(axis=0)) / np.maximum(every.std(axis=0), 0.1 * encoder.scale.mean())
        np.testing.assert_allclose(encoder.plain(encoder.transform(frame)), wanted, atol=1e-4)
        assert encoder.plain_names[17] == "p 1,1"

    def test_images_of_one_colour_are_zeros(self) -> None:
        frame = pd.DataFrame({"p": [np.full((8, 8), 7, dtype=np.uint8)] * 4})
        encoder = fitted(frame)
        assert (encoder.plain(encoder.transform(frame)) == 0).all()
        assert torch.isfinite(encoder(encoder.transform(frame))).all()

    def test_two_columns_go_through_the_same_layers(self) -> None:
        cells = pictures(*[(8, 8)] * 6)["p"]
        frame = pd.DataFrame({"p": cells, "q": cells[::-1].to_numpy()})
        encoder = ENCODERS.get("images")([Column("q", "image"), Column("p", "image")])
        encoder.fit(frame)
        encoder.build()
        first, second = encoder(encoder.transform(frame)).view(6, 2, -1).unbind(1)
        torch.testing.assert_close(first, second.flip(0))


class TestBrokenImages:
    FRAME = pd.DataFrame({"p": [np.zeros((6, 6)), None, "none/there.png", np.zeros(3), np.ones((6, 6))]})

    def test_stop_names_row_and_path(self) -> None:
        with pytest.raises(DataError, match=r"column 'p', row 2 .*none/there\.png: there is no such file"):
            fitted(self.FRAME)

    def test_rows_are_those_of_the_table(self) -> None:
        part = self.FRAME.iloc[[4, 3]]
        with pytest.raises(DataError, match="row 3 "):
            fitted(part)

    @pytest.mark.parametrize("way", ["option", "column"])
    def test_skip_makes_them_missing_and_counts_them(self, way: str) -> None:
        column = Column("p", "image", skip=way == "column")
        encoder = ENCODERS.get("images")([column], **({"on_error": "skip"} if way == "option" else {}))
        encoder.fit(self.FRAME)
        more = pd.concat([self.FRAME, pd.DataFrame({"p": [f"{way}.png"]})], ignore_index=True)
        with pytest.warns(UserWarning, match=rf"3 images could not be read .*row 2 .*row 3 .*{way}\.png"):
            x = encoder.transform(more)
        assert x.present[:, 0].tolist() == [True, False, False, False, True, False]


class TestNets:
    @pytest.mark.parametrize("shape", [(1, 1), (3, 3), (8, 8), (28, 28), (33, 20), (64, 4)])
    @pytest.mark.parametrize("name", ["images", "resnet"])
    def test_any_size_has_its_features(self, name: str, shape: tuple[int, int]) -> None:
        frame = pictures(shape, shape)
        encoder = fitted(frame, name, width=7)
        assert encoder(encoder.transform(frame)).shape == (2, 7)

    @pytest.mark.parametrize("depth", [8, 14, 20])
    def test_the_depth_of_a_resnet_counts_its_layers(self, depth: int) -> None:
        encoder = fitted(pictures((16, 16)), "resnet", depth=depth)
        main = [
            m
            for name, m in encoder.named_modules()
            if isinstance(m, nn.Conv2d | nn.Linear) and ".short." not in name
        ]
        assert len(main) == depth

    def test_a_block_is_he_and_others_equation_1(self) -> None:
        torch.manual_seed(0)
        block, x = Residual(8, 8, 1), torch.randn(2, 8, 5, 5)
        inner = functional.relu(functional.group_norm(functional.conv2d(x, block.first.weight, padding=1), 1))
        inner = functional.group_norm(functional.conv2d(inner, block.second.weight, padding=1), 1)
        torch.testing.assert_close(block(x), functional.relu(inner + x))
        assert Residual(8, 16, 2)(x).shape == (2, 16, 3, 3)

    @pytest.mark.parametrize("name", ["images", "resnet"])
    def test_rows_do_not_see_each_other(self, name: str) -> None:
        frame = pictures(*[(12, 12, 3)] * 5)
        encoder = fitted(frame, name).train()
        x = encoder.transform(frame)
        torch.testing.assert_close(encoder(x)[1:3], encoder(x.take(torch.tensor([1, 2]))))

    @pytest.mark.parametrize("name", ["images", "resnet"])
    @pytest.mark.parametrize(
        "options",
        [
            {"dtype": "float64"},
            {"dtype": "bfloat16"},
            {"optimizer": "lbfgs", "epochs": 1, "average": 0.0},
            {"balancing": "cagrad", "gradients": "parameters"},
            {"balancing": "cagrad", "gradients": "subsample"},
        ],
    )
    def test_a_net_takes_them_however_it_is_trained(self, name: str, options: dict[str, Any]) -> None:
        cells = pictures(*[(8, 8, 3) if row % 3 else () for row in range(40)], *[(8, 8)] * 20)["p"]
        x = chance.normal(size=60)
        table = pd.DataFrame({"p": cells, "q": cells[::-1].to_numpy(), "x": x, "y": x**2})
        table["z"] = np.where(x > 0, "a", "b")
        prepared = prepare(table, Problem.of(["y", "z"]))
        encoders = {"images": {"encoder": name, "width": 4, "channels": [8]}}
        options = {"epochs": 2, "width": 8, "encoders": encoders, **options}
        if name == "resnet":
            encoders["images"]["depth"] = 4
        net = make("net", options).fit(prepared.train, prepared.valid)
        assert np.isfinite(net.predict(prepared.test)["y"].value).all()

    @pytest.mark.parametrize("name", ["images", "resnet"])
    def test_shapes_are_learned(self, name: str) -> None:
        lines = [np.zeros((12, 12), dtype=np.uint8) for _ in range(60)]
        for row, image in enumerate(lines):
            place = int(chance.integers(1, 11))
            image[(slice(None), place) if row % 2 else (place, slice(None))] = 255
        frame = pd.DataFrame({"p": lines})
        torch.manual_seed(0)
        encoder = fitted(frame, name, width=16, augment={"shift": 0.1})
        model = nn.Sequential(encoder, nn.Linear(16, 1))
        answers = (torch.arange(60) % 2).float()
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        x = encoder.transform(frame)
        for _ in range(25):
            optimizer.zero_grad()
            functional.binary_cross_entropy_with_logits(model(x)[:, 0], answers).backward()
            optimizer.step()
        assert ((model.eval()(x)[:, 0] > 0) == (answers > 0)).float().mean() > 0.95


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("images", {"width": 0}),
        ("images", {"size": 0}),
        ("images", {"size": [3]}),
        ("images", {"size": "large"}),
        ("images", {"channels": []}),
        ("images", {"channels": [8, 0]}),
        ("images", {"on_error": "ignore"}),
        ("images", {"augment": {"turn": 1}}),
        ("resnet", {"depth": 9}),
        ("resnet", {"depth": 2}),
        ("resnet", {"fields": 0}),
    ],
)
def test_options_are_held(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        ENCODERS.get(name)([Column("p", "image")], **options)
