"""One contract for every registered encoder."""

from __future__ import annotations

import json
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from neural_tables import COLUMNS, MEDIA, frame, media
from umbel.data.schema import Column
from umbel.encoders import backbones
from umbel.encoders.encoder import ENCODERS, Encoder
from umbel.encoders.media import MediaEncoder
from umbel.seeding import derive
from umbel.training.packing import pack, unpack

DAY = Column("day", "date")
FRAME = pd.concat([frame(80, seed=9), media(80, seed=9)], axis=1)
FRAME["day"] = np.where(np.arange(80) % 7 == 3, np.nan, 19000 + 3.3 * np.arange(80))
TRAIN, REST = FRAME.iloc[:50].reset_index(drop=True), FRAME.iloc[50:].reset_index(drop=True)


def made(name: str, **options: Any) -> Encoder:
    form = ENCODERS.get(name)
    columns = [c for c in (*COLUMNS, DAY, *MEDIA) if c.type == form.reads]
    encoder: Encoder = form(columns, **OPTIONS.get(name, {}), **options)
    encoder.fit(TRAIN)
    encoder.build()
    torch.manual_seed(derive(0, name))
    for module in encoder.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return encoder.eval()


def rows_of(x: Any, rows: torch.Tensor) -> Any:
    return x[rows] if isinstance(x, torch.Tensor) else x.take(rows)


backbones.register("of the laws", lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 8)), width=8)
OPTIONS: dict[str, dict[str, Any]] = {"backbone": {"backbone": "of the laws", "size": 8, "colour": True}}
"""Options that an encoder cannot do without."""
MEDIA_NAMES = [name for name in ENCODERS.names() if issubclass(ENCODERS.get(name), MediaEncoder)]


@pytest.mark.parametrize("name", ENCODERS.names())
class TestEncoder:
    def test_it_tells_its_paper_and_one_line(self, name: str) -> None:
        entry = next(e for e in ENCODERS if e.name == name)
        assert entry.source
        assert entry.summary.endswith(".")

    def test_features_are_finite_and_as_wide_as_told(self, name: str) -> None:
        encoder = made(name)
        for part in (TRAIN, REST):
            features = encoder(encoder.transform(part))
            assert features.shape == (len(part), encoder.out)
            assert torch.isfinite(features).all()

    def test_the_linear_view_is_linear(self, name: str) -> None:
        encoder = made(name)
        x = encoder.transform(REST)
        one, two = torch.randn(2, encoder.wide, 3)
        both = encoder.linear(x, one + 2 * two)
        assert both.shape == (len(REST), 3)
        torch.testing.assert_close(
            both, encoder.linear(x, one) + 2 * encoder.linear(x, two), rtol=1e-4, atol=1e-4
        )

    def test_some_rows_are_those_rows(self, name: str) -> None:
        encoder = made(name)
        x = encoder.transform(REST)
        rows = torch.tensor([7, 2, 2, 0])
        torch.testing.assert_close(encoder(rows_of(x, rows)), encoder(x)[rows])
        alone = encoder.transform(REST.iloc[[7, 2]].reset_index(drop=True))
        torch.testing.assert_close(encoder(alone), encoder(x)[[7, 2]])

    def test_what_is_fitted_comes_from_training_rows_alone(self, name: str) -> None:
        encoder = made(name)
        before = pack(encoder.state())
        encoder.transform(REST)
        after = pack(encoder.state())
        assert before[0] == after[0]
        for key, value in before[1].items():
            np.testing.assert_array_equal(value, after[1][key])

    def test_its_state_brings_it_back(self, name: str) -> None:
        encoder = made(name)
        value, arrays = pack(encoder.state())
        again = type(encoder)(encoder.columns, **OPTIONS.get(name, {}))
        again.restore(unpack(json.loads(json.dumps(value)), arrays))
        again.build()
        again.load_state_dict(encoder.state_dict())
        again.eval()
        torch.testing.assert_close(
            again(again.transform(REST)), encoder(encoder.transform(REST)), rtol=0, atol=0
        )

    def test_every_parameter_learns(self, name: str) -> None:
        encoder = made(name)
        x = encoder.transform(TRAIN)
        parameters = list(encoder.parameters())
        if parameters:
            grads = torch.autograd.grad(encoder(x).square().sum(), parameters)
            assert all(grad.abs().sum() > 0 for grad in grads)

    def test_a_table_of_nothing_but_missing_cells(self, name: str) -> None:
        encoder = made(name)
        empty = REST.copy()
        for column in encoder.columns:
            empty[column.name] = np.nan if column.type == "number" else None
        features = encoder(encoder.transform(empty))
        assert torch.isfinite(features).all()
        torch.testing.assert_close(features, features[:1].expand(len(empty), -1))

    def test_no_rows(self, name: str) -> None:
        encoder = made(name)
        assert encoder(encoder.transform(REST.iloc[:0])).shape == (0, encoder.out)


