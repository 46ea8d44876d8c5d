"""Cells in plain form: the same at training and at prediction, whatever the reader made of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from umbel.data.cells import as_category, as_number, blank, clean, codes_of, label, names_of
from umbel.data.schema import Column
from umbel.errors import DataError


def test_levels_are_the_same_name_however_they_were_read() -> None:
    whole = as_category(pd.Series([1, 2, 1]))
    gaps = as_category(pd.Series([1.0, 2.0, np.nan]))
    mixed = as_category(pd.Series([1, "2", " 1 "], dtype=object))
    assert whole.tolist() == mixed.tolist() == ["1", "2", "1"]
    assert gaps[:2].tolist() == ["1", "2"]
    assert pd.isna(gaps[2])
    assert pd.isna(as_category(pd.Series(["", "a"]))[0])
    assert label(np.float32(2)) == "2"
    assert as_category(pd.Series(["b", None], dtype="category"))[0] == "b"


def test_numbers_of_many_dtypes() -> None:
    assert as_number(pd.Series(["1", " 2.5", None, ""], dtype=object))[:2].tolist() == [1.0, 2.5]
    assert as_number(pd.Series([True, False])).tolist() == [1.0, 0.0]
    assert np.isnan(as_number(pd.Series([1, None], dtype="Int64"))[1])
    assert as_number(pd.Series(pd.to_datetime(["1970-01-02", None])))[0] == 1.0
    assert as_number(pd.Series(pd.to_datetime(["1970-01-02"]).tz_localize("UTC")))[0] == 1.0
    floats = pd.Series([1.0, 2.0], dtype=np.float32)
    assert np.shares_memory(as_number(floats).to_numpy(), floats.to_numpy())


def test_cells_that_are_no_numbers_are_named() -> None:
    with pytest.raises(DataError, match=r"column 'x', rows 1, 3 \(the first is 0\): inf"):
        as_number(pd.Series([0, np.inf, 1, -np.inf], name="x"))
    with pytest.raises(DataError, match=r"column 'x', row 1 \(the first is 0\): 'two'"):
        as_number(pd.Series(["1", "two"], name="x"))


def test_sets_and_texts() -> None:
    spec = Column("x", "set", None)
    lists = clean(pd.Series([["a", 1], None, {"c", "b"}], dtype=object), spec)
    assert lists.tolist() == [["a", "1"], [], ["b", "c"]]
    assert clean(pd.Series(["a, b", None]), Column("x", "set", ", ")).tolist() == ["a, b", ""]
    assert clean(pd.Series([1.0, None]), Column("x", "text")).tolist() == ["1", ""]
    assert clean(pd.Series([np.array(["a"])], dtype=object), spec).tolist() == [["a"]]
    with pytest.raises(DataError, match="holds lists"):
        clean(pd.Series([["a"]]), Column("x", "set", ", "))
    assert names_of(["a,b , c", None, ""], ", ") == [["a", "b", "c"], [], []]
    assert names_of([("a", "b"), None, "c"], None) == [["a", "b"], [], ["c"]]


def test_texts_that_stand_for_missing() -> None:
    column = blank(pd.Series(["?", "a"]), ["?"])
    assert column.isna().tolist() == [True, False]
    assert blank(pd.Series([1, 2]), ["?"]).tolist() == [1, 2]
    gaps = blank(pd.Series([3, None, 3], dtype="Int64").astype("category"))
    assert as_category(gaps)[0] == "3"
    assert blank(pd.Series(["a", None], dtype="category")).isna().tolist() == [False, True]


def test_codes_tell_combinations_apart() -> None:
    codes = codes_of([pd.Series(["a", "a", "b", "a"]), pd.Series([1.0, None, 1.0, 1.0])])
    assert codes.tolist() == [0, 1, 2, 0]
