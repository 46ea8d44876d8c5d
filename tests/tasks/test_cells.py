from __future__ import annotations

import time
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from umbel.errors import KindError
from umbel.tasks.cells import (
    as_labels,
    bad_cells,
    check_variety,
    find_classes,
    key_of,
    read_classes,
    read_numbers,
    sort_labels,
)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, 2, None]),
        pd.Series([1, 2, None], dtype="Int64"),
        pd.Series([1, 2, None], dtype="Float64"),
        pd.Series(["1", " 2 ", None]),
        pd.Series(["1", "2", ""]),
        pd.Series([Decimal(1), Decimal(2), None]),
        pd.Series([1.0, np.float32(2), pd.NA], dtype=object),
        pd.Series(["1", "2", None], dtype="category"),
        pd.Series([1, 2, None], dtype="category"),
    ],
)
def test_numbers_of_any_dtype(column: pd.Series) -> None:
    np.testing.assert_array_equal(read_numbers(column, "regression"), [1.0, 2.0, np.nan])


def test_true_and_false_are_numbers() -> None:
    for dtype in (object, "boolean"):
        column = pd.Series([True, False, None], dtype=dtype)
        np.testing.assert_array_equal(read_numbers(column, "count"), [1.0, 0.0, np.nan])


@pytest.mark.parametrize(
    ("column", "rule", "found"),
    [
        (
            pd.Series([1, "x", "y"], name="age", index=[5, 6, 7]),
            "hold numbers",
            "'age': row 6 is 'x', row 7 is 'y'",
        ),
        (pd.Series([1.0, np.inf], name="age"), "finite", "row 1 is inf"),
        (pd.Series(["1", "-inf"], name="age"), "finite", "row 1 is '-inf'"),
        (pd.Series([[1], 2], name="age"), "hold numbers", r"row 0 is [1]"),
        (pd.Series(pd.to_datetime(["2020-01-01"]), name="age"), "hold numbers", "row 0 is Timestamp"),
        (pd.Series([1 + 2j], name="age"), "hold numbers", "row 0"),
    ],
)
def test_cells_that_are_no_numbers_are_named(column: pd.Series, rule: str, found: str) -> None:
    with pytest.raises(KindError) as caught:
        read_numbers(column, "regression")
    assert rule in caught.value.rule
    assert found in caught.value.found


def test_only_a_few_bad_cells_are_shown() -> None:
    column = pd.Series(["x"] * 10, name="age")
    assert bad_cells(column, range(10)).endswith("row 2 is 'x' (and 7 rows more)")
    assert bad_cells(pd.Series(["x" * 100], name="a"), [0]).endswith("...")


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["b", "a", None, "b"]),
        pd.Series(["b", " a", "", "b "]),
        pd.Series(["b", "a", None, "b"], dtype="category"),
        pd.Series(["b", "a", np.nan, "b"], dtype=object),
    ],
)
def test_classes_of_text(column: pd.Series) -> None:
    codes, labels = read_classes(column)
    np.testing.assert_array_equal(codes, [0, 1, -1, 0])
    assert labels == ["b", "a"]


def test_a_number_is_one_class_however_it_is_written() -> None:
    codes, labels = read_classes(pd.Series([1, 1.0, "1", np.int8(1), 2.5, None], dtype=object))
    np.testing.assert_array_equal(codes, [0, 0, 0, 0, 1, -1])
    assert labels == [1, 2.5]
    assert [type(label) for label in labels] == [int, float]
    assert key_of(np.bool_(True)) == "True"


def test_classes_refuse_lists_and_infinity() -> None:
    with pytest.raises(KindError, match=r"'tags': row 1 is \['a'\]"):
        read_classes(pd.Series(["a", ["a"]], name="tags"))
    with pytest.raises(KindError, match="row 2 is inf"):
        read_classes(pd.Series([1.0, 2.0, np.inf], name="n"))


def test_a_class_never_seen_names_row_value_and_what_there_is() -> None:
    column = pd.Series(["a", None, "c"], name="kind", index=[10, 11, 12])
    with pytest.raises(KindError) as caught:
        find_classes(column, {"a": 0, "b": 1}, kind="multiclass")
    assert "row 12 is 'c'" in caught.value.found
    assert "'a', 'b'" in caught.value.remedy
    np.testing.assert_array_equal(
        find_classes(column, {"a": 0, "b": 1}, kind="multiclass", others="missing"), [0, -1, -1]
    )


def test_sorting_and_reading_back() -> None:
    assert sort_labels([True, False]) == [False, True]
    assert sort_labels([2.5, 1]) == [1, 2.5]
    assert as_labels([False, True], np.array([1])).dtype == np.bool_
    assert as_labels([1, 2], np.array([1])).dtype == np.int64
    assert as_labels([1, "x"], np.array([1, 0])).tolist() == ["x", 1]


def test_variety() -> None:
    column = pd.Series([1, 1], name="y")
    with pytest.raises(KindError, match=r"known labels(.|\n)*'y' \(2 training rows\): every cell is missing"):
        check_variety(column, 0, 0)
    with pytest.raises(KindError, match=r"constant(.|\n)*all 2 known cells are 1"):
        check_variety(column, 2, 1, 1)
    check_variety(column, 2, 2)


def test_a_million_cells_are_read_quickly() -> None:
    generator = np.random.default_rng(0)
    numbers = pd.Series(generator.normal(size=1_000_000))
    texts = pd.Series(generator.choice(["ash", "elm", "oak"], 1_000_000))
    start = time.process_time()
    read_numbers(numbers, "regression")
    read_classes(texts)
    assert time.process_time() - start < 1.0
