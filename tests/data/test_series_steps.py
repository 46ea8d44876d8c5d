"""Reading cells of series."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from umbel.data.media import as_media
from umbel.data.schema import Column
from umbel.data.series_steps import read_series
from umbel.errors import DataError


def column(*cells: Any) -> pd.Series:
    return pd.Series(list(cells), name="c", dtype=object)


def test_cells_of_steps_and_of_steps_by_features() -> None:
    found = read_series(column(np.arange(3), None, [5.0]))
    np.testing.assert_array_equal(found.values, [[0], [1], [2], [5]])
    np.testing.assert_array_equal(found.lengths, [3, 0, 1])
    wide = read_series(column(np.ones((2, 4)), float("nan")))
    assert wide.values.shape == (2, 4)
    assert read_series(column(None, None)).features == 0


def test_a_window_keeps_the_last_steps() -> None:
    found = read_series(column(np.arange(9), np.arange(2)), window=3)
    np.testing.assert_array_equal(found.values.ravel(), [6, 7, 8, 0, 1])
    np.testing.assert_array_equal(found.lengths, [3, 2])


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ([[1.0], np.ones((2, 3))], "row 1 .*: 3 a step, others have 1"),
        ([[1.0], "word"], "row 1 .*: 'word'"),
        ([None, np.ones((2, 2, 2))], r"row 1 .*: an array of shape \(2, 2, 2\)"),
        ([[1.0], [1.0, 2.0], [3.0, np.inf]], "row 2 .*: inf"),
        ([[[1.0], [2.0, 3.0]]], "row 0"),
        ([np.ones((4, 0))], "row 0"),
        ([[1e200]], "row 0 .*: 1e\\+200"),
        ([7.0], "row 0"),
    ],
)
def test_a_cell_that_is_no_series_is_named(cells: list[Any], told: str) -> None:
    with pytest.raises(DataError, match=f"column 'c', {told}"):
        read_series(column(*cells))


def test_a_table_is_told_of_by_its_own_rows_before_it_is_split() -> None:
    spec = Column("c", "series")
    assert as_media(column([1, 2], "3 nan", None), spec)[1].shape == (2,)
    for cells, told in (
        ([[1.0], "2 inf"], "row 1 .*: inf"),
        ([[1.0], None, [[1.0, 2.0]]], "row 2 .*: 2 a step"),
    ):
        with pytest.raises(DataError, match=f"column 'c', {told}"):
            as_media(column(*cells), spec)