@pytest.mark.parametrize("name", MEDIA_NAMES)
class TestMediaEncoder:
    """Images, sounds and series: rows that lack a value, and the plain view."""

    def test_a_missing_cell_has_features_of_zero_and_a_known_one_has_not(self, name: str) -> None:
        encoder = cast(MediaEncoder, made(name))
        x = encoder.transform(REST)
        features = encoder(x).view(len(REST), len(encoder.columns), encoder.width)
        known = np.stack([REST[c.name].notna().to_numpy() for c in encoder.columns], axis=1)
        assert known.any()
        assert not known.all()
        np.testing.assert_array_equal(x.present.numpy(), known)
        np.testing.assert_array_equal(encoder.present(x).numpy(), known.any(axis=1))
        assert (features[~x.present] == 0).all()
        assert (features[x.present].abs().sum(dim=1) > 0).all()

    def test_a_column_that_is_missing_does_not_touch_the_other(self, name: str) -> None:
        encoder = cast(MediaEncoder, made(name))
        less = REST.assign(**{encoder.columns[1].name: None})
        features = encoder(encoder.transform(less))
        torch.testing.assert_close(
            features[:, : encoder.width], encoder(encoder.transform(REST))[:, : encoder.width]
        )
        assert (features[:, encoder.width :] == 0).all()

    def test_there_is_no_linear_skip(self, name: str) -> None:
        encoder = made(name)
        assert encoder.wide == 0
        assert (encoder.linear(encoder.transform(REST), torch.zeros(0, 3)) == torch.zeros(len(REST), 3)).all()

    def test_the_plain_view_is_standardised_numbers_with_a_name_each(self, name: str) -> None:
        encoder = cast(MediaEncoder, made(name))
        names = encoder.plain_names
        assert len(set(names)) == len(names) > 0
        for part in (TRAIN, REST):
            view = encoder.plain(encoder.transform(part))
            assert view.shape == (len(part), len(names))
            assert view.dtype == torch.float32
            assert torch.isfinite(view).all()
        view = encoder.plain(encoder.transform(TRAIN))
        for k, column in enumerate(encoder.columns):
            mine = view[:, [name.startswith(column.name) for name in names]]
            known = torch.tensor(TRAIN[column.name].notna().tolist())
            assert mine.shape[1] > 0, f"no feature is named after column {k}"
            assert (mine[~known] == 0).all()
            # the scale is that of all columns together
            assert mine[known].mean(dim=0).abs().max() < 1.0
            assert 0.3 < mine[known].std(dim=0).mean() < 2.0

    def test_the_plain_view_follows_the_rows(self, name: str) -> None:
        encoder = cast(MediaEncoder, made(name))
        view = encoder.plain(encoder.transform(REST))
        assert (view.std(dim=0) > 0).any()
        alone = encoder.plain(encoder.transform(REST.iloc[[7, 2]].reset_index(drop=True)))
        torch.testing.assert_close(alone, view[[7, 2]])

    def test_half_precision_gives_nearly_the_same(self, name: str) -> None:
        encoder = made(name)
        x = encoder.transform(REST)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = encoder(x)
        full = encoder(x)
        assert torch.isfinite(half).all()
        assert (half.float() - full).norm() < 0.1 * full.norm()

    def test_a_table_whose_cells_are_all_missing_can_be_fitted(self, name: str) -> None:
        form = ENCODERS.get(name)
        columns = [c for c in MEDIA if c.type == form.reads]
        encoder: MediaEncoder = form(columns, **OPTIONS.get(name, {}))
        nothing = TRAIN.assign(**{c.name: None for c in columns})
        encoder.fit(nothing)
        encoder.build()
        assert (encoder(encoder.transform(nothing)) == 0).all()
        assert (encoder.plain(encoder.transform(nothing)) == 0).all()
        assert torch.isfinite(encoder(encoder.transform(REST))).all()
