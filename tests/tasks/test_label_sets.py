from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from umbel.errors import KindError
from umbel.tasks.label_sets import read_label_sets
from umbel.tasks.parts import read_parts

WANT = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]])
NAMES = ["war", "love", "crime"]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["war, love", "love", None, "crime"]),
        pd.Series([" war ,love,", "love", " ", "crime"]),
        pd.Series(["war, love", "love", None, "crime"], dtype="category"),
        pd.Series([["war", "love"], ["love"], None, ["crime"]]),
        pd.Series([{"war", "love"}, ("love",), [], np.array(["crime"])]),
        pd.Series([["love", "war", "war"], ["love", None], np.nan, ["crime"]]),
    ],
)
def test_all_forms_are_read_alike(column: pd.Series) -> None:
    values, known = read_label_sets(column, ", ").table(NAMES)
    np.testing.assert_array_equal(values, WANT)
    np.testing.assert_array_equal(known.all(axis=1), [True, True, False, True])
    np.testing.assert_array_equal(known.any(axis=1), [True, True, False, True])


def test_joined_columns_know_each_label_on_its_own() -> None:
    column = pd.Series([{"a": 1, "b": None}, {"a": 0.0, "b": True}, None], dtype=object)
    values, known = read_label_sets(column, ", ").table(["b", "a", "other"])
    np.testing.assert_array_equal(values, [[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(known, [[False, True, False], [True, True, False], [False] * 3])


def test_an_empty_cell_may_have_no_label() -> None:
    for column in (pd.Series(["war", "", None]), pd.Series([["war"], [], None])):
        assert read_label_sets(column, ", ").known.tolist() == [True, False, False]
        assert read_label_sets(column, ", ", empty="none").known.tolist() == [True, True, False]


def test_numbers_in_lists_are_names() -> None:
    assert read_label_sets(pd.Series([[1, 2.0], ["2"]]), ", ").labels == ["1", "2"]


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (pd.Series([1.5, 2.0], name="g"), "row 0 is 1.5"),
        (pd.Series(["war", 3], name="g", dtype=object), "row 1 is 3"),
        (pd.Series(["war", ["love"]], name="g"), "row 1 is ['love']"),
        (pd.Series([["war"], "love"], name="g"), "row 1 is 'love'"),
        (pd.Series([{"a": 2}], name="g"), "row 0 is {'a': 2}"),
        (pd.Series([{"a": 1}, [1]], name="g"), "row 1 is [1]"),
    ],
)
def test_other_forms_are_errors_with_their_row(column: pd.Series, found: str) -> None:
    with pytest.raises(KindError) as caught:
        read_label_sets(column, ", ")
    assert found in caught.value.found


def test_twenty_thousand_rows_are_quick() -> None:
    generator = np.random.default_rng(0)
    names = np.array([f"label {i}" for i in range(25)])
    rows = [
        ", ".join(generator.choice(names, generator.integers(1, 5), replace=False)) for _ in range(20_000)
    ]
    column = pd.Series(rows)
    start = time.process_time()
    read_label_sets(column, ", ").table(list(names))
    assert time.process_time() - start < 0.2


def test_parts_of_every_form() -> None:
    want = [[1.0, 2.0], [np.nan, 3.0], [np.nan, np.nan]]
    for cells in (
        [{"a": 1, "b": 2}, {"b": 3}, None],
        [{"a": 1, "b": 2}, {"a": pd.NA, "b": "3"}, np.nan],
        [[1, 2], (None, 3), ""],
        [{"b": 2, "a": 1}, {"b": 3.0, "a": None}, pd.NA],
        [np.array([1, 2]), [np.nan, 3], None],
    ):
        names, parts = read_parts(pd.Series(cells, dtype=object), ["a", "b"], "distribution")
        assert names == ["a", "b"]
        np.testing.assert_array_equal(parts, want)
    assert read_parts(pd.Series([{1: 5, 2: 6}]), None, "distribution")[1].tolist() == [[5.0, 6.0]]
    assert read_parts(pd.Series([[1, 2]]), None, "distribution")[0] == ["0", "1"]


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ([{"a": 1, "b": 2, "c": 3}], "a number for each of a, b"),
        ([[1, 2, 3]], "a number for each of a, b"),
        ([{"a": "x", "b": 2}], "a number for each of a, b"),
        ([{"a": np.inf, "b": 2}], "finite"),
        ([3.5], "a number for each part"),
        (["a"], "a number for each part"),
    ],
)
def test_parts_that_do_not_fit(cells: list[object], rule: str) -> None:
    with pytest.raises(KindError, match=rule) as caught:
        read_parts(pd.Series(cells, name="votes"), ["a", "b"], "distribution")
    assert "column 'votes': row 0" in caught.value.found
