"""The design matrix: what each block makes of its column, and that only training rows are read."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from classic_tables import CASES, split
from umbel.data.schema import Column, Schema
from umbel.encoders.design import DesignMatrix, fitted_design
from umbel.encoders.design_blocks import CategoryBlock, NumberBlock
from umbel.encoders.design_names import SetBlock, TextBlock
from umbel.errors import ConfigError, DataError


def test_numbers_are_standardised_and_a_missing_one_is_the_mean_with_an_indicator() -> None:
    frame = pd.DataFrame({"x": [1.0, 3.0, np.nan, 5.0]})
    block = NumberBlock(["x"]).fit(frame)
    X = block.transform(frame)
    assert block.names == ["x", "x missing"]
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(X.std(axis=0), 1)
    assert X[2, 0] == 0  # the mean of the known cells


def test_a_spline_is_a_linear_basis_and_does_not_leave_the_training_range() -> None:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 101)})
    block = NumberBlock(["x"], knots=3).fit(frame)
    assert block.names == ["x", "x > 0.25", "x > 0.5", "x > 0.75"]
    raw = block.transform(frame) * block.scale + block.location
    np.testing.assert_allclose(raw[:, 2], np.maximum(frame["x"] - 0.5, 0), atol=1e-12)
    ends = block.transform(pd.DataFrame({"x": [1.0, 50.0]}))
    np.testing.assert_array_equal(ends[0], ends[1])


def test_a_number_column_with_words_is_an_error_that_names_it() -> None:
    with pytest.raises(DataError, match="'x'"):
        NumberBlock(["x"]).fit(pd.DataFrame({"x": ["1", "two"]}))


def test_rare_and_unseen_levels_share_the_last_column() -> None:
    frame = pd.DataFrame({"c": ["a"] * 4 + ["b"] * 3 + ["rare", None, None, None]})
    block = CategoryBlock("c", least=3).fit(frame)
    assert block.names == ["c = missing", "c = a", "c = b", "c = other"]
    X = block.transform(pd.DataFrame({"c": ["a", "rare", "new", None]})).toarray()
    np.testing.assert_array_equal(X, [[0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1], [1, 0, 0, 0]])


def test_whole_numbers_are_the_same_level_with_and_without_missing_cells() -> None:
    block = CategoryBlock("c", least=1).fit(pd.DataFrame({"c": [1, 2, 2]}))
    X = block.transform(pd.DataFrame({"c": [2.0, np.nan]})).toarray()
    np.testing.assert_array_equal(X, [[0, 1, 0], [0, 0, 1]])


def test_sets_are_multi_hot_over_names_seen_often_enough() -> None:
    frame = pd.DataFrame({"s": ["a, b", "a", "b, c, a", "", None]})
    block = SetBlock("s", ", ", least=2, power=0.5).fit(frame)
    assert block.vocabulary == ["a", "b"]
    X = block.transform(pd.DataFrame({"s": ["b, a, zz", "c", "b, b"]})).toarray()
    np.testing.assert_allclose(X, [[2**-0.5, 2**-0.5], [0, 0], [0, 1]])


def test_set_cells_may_be_lists() -> None:
    block = SetBlock("s", None, least=1).fit(pd.DataFrame({"s": [["a, Jr."], ["b"], None]}))
    assert block.vocabulary == ["a, Jr.", "b"]


def test_text_rows_have_the_blocks_weight_as_length() -> None:
    frame = pd.DataFrame({"t": ["red house", "red door", "蓝色 的电影", "蓝色 house", ""]})
    block = TextBlock("t", least=2, ngrams=(2, 3), weight=0.7).fit(frame)
    X = block.transform(frame)
    np.testing.assert_allclose(np.sqrt(X.multiply(X).sum(axis=1)).A1[:4], 0.7)
    assert X[4].nnz == 0
    assert "t: 蓝色" in block.names


def test_text_of_empty_cells_is_an_empty_block() -> None:
    frame = pd.DataFrame({"t": ["", None, ""]})
    assert TextBlock("t").fit(frame).transform(frame).shape == (3, 0)


def test_numbers_and_levels_are_dense_names_and_words_are_sparse() -> None:
    train, _, test = split(CASES["numbers"].make())
    assert isinstance(fitted_design(train).transform(test), np.ndarray)
    train, _, test = split(CASES["every kind, every input"].make())
    design = fitted_design(train)
    X = design.transform(test)
    assert sparse.issparse(X)
    assert X.shape == (len(test), design.width)
    assert len(design.names) == len(design.scales) == design.width


def test_state_round_trip_is_bit_equal() -> None:
    train, _, test = split(CASES["every kind, every input"].make())
    design = DesignMatrix(train.schema, knots=3).fit(train)
    state = json.loads(json.dumps(design.state(), default=lambda a: a.tolist()))
    again = DesignMatrix.restore(train.schema, state)
    assert again.mark == design.mark
    one, other = design.transform(test), again.transform(replace(test, _cache={}))
    assert (one != other).nnz == 0


def test_only_training_rows_are_read_and_work_is_shared() -> None:
    train, _, test = split(CASES["numbers"].make())
    design = fitted_design(train)
    assert fitted_design(train) is design
    assert design.transform(test) is design.transform(test)
    changed = train.source.copy()
    changed.loc[test.rows, "a"] = 1e6
    other = fitted_design(replace(train, source=changed, _cache={}))
    np.testing.assert_array_equal(design.transform(train), other.transform(replace(train, _cache={})))


def test_an_unknown_option_is_an_error_with_near_names() -> None:
    with pytest.raises(ConfigError, match="'knots'"):
        DesignMatrix(Schema((Column("x", "number"),)), knot=3)
