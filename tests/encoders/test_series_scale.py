"""The scale of series over training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from series_tables import table
from umbel.data.series_steps import read_series
from umbel.encoders.series_scale import Scaled


def column(*cells: Any) -> pd.Series:
    return pd.Series(list(cells), name="c", dtype=object)


def test_scales_are_those_of_the_known_steps() -> None:
    frame = table()
    walk, pair = read_series(frame["walk"]), read_series(frame["pair"])
    found = Scaled.of([walk, pair])
    assert found.features == (1, 2)
    np.testing.assert_allclose(found.loc[0], [walk.values.mean(), 0])
    np.testing.assert_allclose(found.scale[0], [walk.values.std(), 1])
    np.testing.assert_allclose(found.loc[1], np.nanmean(pair.values, axis=0))
    np.testing.assert_allclose(found.scale[1], np.nanstd(pair.values, axis=0))
    assert found.gaps.tolist() == [False, True]
    assert found.channels == 3


def test_a_missing_step_is_the_mean_and_sets_its_indicator() -> None:
    train = read_series(column([[1.0, 2.0], [3.0, np.nan]], [[5.0, 4.0]]))
    scaled = Scaled.of([train])
    rest = read_series(column([[np.nan, np.nan], [3.0, 3.0]]))
    np.testing.assert_array_equal(scaled.channels_of(0, rest, None), [[0, 0, 1], [0, 0, 0]])


def test_scores_are_clipped_and_a_constant_is_0() -> None:
    scaled = Scaled.of([read_series(column([0.0, 2.0]))])
    far = read_series(column([101.0, -99.0]))
    np.testing.assert_array_equal(scaled.channels_of(0, far, 8.0), [[8], [-8]])
    np.testing.assert_array_equal(scaled.channels_of(0, far, None), [[100], [-100]])
    flat = Scaled.of([read_series(column([0.1] * 3))])
    np.testing.assert_allclose(
        flat.channels_of(0, read_series(column([0.1, 0.6])), None), [[0], [0.5]], atol=1e-7
    )
