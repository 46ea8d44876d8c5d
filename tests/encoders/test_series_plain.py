"""The plain view of series, against loops."""

from __future__ import annotations

import numpy as np
import pytest

from series_tables import PAIR, WALK, made, table
from umbel.encoders.series_plain import plain_series


@pytest.mark.parametrize("gaps", [[False, False], [True, False], [True, True]])
def test_the_plain_view_is_what_loops_find(gaps: list[bool]) -> None:
    chance = np.random.default_rng(sum(gaps))
    B, K, T, F, lags = 7, 2, 6, 2, 4
    extra = sum(gaps)
    steps = chance.normal(size=(B, K, T, F + extra)).astype(np.float32)
    steps[..., F:] = chance.random((B, K, T, extra)) < 0.3
    lengths = chance.integers(0, T + 1, (B, K))
    values, there = plain_series(steps, lengths, np.array(gaps), lags)
    place = {f: F + sum(gaps[:f]) for f in range(F) if gaps[f]}
    for b in range(B):
        want, known = [], []
        for k in range(K):
            for f in range(F):
                series = steps[b, k, : lengths[b, k], f].astype(float).tolist()
                lost = steps[b, k, : lengths[b, k], place[f]] if f in place else [0] * len(series)
                line = [None if gone else value for value, gone in zip(series, lost, strict=True)]
                ends = [line[-lag] if lag <= len(line) else None for lag in range(1, lags + 1)]
                rest = [value for value in line if value is not None]
                ends += [float(np.mean(rest)), float(np.std(rest))] if rest else [None, None]
                want += [0.0 if e is None else e for e in ends]
                known += [e is not None for e in ends]
        assert there[b].tolist() == known
        np.testing.assert_allclose(np.where(there[b], values[b], 0.0), want, atol=1e-6)


def test_an_encoder_standardises_it_by_training_rows() -> None:
    frame = table(60)
    encoder = made("series", frame, WALK, PAIR)
    view = encoder.plain(encoder.transform(frame)).numpy()
    assert view.shape == (60, len(encoder.plain_names))
    assert len(set(encoder.plain_names)) == view.shape[1]
    lengths = frame["walk"].map(lambda cell: 0 if cell is None else len(cell)).to_numpy()
    for lag in (1, 4):
        column = encoder.plain_names.index(f"walk.0[-{lag}]")
        cells = [c[-lag] for c in frame["walk"] if c is not None and len(c) >= lag]
        want = (np.array(cells) - np.mean(cells)) / np.std(cells)
        np.testing.assert_allclose(view[lengths >= lag, column], want, atol=1e-4)
        assert (view[lengths < lag, column] == 0).all()
    deviation = encoder.plain_names.index("deviation of walk.0")
    spread = np.array([np.std(c) for c in frame["walk"] if c is not None])
    got = view[lengths > 0, deviation]
    np.testing.assert_allclose(got, (spread - spread.mean()) / spread.std(), atol=1e-4)


def test_it_has_no_more_steps_than_training_series_and_than_32() -> None:
    frame = table(30)
    assert len(made("series", frame, WALK).plain_names) == 11 + 2
    assert len(made("series", frame, WALK, window=5).plain_names) == 5 + 2
    frame["walk"] = [np.arange(90.0) + row for row in range(30)]
    assert len(made("series", frame, WALK).plain_names) == 32 + 2
