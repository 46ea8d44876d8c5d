from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from umbel.errors import DataError
from umbel.families.tracing.source.rows import Names, Places, Rows, join_rows


def rows(name: str, students: list[str], **more: object) -> Rows:
    count = len(students)
    return Rows(
        Names.of(students),
        Names.of(["q"] * count),
        Names.of([("c",)] * count),
        np.ones(count),
        Places.numbered(name, count),
        **more,
    )


def test_files_are_joined_by_name() -> None:
    one, two = rows("a.csv", ["x", "y"]), rows("b.csv", ["z", "x", "x"])
    both = join_rows([one, two])
    assert [both.student.levels[i] for i in both.student.codes] == ["x", "y", "z", "x", "x"]
    assert both.question.levels == ("q",)
    assert both.places.named([1, 2, 4]) == "a.csv, row 1; b.csv, row 0; row 2 (the first is 0)"
    assert both.take(np.array([4, 0])).places.named([0]) == "b.csv, row 2 (the first is 0)"
    assert join_rows([one]) is one


def test_missing_names_stay_missing() -> None:
    joined = Names.joined([Names.of([None, "b"]), Names.of(["a", None])])
    assert joined.codes.tolist() == [-1, 0, 1, -1]
    assert joined.levels == ("b", "a")


def test_files_with_other_columns_are_not_joined() -> None:
    plain, timed = rows("a.csv", ["x"]), rows("b.csv", ["x"], time=np.zeros(1))
    with pytest.raises(DataError, match=r"a time in b\.csv, none in a\.csv"):
        join_rows([plain, timed])
    with pytest.raises(DataError, match=r"'hints' in b\.csv, none in a\.csv"):
        join_rows([plain, replace(timed, time=None, labels={"hints": np.zeros(1)})])


def test_lines_with_several_answers_are_named_by_both() -> None:
    places = Places(("a.csv",), np.zeros(3, int), np.array([4, 4, 8]), np.array([1, 2, 1]))
    assert places.named([1, 2]) == "line 4, answer 2; line 8, answer 1 (the first is 1)"
    assert places.named([0, 1, 2], count=1) == "line 4, answer 1 and 2 more (the first is 1)"
