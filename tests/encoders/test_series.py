"""Encoders of series: padding, causality, windows; the recurrent one against torch's on bare rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

import umbel
from series_tables import PAIR, WALK, made, table
from umbel.data.batch import Padded
from umbel.encoders.encoder import ENCODERS
from umbel.errors import ConfigError, DataError

NAMES = ("series", "tcn", "causal_transformer")


@pytest.mark.parametrize("pool", ["last", "mean"])
@pytest.mark.parametrize("name", NAMES)
class TestSeries:
    def test_a_row_alone_is_that_row_among_longer_ones(self, name: str, pool: str) -> None:
        frame = table()
        encoder = made(name, frame, WALK, PAIR, pool=pool)
        together = encoder(encoder.transform(frame))
        for row in range(12):
            alone = encoder(encoder.transform(frame.iloc[[row]].reset_index(drop=True)))
            torch.testing.assert_close(alone[0], together[row], rtol=0, atol=1e-9)

    def test_what_stands_behind_a_series_is_not_looked_at(self, name: str, pool: str) -> None:
        frame = table()
        encoder = made(name, frame, WALK, PAIR, pool=pool)
        x = encoder.transform(frame)
        behind = torch.arange(x.values.shape[2]) >= x.lengths[..., None]
        for junk in (1e30, float("nan"), float("inf")):
            spoiled = Padded(torch.where(behind[..., None], junk, x.values), x.lengths)
            torch.testing.assert_close(encoder(spoiled), encoder(x), rtol=0, atol=0)

    def test_a_longer_series_than_the_window_loses_its_first_steps(self, name: str, pool: str) -> None:
        frame = table(gaps=False)
        encoder = made(name, frame, WALK, pool=pool, window=4)
        longer = frame.assign(walk=[np.concatenate([[70.0, -80.0, np.nan], c]) for c in frame["walk"]])
        same = [len(cell) >= 4 for cell in frame["walk"]]
        assert any(same)
        found = encoder(encoder.transform(longer))
        torch.testing.assert_close(found[same], encoder(encoder.transform(frame))[same], rtol=0, atol=1e-12)
        assert encoder.transform(longer).values.shape[2] == 4

    def test_a_missing_cell_is_zeros_and_the_other_column_stays(self, name: str, pool: str) -> None:
        frame = table()
        encoder = made(name, frame, WALK, PAIR, pool=pool)  # in the order of names: pair, walk
        features = encoder(encoder.transform(frame))
        assert encoder.out == 2 * encoder.width == features.shape[1]
        assert (features[3, encoder.width :] == 0).all()
        assert (features[5, : encoder.width] == 0).all()
        whole = encoder(encoder.transform(frame.assign(walk=[[1.0]] * len(frame))))
        torch.testing.assert_close(whole[:, : encoder.width], features[:, : encoder.width])


@pytest.mark.parametrize("name", NAMES)
def test_the_future_changes_nothing(name: str) -> None:
    encoder = made(name, table(), WALK)
    x = torch.randn(5, 9, encoder.channels, dtype=torch.float64)
    before = encoder.steps(x)
    for t in range(8):
        later = x.clone()
        later[:, t + 1 :] = 100 * torch.randn(5, 8 - t, encoder.channels)
        after = encoder.steps(later)
        torch.testing.assert_close(after[:, : t + 1], before[:, : t + 1], rtol=0, atol=1e-9)
        assert (after[:, t + 1 :] - before[:, t + 1 :]).abs().amax() > 1e-3
        cut = encoder.steps(x[:, : t + 1])
        torch.testing.assert_close(cut, before[:, : t + 1], rtol=0, atol=1e-9)


@pytest.mark.parametrize("layers", [1, 2])
def test_the_recurrent_one_is_torch_on_each_bare_row(layers: int) -> None:
    frame = table()
    encoder = made("series", frame, WALK, layers=layers)
    x = encoder.transform(frame)
    reference = torch.nn.GRU(encoder.channels, encoder.width, layers, batch_first=True).double()
    names = [name.rsplit("_l", 1)[0] for name, _ in encoder.cells[0].named_parameters()]
    with torch.no_grad():
        for k, cell in enumerate(encoder.cells):
            for name in names:
                getattr(reference, f"{name}_l{k}").copy_(getattr(cell, f"{name}_l0"))
    found = encoder(x)
    for row, length in enumerate(x.lengths[:, 0].tolist()):
        if length:
            state = reference(x.values[row, :, :length].double())[1][-1, 0]
            torch.testing.assert_close(found[row], state, rtol=0, atol=1e-12)
    there = x.lengths[:, 0] > 0
    packed = pack_padded_sequence(
        x.values[there, 0].double(), x.lengths[there, 0], batch_first=True, enforce_sorted=False
    )
    torch.testing.assert_close(found[there], reference(packed)[1][-1], rtol=0, atol=1e-12)


def test_the_mean_is_over_the_steps_of_the_row() -> None:
    frame = table(gaps=False)
    encoder = made("series", frame, WALK, pool="mean")
    x = encoder.transform(frame)
    for row, length in enumerate(x.lengths[:, 0].tolist()):
        states = encoder.steps(x.values[row, :, :length].double())[0]
        torch.testing.assert_close(encoder(x)[row], states.mean(dim=0))


def test_a_missing_step_is_told_apart_from_the_mean_where_training_had_one() -> None:
    frame = pd.DataFrame({"walk": [np.array([1.0, np.nan, 3.0]), np.array([2.0]), np.array([0.0, 4.0])]})
    rest = pd.DataFrame({"walk": [np.array([1.0, np.nan]), np.array([1.0, 2.0])]})  # the mean is 2
    encoder = made("series", frame, WALK)
    lost, mean = encoder(encoder.transform(rest))
    assert (lost - mean).abs().max() > 1e-3
    whole = frame.assign(walk=[np.array([1.0, 2.0, 3.0]), np.array([2.0]), np.array([0.0, 4.0])])
    encoder = made("series", whole, WALK)
    lost, mean = encoder(encoder.transform(rest))
    torch.testing.assert_close(lost, mean)


def test_the_columns_are_told_apart() -> None:
    frame = pd.DataFrame({name: [np.arange(4.0) + row for row in range(9)] for name in ("pair", "walk")})
    encoder = made("series", frame, WALK, PAIR)
    features = encoder(encoder.transform(frame))
    assert (features[:, : encoder.width] - features[:, encoder.width :]).abs().max() > 1e-3


def test_a_cell_of_another_width_than_training_is_named() -> None:
    encoder = made("series", table(), WALK)
    with pytest.raises(DataError, match=r"column 'walk', row 1 .*: 2 a step, others have 1"):
        encoder.transform(pd.DataFrame({"walk": [[1.0], np.ones((3, 2))]}))


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("series", {"width": 0}, "width"),
        ("series", {"width": True}, "width"),
        ("series", {"layers": 1.5}, "layers"),
        ("series", {"window": 0}, "window"),
        ("series", {"dropout": 1.0}, "dropout"),
        ("series", {"dropout": "much"}, "dropout"),
        ("series", {"clip": -1}, "clip"),
        ("series", {"pool": "lost"}, "did you mean 'last'"),
        ("tcn", {"kernel": 1}, "kernel"),
        ("tcn", {"levels": 0}, "levels"),
        ("causal_transformer", {"heads": 3}, "heads"),
        ("causal_transformer", {"width": 4}, "heads"),
    ],
)
def test_a_wrong_option_is_named(name: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        ENCODERS.get(name)([WALK], **options)


@pytest.mark.parametrize("name", NAMES)
def test_under_bfloat16_autocast_it_is_nearly_the_same(name: str) -> None:
    frame = table()
    encoder = made(name, frame, WALK).float()
    x = encoder.transform(frame)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = encoder(x)
    torch.testing.assert_close(rough.float(), encoder(x), rtol=0.05, atol=0.2)


@pytest.mark.parametrize("name", NAMES)
def test_dropout_drops_in_training_only(name: str) -> None:
    frame = table(gaps=False)
    encoder = made(name, frame, WALK, dropout=0.5)
    x = encoder.transform(frame)
    still = encoder(x)
    torch.testing.assert_close(still, encoder(x), rtol=0, atol=0)
    assert float((encoder.train()(x) == 0).double().mean()) > 0.3


@pytest.mark.parametrize("name", NAMES)
def test_a_net_learns_what_only_the_order_of_steps_tells(name: str, tmp_path: Any) -> None:
    chance = np.random.default_rng(0)
    rows = 500
    signs = chance.choice([-1.0, 1.0], (rows, 6))
    ups = (signs[:, 1:] > signs[:, :-1]).sum(axis=1)  # linear in no step
    frame = pd.DataFrame({"signs": list(signs), "ups": ups, "many": ups > 1.5})
    train, test = frame.iloc[:400].reset_index(drop=True), frame.iloc[400:].reset_index(drop=True)
    options = {
        "encoders": {"series": {"encoder": name, "width": 16}},
        "dropout": 0.0,
        "lr": 1e-2,
        "epochs": 12,
        "batch_size": 40,
        "average": 0.0,
        "width": 32,
    }
    asked = {"ups": "regression", "many": "binary"}
    model = umbel.MultiTask(asked, inputs={"signs": "series"}, model="net", options=options, folds=0)
    model.fit(train)
    scores = model.evaluate(test)
    value = scores.set_index(["task", "metric"])["value"]
    assert value["ups", "r2"] > 0.6
    assert value["many", "auc"] > 0.9
    model.save(tmp_path / "model")
    again = umbel.load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.predict(test), model.predict(test))
