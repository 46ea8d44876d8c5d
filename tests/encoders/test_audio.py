"""The encoders of sounds: what is fitted, what the net sees, the plain view, and bad input."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.fft
import torch

from umbel.data.batch import Padded
from umbel.data.schema import Column, Schema
from umbel.encoders.audio import Audio
from umbel.encoders.by_type import ENCODER_OF, encoder_of
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.mfcc import Mfcc
from umbel.encoders.space import FeatureSpace
from umbel.encoders.spectra import LogMel
from umbel.errors import ConfigError, DataError
from umbel.training.packing import pack, unpack

RATE = 8000
COLUMNS = (Column("left", "audio"), Column("right", "audio"))
FORMS = (Audio, Mfcc)


def sound(seconds: float, seed: int) -> np.ndarray:
    chance = np.random.default_rng(seed)
    at = np.arange(int(seconds * RATE)) / RATE
    return np.sin(2 * np.pi * chance.uniform(200, 2000) * at) + 0.1 * chance.normal(size=len(at))


def frame(rows: int, seed: int = 0) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    cells = {
        column.name: [
            None if chance.random() < 0.2 else sound(chance.uniform(0.02, 0.3), seed * 1000 + 2 * row + k)
            for row in range(rows)
        ]
        for k, column in enumerate(COLUMNS)
    }
    return pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in cells.items()})


TRAIN, REST = frame(24, 1), frame(10, 2)


def made(form: type[Audio], **options: Any) -> Audio:
    encoder = form(COLUMNS, **{"rate": RATE, "width": 16, "channels": 8, **options})
    encoder.fit(TRAIN)
    encoder.build()
    torch.manual_seed(0)
    for module in encoder.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return encoder.eval()


def spectra(table: pd.DataFrame) -> list[np.ndarray | None]:
    """Row after row, left before right."""
    spectrum = LogMel(RATE)
    cells = [cell for row in table.itertuples(index=False) for cell in (row.left, row.right)]
    return [
        None if cell is None else spectrum(torch.from_numpy(cell.astype(np.float32))).numpy()
        for cell in cells
    ]


def test_the_names_are_registered_and_one_is_the_default() -> None:
    assert ENCODERS.get(ENCODER_OF["audio"]) is Audio
    assert isinstance(encoder_of("audio", list(COLUMNS), {"encoder": "mfcc", "coefficients": 13}), Mfcc)


def test_spectra_are_standardised_by_the_training_rows_alone() -> None:
    encoder = made(Audio)
    steps = np.concatenate([cell for cell in spectra(TRAIN) if cell is not None]).astype(np.float64)
    np.testing.assert_allclose(encoder.loc, steps.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(encoder.scale, steps.std(axis=0), rtol=1e-4)
    x = encoder.transform(REST)
    for place, cell in enumerate(spectra(REST)):
        row, column = divmod(place, 2)
        length = int(x.lengths[row, column])
        assert length == (0 if cell is None else len(cell))
        if cell is not None:
            wanted = (cell - steps.mean(axis=0)) / steps.std(axis=0)
            np.testing.assert_allclose(x.values[row, column, :length], wanted, rtol=1e-3, atol=1e-3)


def test_centred_spectra_do_not_hear_loudness_or_colour() -> None:
    encoder = made(Audio, centred=True, floor=1e-12)
    louder = REST.map(lambda cell: None if cell is None else 5 * cell)
    one, two = encoder.transform(REST), encoder.transform(louder)
    torch.testing.assert_close(one.values, two.values, rtol=1e-3, atol=1e-3)
    for row, column in ((one.lengths > 1).nonzero().tolist())[:5]:
        steps = one.values[row, column, : one.lengths[row, column]] * torch.from_numpy(encoder.scale)
        mean = (steps + torch.from_numpy(encoder.loc)).mean(dim=0)
        torch.testing.assert_close(mean, torch.zeros_like(mean), atol=1e-4, rtol=0)


def test_cepstra_are_scipys_standardised() -> None:
    encoder = made(Mfcc, coefficients=13)
    each = [None if c is None else scipy.fft.dct(c, norm="ortho")[:, :13] for c in spectra(REST)]
    taught = [scipy.fft.dct(c, norm="ortho")[:, :13] for c in spectra(TRAIN) if c is not None]
    loc, scale = np.concatenate(taught).mean(axis=0), np.concatenate(taught).std(axis=0)
    x = encoder.transform(REST)
    seen = encoder.front(x.values.flatten(0, 1)).numpy()
    for place, cell in enumerate(each):
        if cell is not None:
            np.testing.assert_allclose(seen[place, : len(cell)], (cell - loc) / scale, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("form", FORMS)
def test_features_have_their_width_and_missing_cells_are_zero(form: type[Audio]) -> None:
    encoder = made(form)
    x = encoder.transform(REST)
    features = encoder(x)
    assert features.shape == (len(REST), encoder.out) == (10, 32)
    assert torch.isfinite(features).all()
    parts = features.view(10, 2, 16)
    assert (parts[~x.present] == 0).all()
    assert (parts[x.present].abs().sum(dim=1) > 0).all()
    lacking = REST["left"].isna() & REST["right"].isna()
    assert encoder.lacks(REST).tolist() == lacking.tolist() == (~encoder.present(x)).tolist()


@pytest.mark.parametrize("form", FORMS)
def test_rows_do_not_see_each_other(form: type[Audio]) -> None:
    encoder = made(form)
    x = encoder.transform(REST)
    rows = torch.tensor([7, 2, 2, 0])
    torch.testing.assert_close(encoder(x.take(rows)), encoder(x)[rows], rtol=1e-4, atol=1e-5)
    alone = encoder.transform(REST.iloc[[7, 2]].reset_index(drop=True))
    torch.testing.assert_close(encoder(alone), encoder(x)[[7, 2]], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_its_state_brings_it_back_and_is_small(form: type[Audio]) -> None:
    encoder = made(form)
    value, arrays = pack(encoder.state())
    assert sum(np.asarray(a).nbytes for a in arrays.values()) < 20_000
    again = form(COLUMNS, rate=RATE, width=16, channels=8)
    again.restore(unpack(json.loads(json.dumps(value)), arrays))
    again.build()
    again.load_state_dict(encoder.state_dict())
    again.eval()
    x, y = encoder.transform(REST), again.transform(REST)
    torch.testing.assert_close(again(y), encoder(x), rtol=0, atol=0)
    torch.testing.assert_close(again.plain(y), encoder.plain(x), rtol=0, atol=0)


@pytest.mark.parametrize("form", FORMS)
def test_every_parameter_learns(form: type[Audio]) -> None:
    encoder = made(form)
    parameters = list(encoder.parameters())
    grads = torch.autograd.grad(encoder(encoder.transform(TRAIN)).square().sum(), parameters)
    assert all(float(grad.abs().sum()) > 0 for grad in grads)


@pytest.mark.parametrize("form", FORMS)
def test_chance_is_in_training_alone_and_comes_from_the_seed(form: type[Audio]) -> None:
    options = {"band_masks": 2, "time_masks": 1, "warp": 0.2, "tempo": 0.2, "dropout": 0.0}
    encoder = made(form, **options)
    x = encoder.transform(TRAIN)
    torch.testing.assert_close(encoder(x), made(form)(x), rtol=0, atol=0)
    encoder.train()
    torch.manual_seed(3)
    one, two = encoder(x), encoder(x)
    torch.manual_seed(3)
    torch.testing.assert_close(encoder(x), one, rtol=0, atol=0)
    assert float((one - two).detach().abs().mean()) > 1e-3
    for name in ("band_masks", "time_masks", "warp", "tempo"):  # each of them does something
        single = made(form, dropout=0.0, **{name: options[name]}).train()
        assert float((single(x) - made(form)(x)).detach().abs().mean()) > 1e-4, name


@pytest.mark.parametrize("form", FORMS)
def test_the_plain_view_is_means_deviations_and_segments(form: type[Audio]) -> None:
    encoder = made(form)
    assert len(set(encoder.plain_names)) == len(encoder.plain_names) == 2 * 10 * len(encoder.seen)

    def numbers(x: Padded) -> np.ndarray:
        seen = encoder.front(x.values.flatten(0, 1)).double().numpy()
        rows = []
        for one, length in zip(seen, x.lengths.flatten().tolist(), strict=True):
            if length:
                steps = one[:length]
                cuts = [(s * length // 8, -(-(s + 1) * length // 8)) for s in range(8)]
                parts = [steps[a:b].mean(axis=0) for a, b in cuts]
                rows.append(np.concatenate([steps.mean(axis=0), steps.std(axis=0), *parts]))
            else:
                rows.append(np.full(10 * seen.shape[2], np.nan))
        return np.array(rows)

    taught = numbers(encoder.transform(TRAIN))
    x = encoder.transform(REST)
    wanted = (numbers(x) - np.nanmean(taught, axis=0)) / np.nanstd(taught, axis=0)
    found = encoder.plain(x)
    assert found.shape == (10, len(encoder.plain_names))
    assert found.dtype == torch.float32
    np.testing.assert_allclose(
        found.numpy(), np.nan_to_num(wanted, nan=0.0).reshape(10, -1), rtol=5e-3, atol=5e-3
    )


def test_a_net_learns_pitch_and_a_linear_model_too() -> None:
    at = np.arange(1600) / RATE
    high = np.arange(60) % 2
    tones = [np.sin(2 * np.pi * (1500 if h else 400) * at * (1 + 0.1 * (i % 5))) for i, h in enumerate(high)]
    table = pd.DataFrame({"left": tones, "right": [None] * 60})
    encoder = Audio(COLUMNS, rate=RATE, width=16, channels=8)
    encoder.fit(table)
    x = encoder.transform(table)
    plain = encoder.plain(x).numpy()
    weights, *_ = np.linalg.lstsq(plain[:30], 2.0 * high[:30] - 1, rcond=None)
    assert ((plain[30:] @ weights > 0) == high[30:]).all()
    torch.manual_seed(0)
    encoder.build()
    head = torch.nn.Linear(32, 1)
    optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=1e-2)
    y = torch.from_numpy(high).float()
    for _ in range(15):
        optimizer.zero_grad()
        raw = head(encoder(x.take(torch.arange(30))))[:, 0]
        torch.nn.functional.binary_cross_entropy_with_logits(raw, y[:30]).backward()
        optimizer.step()
    raw = head(encoder.eval()(x.take(torch.arange(30, 60))))[:, 0]
    assert ((raw > 0).numpy() == high[30:]).all()


def test_a_table_of_nothing_but_missing_cells_can_be_fitted() -> None:
    empty = pd.DataFrame({"left": [None, None], "right": [None, None]}, dtype=object)
    for form in FORMS:
        encoder = form(COLUMNS, rate=RATE)
        encoder.fit(empty)
        encoder.build()
        x = encoder.transform(empty)
        assert (encoder(x) == 0).all()
        assert (encoder.plain(x) == 0).all()
        none = encoder.transform(empty.iloc[:0])
        assert encoder(none).shape == (0, encoder.out)
        assert encoder.plain(none).shape == (0, len(encoder.plain_names))


def test_rows_of_a_broken_file_are_named_or_count_as_missing(tmp_path: Path) -> None:
    pytest.importorskip("soundfile", reason="files of sounds need the extra 'audio'")
    bad = tmp_path / "bad.wav"
    bad.write_text("not a sound")
    table = TRAIN.copy()
    table.at[5, "right"] = str(bad)
    with pytest.raises(DataError, match=r"column 'right', row 5 \(the first is 0\): '.*bad\.wav'"):
        Audio(COLUMNS, rate=RATE).fit(table)
    encoder = Audio(COLUMNS, rate=RATE, on_error="skip")
    with pytest.warns(UserWarning, match=r"row 5 .*bad\.wav"):
        encoder.fit(table)
    with pytest.warns(UserWarning, match=r"row 5 .*bad\.wav"):
        x = encoder.transform(table)
    assert not x.present[5, 1]
    without = Audio(COLUMNS, rate=RATE)
    table.at[5, "right"] = None
    without.fit(table)
    np.testing.assert_array_equal(without.loc, encoder.loc)


def test_a_row_whose_only_recording_is_skipped_lacks_the_modality(tmp_path: Path) -> None:
    pytest.importorskip("soundfile", reason="files of sounds need the extra 'audio'")
    table = pd.DataFrame({"left": [sound(0.1, k) for k in range(4)], "number": [0.0, 1.0, 2.0, 3.0]})
    space = FeatureSpace(
        Schema((Column("left", "audio"), Column("number", "number"))),
        {"audio": {"rate": RATE, "on_error": "skip"}},
    ).fit(table)
    table["left"] = table["left"].astype(object)
    table.at[2, "left"] = str(tmp_path / "gone.wav")
    with pytest.raises(DataError, match="row 2"):
        space.transform(table)  # no training row lacked its sound


def test_another_rate_is_resampled_or_refused() -> None:
    table = TRAIN.copy()
    table.at[5, "right"] = (sound(0.2, 0), 2 * RATE)
    encoder = Audio(COLUMNS, rate=RATE)
    encoder.fit(table)
    assert int(encoder.transform(table).lengths[5, 1]) == 1 + 800 // 80
    with pytest.raises(DataError, match=r"column 'right', row 5 .*16000 Hz"):
        Audio(COLUMNS, rate=RATE, resample=False).fit(table)


def test_a_recording_that_is_too_long_is_told_of_or_cut() -> None:
    with pytest.raises(DataError, match=r"column 'left', row \d+ .* 0\.\d s"):
        Audio(COLUMNS, rate=RATE, longest=0.1).fit(TRAIN)
    encoder = Audio(COLUMNS, rate=RATE, longest=0.1, longer="cut")
    encoder.fit(TRAIN)
    assert int(encoder.transform(TRAIN).lengths.max()) == 11


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"on_error": "ignore"}, "'on_error'"),
        ({"longer": "crop"}, "'longer'"),
        ({"channels": 6}, "'channels'"),
        ({"depth": 0}, "'depth'"),
        ({"segments": 0}, "'segments'"),
        ({"width": 1.5}, "'width'"),
        ({"dropout": 1.0}, "'dropout'"),
        ({"longest": 0}, "'longest'"),
        ({"mels": 0}, "'bands'"),
        ({"warp": 2.0}, "'warp'"),
        ({"mel": 5}, "did you mean"),
        ({"encoder": "mfcc", "coefficients": 41}, "'coefficients'"),
        ({"encoder": "mfcc", "coefficients": 1.0}, "'coefficients'"),
        ({"encoder": "mfcc", "window_": 1}, "did you mean 'window'"),
    ],
)
def test_options_out_of_their_range_are_told_of(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        encoder_of("audio", list(COLUMNS), options)


def test_cepstra_have_the_options_of_spectra() -> None:
    ours, theirs = inspect.signature(Mfcc).parameters, inspect.signature(Audio).parameters
    assert set(ours) == {*theirs, "coefficients"}
