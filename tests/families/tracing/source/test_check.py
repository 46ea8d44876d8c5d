from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from umbel.errors import ConfigError, DataError
from umbel.families.tracing.source.check import Choices, check_rows, log_of
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.read_report import Remark
from umbel.families.tracing.source.rows import Names, Places, Rows
from umbel.families.tracing.source.table import read_answers


def checked(frame: dict[str, object], **choices: str) -> tuple[AnswerLog, dict[str, Remark]]:
    rows, remarks = check_rows(read_answers(pd.DataFrame({"skill": "x"} | frame)), Choices(**choices))
    return log_of(rows), {remark.check: remark for remark in remarks}


def test_rows_are_sorted_by_time_within_students_and_stay_in_place_where_equal() -> None:
    log, found = checked(
        {"student": list("abaab"), "question": list("12345"), "correct": 1, "time": [9, 1, 3, 3, 0]}
    )
    assert log.students == ("a", "b")
    assert [log.questions[i] for i in log.question] == ["3", "4", "1", "5", "2"]
    assert log.offsets.tolist() == [0, 3, 5]
    assert log.time is not None
    assert log.time.tolist() == [3, 3, 9, 0, 1]
    assert (found["unsorted"].count, found["unsorted"].words) == (3, "sorted by time")
    assert found["unsorted"].where == "rows 2, 3, 4 (the first is 0)"


def test_a_row_without_time_goes_with_the_one_before_it() -> None:
    log, found = checked(
        {"student": "a", "question": list("1234"), "correct": 1, "time": [np.nan, 8, np.nan, 2]}
    )
    assert [log.questions[i] for i in log.question] == ["1", "4", "2", "3"]
    assert found["unknown time"].count == 2
    assert log.time is not None
    np.testing.assert_array_equal(log.time, [np.nan, 2, 8, np.nan])


BACK = {"student": "a", "question": list("1234"), "correct": 1, "order": [4, 1, 2, 3], "time": [7, 1, 6, 5]}


@pytest.mark.parametrize(
    ("choice", "questions", "times"),
    [("order", "2341", [1, 6, 6, 7]), ("time", "2431", [1, 5, 6, 7])],
)
def test_time_that_runs_backwards_is_named_and_decided(
    choice: str, questions: str, times: list[float]
) -> None:
    log, found = checked(BACK, backwards=choice)
    assert "".join(log.questions[i] for i in log.question) == questions
    assert log.time is not None
    assert log.time.tolist() == times
    assert (found["time runs backwards"].count, found["time runs backwards"].where) == (
        1,
        "row 3 (the first is 0)",
    )
    assert found["unsorted"].words == "sorted by order"


def test_time_that_runs_backwards_can_be_refused() -> None:
    with pytest.raises(DataError, match=r"backwards\n.*row 3 \(the first is 0\)"):
        checked(BACK, backwards="refuse")
    log, found = checked(BACK | {"time": [7, 1, 5, 6]}, backwards="refuse")
    assert (log.steps, found["time runs backwards"].count) == (4, 0)


TWICE = {"student": "a", "question": list("1121"), "correct": [1, 1, 1, 0], "time": 5}


def test_duplicates_are_told_and_left_out_only_where_asked() -> None:
    log, found = checked(TWICE)
    assert (log.steps, found["duplicates"]) == (4, Remark("duplicates", 1, "kept", "row 1 (the first is 0)"))
    log, found = checked(TWICE, duplicates="drop")
    assert ([log.questions[i] for i in log.question], found["duplicates"].count) == (["1", "2", "1"], 1)
    log, found = checked(TWICE | {"order": [1, 2, 3, 4]}, duplicates="drop")
    assert (log.steps, found["duplicates"].count) == (4, 0)
    log, found = checked({key: value for key, value in TWICE.items() if key != "time"}, duplicates="drop")
    assert (log.steps, found["duplicates"].count) == (4, 0)
    assert "not looked for" in found["duplicates"].words
    log, found = checked(TWICE | {"time": np.nan}, duplicates="drop")
    assert log.steps == 4


def test_answers_outside_of_0_and_1_are_named() -> None:
    with pytest.raises(DataError, match=r"rows 1, 2 .*: 2\n"):
        checked({"student": "a", "correct": [1, 2, -1]})
    log, found = checked({"student": "a", "correct": [1, 0.25, 0.5]})
    assert log.correct.tolist() == [1, 0.25, 0.5]
    assert found["partial credit"].count == 2
    with pytest.raises(DataError, match=r"0 or 1\n.*rows 1, 2 .*: 0.25\n.*accept"):
        checked({"student": "a", "correct": [1, 0.25, 0.5]}, partial="refuse")


def test_missing_answers_are_refused_or_left_out() -> None:
    frame = {"student": list("abc"), "correct": [1, None, 0]}
    with pytest.raises(DataError, match=r"row 1 \(the first is 0\)\n.*missing='drop'"):
        checked(frame)
    log, found = checked(frame, missing="drop")
    assert (log.students, found["missing answer"].count) == (("a", "c"), 1)
    with pytest.raises(DataError, match="only missing ones"):
        checked({"student": "a", "correct": [np.nan, np.nan]}, missing="drop")


def test_a_missing_student_or_place_is_an_error() -> None:
    with pytest.raises(DataError, match=r"a student's\n.*rows 0, 2 "):
        checked({"student": [None, "a", ""], "correct": 1})
    with pytest.raises(DataError, match=r"place in the order\n.*row 1 "):
        checked({"student": "a", "correct": 1, "order": [1, None, 3]})


def test_steps_without_question_or_concepts_are_kept_and_named() -> None:
    log, found = checked(
        {"student": "a", "correct": 1, "question": ["q", None, "r"], "skill": ["x", "y", None]}
    )
    assert log.question.tolist() == [0, -1, 1]
    assert [log.concept_sets[i].tolist() for i in log.sets] == [[0], [1], []]
    assert log.concepts == ("x", "y")
    assert (found["no question"].where, found["no concepts"].where) == tuple(
        f"row {i} (the first is 0)" for i in (1, 2)
    )


def test_repeats_that_do_not_fit_are_named() -> None:
    rows = Rows(
        Names.of(["a", "a", "b"]),
        Names.of(["q", "q", "q"]),
        Names.of([("x",), ("y",), ("y",)]),
        np.ones(3),
        Places.numbered("t", 3),
        repeat=np.array([False, True, False]),
        in_line=True,
    )
    assert len(check_rows(rows)[0]) == 3
    wrong = Rows(**{**vars(rows), "repeat": np.array([False, False, True])})
    with pytest.raises(DataError, match="marked as a repeat"):
        check_rows(wrong)


def test_choices_are_checked() -> None:
    for name in ("partial", "missing", "duplicates", "backwards"):
        with pytest.raises(ConfigError, match=f"'{name}' must be one of"):
            Choices(**{name: "perhaps"})
