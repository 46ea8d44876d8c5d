from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from umbel.errors import ConfigError, DataError
from umbel.families.tracing.source.rows import Rows
from umbel.families.tracing.source.table import find_columns, read_answers


def concepts(rows: Rows) -> list[tuple[str, ...]]:
    return [rows.concepts.levels[i] for i in rows.concepts.codes]


def test_a_file_with_known_names(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(
        "order_id,user_id,problem_id,skill_id,correct,hints\n1,7,30,5.0,1,0\n2,7,31,,0,\n3,8,30,5.0,1,2\n"
    )
    rows = read_answers(path, labels=["hints"])
    assert [rows.student.levels[i] for i in rows.student.codes] == ["7", "7", "8"]
    assert [rows.question.levels[i] for i in rows.question.codes] == ["30", "31", "30"]
    assert concepts(rows) == [("5",), (), ("5",)]
    assert rows.correct.tolist() == [1, 0, 1]
    assert rows.order is not None
    assert rows.order.tolist() == [1, 2, 3]
    assert rows.time is None
    np.testing.assert_array_equal(rows.labels["hints"], [0, np.nan, 2])
    assert rows.notes[0].startswith("Columns: student: 'user_id', question: 'problem_id'")
    assert rows.places.named([2]) == "row 2 (the first is 0)"


def test_parquet_with_named_columns_dates_and_lists(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "who": ["a", None],
            "what": [["y", "x", "y"], []],
            "ok": [True, False],
            "when": pd.to_datetime(["1970-01-01 00:01:00.250", "1970-01-02 00:00:00.000"]),
            "took": [1500, 20],
        }
    )
    frame.to_parquet(tmp_path / "log.parquet")
    named = {"student": "who", "concepts": "what", "correct": "ok", "time": "when", "duration": "took"}
    rows = read_answers(tmp_path / "log.parquet", columns=named, time_unit=1e-3)
    assert rows.student.codes.tolist() == [0, -1]
    assert concepts(rows) == [("x", "y"), ()]
    assert rows.time is not None
    assert rows.time.tolist() == [60.25, 86_400]
    assert rows.labels["seconds"].tolist() == [1.5, 0.02]


@pytest.mark.parametrize("separator", [";", "~~", "_", ","])
def test_concepts_of_a_cell(separator: str) -> None:
    frame = pd.DataFrame(
        {"student": 1, "skill": [f"b {separator}a", "a", f"a{separator}", None], "correct": 1}
    )
    rows = read_answers(frame, separator=separator)
    assert concepts(rows) == [("a", "b"), ("a",), ("a",), ()]
    assert rows.notes == ("Columns: student: 'student', concepts: 'skill', correct: 'correct'.",)


def test_a_separator_that_was_forgotten_is_pointed_out() -> None:
    frame = pd.DataFrame({"student": 1, "skill": ["add~~carry", "add", "carry"], "correct": 1})
    rows = read_answers(frame)
    assert concepts(rows)[0] == ("add~~carry",)
    assert "separator='~~'" in rows.notes[1]
    fine = read_answers(pd.DataFrame({"student": 1, "skill": ["x_axis", "y_axis"], "correct": 1}))
    assert len(fine.notes) == 1
    with pytest.raises(DataError, match="holds lists"):
        read_answers(pd.DataFrame({"student": 1, "skill": [["a"]], "correct": 1}), separator=";")


def test_times_in_numbers_and_in_text() -> None:
    frame = pd.DataFrame({"student": "a", "skill": "x", "correct": [1, 0], "time": ["1500", ""]})
    found = read_answers(frame, time_unit=1e-3).time
    np.testing.assert_array_equal(found, [1.5, np.nan])
    frame["time"] = ["1970-01-01 00:00:05", None]
    np.testing.assert_array_equal(read_answers(frame).time, [5, np.nan])
    frame["time"] = ["5", "soon"]
    with pytest.raises(DataError, match=r"row 1 .*'soon'"):
        read_answers(frame)


def test_columns_that_are_not_there_are_named() -> None:
    frame = pd.DataFrame({"student": ["a"], "skill": ["x"], "correct": ["yes"]})
    with pytest.raises(DataError, match=r"row 0 .*'yes'"):
        read_answers(frame)
    with pytest.raises(DataError, match="no column 'pupil'"):
        find_columns(["student", "skill", "correct"], {"student": "pupil"})
    with pytest.raises(DataError, match="no column 'hint'"):
        find_columns(["student", "skill", "correct"], labels=["hint"])
    with pytest.raises(DataError, match="no column for correct, question or concepts"):
        find_columns(["student", "x"])
    with pytest.raises(ConfigError, match="did you mean 'student'"):
        find_columns(["student", "skill", "correct"], {"students": "student"})
