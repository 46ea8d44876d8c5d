from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from umbel.errors import DataError
from umbel.families.tracing.source.ednet import is_ednet, read_ednet
from umbel.families.tracing.source.read import read_log

HEAD = "timestamp,solving_id,question_id,user_answer,elapsed_time\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "KT1").mkdir()
    (tmp_path / "contents").mkdir()
    (tmp_path / "contents" / "questions.csv").write_text(
        "question_id,bundle_id,correct_answer,part,tags\nq1,b1,b,1,7;3;7\nq2,b1,a,1,-1\nq3,b2,d,2,3\n"
    )
    (tmp_path / "KT1" / "u10.csv").write_text(HEAD + "9000,1,q3,d,\n")
    (tmp_path / "KT1" / "u2.csv").write_text(HEAD + "5000,2,q2,c,4000\n1000,1,q1,b,2500\n")
    return tmp_path


def test_answers_are_held_against_the_questions(folder: Path) -> None:
    assert is_ednet(folder)
    rows = read_ednet(folder)
    assert [rows.student.levels[i] for i in rows.student.codes] == ["u2", "u2", "u10"]
    assert [rows.question.levels[i] for i in rows.question.codes] == ["q2", "q1", "q3"]
    assert [rows.concepts.levels[i] for i in rows.concepts.codes] == [(), ("3", "7"), ("3",)]
    assert rows.correct.tolist() == [0, 1, 1]
    assert rows.time is not None
    assert rows.time.tolist() == [5, 1, 9]
    np.testing.assert_array_equal(rows.labels["seconds"], [4, 2.5, np.nan])
    assert rows.places.named([1, 2]) == "u2.csv, row 1; u10.csv, row 0 (the first is 0)"


def test_the_log_is_in_order_of_time(folder: Path) -> None:
    found = read_log(folder)
    assert found.report.format == "ednet"
    assert [found.log.questions[i] for i in found.log.question] == ["q1", "q2", "q3"]
    assert found.report.count("unsorted") == 1


def test_some_users_only_and_another_file_of_questions(folder: Path) -> None:
    (folder / "contents" / "questions.csv").rename(folder / "asked.csv")
    with pytest.raises(DataError, match="a file of questions"):
        read_ednet(folder / "KT1")
    rows = read_ednet(folder / "KT1", questions=folder / "asked.csv", most=1)
    assert rows.student.levels == ("u2",)
    assert rows.notes == ("1 users of the folder were not read, as asked.",)


def test_what_is_broken_is_named(folder: Path) -> None:
    user = folder / "KT1" / "u2.csv"
    for text, message in (
        (HEAD + "1,1,q1,b,1\n2,2,q9,a,1\n", r"u2\.csv, row 1 \(the first is 0\): 'q9'"),
        (HEAD + "1,1,q1\n", r"u2\.csv, row 0 \(the first is 0\): 3 cells"),
        (HEAD + "soon,1,q1,b,1\n", r"u2\.csv, row 0 .*: 'soon'"),
        ("timestamp,question_id\n1,q1\n", "a column 'solving_id'"),
    ):
        user.write_text(text)
        with pytest.raises(DataError, match=message):
            read_ednet(folder)
    user.write_text(HEAD + "1,1,q1,,1\n")
    assert np.isnan(read_ednet(folder).correct[0])
    assert not is_ednet(folder / "contents")
    with pytest.raises(DataError, match=r"no u1\.csv"):
        read_ednet(folder / "contents")
