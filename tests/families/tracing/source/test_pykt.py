from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from umbel.errors import DataError
from umbel.families.tracing.source.pykt import read_pykt


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_lists_padding_times_and_repeats(tmp_path: Path) -> None:
    path = write(
        tmp_path / "log.csv",
        "fold,uid,questions,concepts,responses,timestamps,usetimes,selectmasks,is_repeat",
        '2,9,"5,5,6,-1","1,2,3_1,-1","1,1,0,-1","1000,1000,2500,-1","700,700,-1,-1","1,1,1,-1","0,1,0,-1"',
        '-1,4,"-1,7","-1,1","1,0","0,9","1,2","1,1","0,0"',
    )
    rows = read_pykt(path)
    assert [rows.student.levels[i] for i in rows.student.codes] == ["9", "9", "9", "4", "4"]
    assert [rows.question.levels[i] if i >= 0 else None for i in rows.question.codes] == [
        "5",
        "5",
        "6",
        None,
        "7",
    ]
    assert [rows.concepts.levels[i] for i in rows.concepts.codes] == [("1",), ("2",), ("1", "3"), (), ("1",)]
    assert rows.correct.tolist() == [1, 1, 0, 1, 0]
    assert rows.time is not None
    np.testing.assert_allclose(rows.time, [1, 1, 2.5, 0, 0.009])
    np.testing.assert_allclose(rows.labels["seconds"], [0.7, 0.7, np.nan, 0.001, 0.002])
    assert rows.fold is not None
    assert rows.fold.tolist() == [2, 2, 2, -1, -1]
    assert rows.repeat is not None
    assert rows.repeat.tolist() == [False, True, False, False, False]
    assert rows.places.named([2, 4]) == "line 2, answer 3; line 3, answer 2 (the first is 1)"


def test_windows_give_each_answer_once(tmp_path: Path) -> None:
    path = write(
        tmp_path / "windows.csv",
        "fold,uid,concepts,responses,selectmasks",
        '-1,a,"1,2,3","0,1,0","1,1,1"',
        '-1,a,"2,3,4","1,0,1","-1,-1,1"',
        '-1,b,"8,-1,-1","1,-1,-1","1,-1,-1"',
    )
    rows = read_pykt(path)
    assert [rows.concepts.levels[i][0] for i in rows.concepts.codes] == ["1", "2", "3", "4", "8"]
    assert rows.correct.tolist() == [0, 1, 0, 1, 1]
    assert rows.notes == ("2 places that the masks leave out are repeated context.",)


def test_a_student_without_answers_is_none(tmp_path: Path) -> None:
    rows = read_pykt(write(tmp_path / "log.csv", "fold,uid,concepts,responses", '0,a,"",""', '0,b,"1","1"'))
    assert (len(rows), rows.student.levels) == (1, ("b",))


@pytest.mark.parametrize(
    ("head", "line", "message"),
    [
        ("uid,concepts,responses", 'a,"1","1"', "uid, concepts, responses"),
        ("fold,uid,responses", '0,a,"1"', "concepts or questions"),
        ("fold,uid,concepts,responses", '0,a,"1,2","1"', "line 2: concepts: 2, responses: 1"),
        ("fold,uid,concepts,responses", "0,a,1,2,1,1", "line 2: 6 cells where there are 4 columns"),
        ("fold,uid,concepts,responses", '0,a,"1,2","1,no"', "line 2: 'no' in 'responses' is no number"),
        ("fold,uid,concepts,responses", 'x,a,"1","1"', "line 2: the fold 'x' is no whole number"),
    ],
)
def test_broken_lines_are_named(tmp_path: Path, head: str, line: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_pykt(write(tmp_path / "log.csv", head, line))
