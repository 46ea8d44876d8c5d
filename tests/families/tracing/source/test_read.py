from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shared_data import shared_data
from umbel.errors import ConfigError, DataError
from umbel.families.tracing.source.audit import audit_log, find_expanded, refuse_leaks
from umbel.families.tracing.source.check import Choices
from umbel.families.tracing.source.merge import expand, merge
from umbel.families.tracing.source.read import read_log
from umbel.families.tracing.source.simulate import simulate
from umbel.families.tracing.source.split import split_folds, split_students

FRAME = pd.DataFrame(
    {
        "student": list("aaabbc"),
        "question": ["q", "q", "r", "q", "r", "r"],
        "skill": ["x", "y", "x", "x", None, "x"],
        "correct": [1, 1, 0, 1, 1, 0],
    }
)


def test_a_question_is_one_step_and_the_report_says_so() -> None:
    found = read_log(FRAME)
    assert [found.log.concept_sets[i].tolist() for i in found.log.sets] == [[0, 1], [0], [0], [], [0]]
    assert (
        found.report.words == "table (table): 6 rows became 5 steps of 3 students; 2 questions, 2 concepts."
    )
    assert found.report.count("expanded rows") == 1
    told = found.report.remark("expanded rows")
    assert told is not None
    assert told.where == "row 1 (the first is 0)"
    assert found.report.count("no concepts") == 1
    assert found.report.count("students with one answer") == 1
    section = found.report.section()
    assert section.text[0] == found.report.words
    lines = {row[0]: row[1:] for row in section.tables[0].rows}
    assert lines["students with one answer"] == ["1", "kept", "c"]
    assert lines["missing answer"] == ["", "none", ""]
    assert found.folds is None


def test_rows_left_apart_as_asked_are_caught_by_the_audit() -> None:
    made = simulate(students=20, steps=20)
    names = np.array(made.log.questions)[made.log.question]
    frame = pd.DataFrame({"student": made.log.student, "question": names, "correct": made.log.correct})
    frame["skill"] = "x"
    leaky = pd.concat([frame, frame.assign(skill="y")]).sort_index(kind="stable")
    apart = read_log(leaky, merge=False)
    assert apart.log.steps == 800
    assert "the log leaks" in apart.report.section().tables[0].rows[-2][2]
    with pytest.raises(DataError, match="one step"):
        refuse_leaks(audit_log(apart.log))
    whole = read_log(leaky)
    assert whole.log.steps == 400
    refuse_leaks(audit_log(whole.log))


def test_files_are_one_log(tmp_path: Path) -> None:
    FRAME.iloc[:2].to_csv(tmp_path / "one.csv", index=False)
    FRAME.iloc[2:].to_parquet(tmp_path / "two.parquet")
    found = read_log([tmp_path / "one.csv", tmp_path / "two.parquet"])
    assert found.log.lengths.tolist() == [2, 2, 1]
    assert found.report.files == ("one.csv", "two.parquet")
    told = found.report.remark("no concepts")
    assert told is not None
    assert told.where == "two.parquet, row 2 (the first is 0)"


def test_choices_reach_the_rows() -> None:
    frame = FRAME.assign(correct=[1, 1, 0.5, None, 1, 0])
    with pytest.raises(DataError, match="row 3"):
        read_log(frame)
    found = read_log(frame, choices=Choices(missing="drop"))
    assert (found.log.steps, found.report.rows, found.report.count("missing answer")) == (4, 6, 1)
    with pytest.raises(DataError, match="row 2"):
        read_log(frame, choices=Choices(missing="drop", partial="refuse"))


def test_folds_and_repeats_of_pykt(tmp_path: Path) -> None:
    head = "fold,uid,questions,concepts,responses,is_repeat\n"
    (tmp_path / "train.csv").write_text(head + '1,a,"5,5","1,2","1,1","0,1"\n0,b,"5","1","0","0"\n')
    (tmp_path / "test.csv").write_text(head + '-1,c,"6,6","1,1","1,1","0,0"\n')
    found = read_log([tmp_path / "train.csv", tmp_path / "test.csv"])
    assert found.report.format == "pykt"
    assert found.log.lengths.tolist() == [1, 1, 2]
    assert found.folds is not None
    assert found.folds.tolist() == [1, 0, -1]
    parts = split_folds(found.log, found.folds)
    assert [part.students for part in parts] == [("a",), ("b",), ("c",)]
    (tmp_path / "test.csv").write_text(head + '-1,c,"6","1","1","0"\n-1,a,"6","1","1","0"\n')
    with pytest.raises(DataError, match=r"student 'a', test\.csv, line 3, answer 1"):
        read_log([tmp_path / "train.csv", tmp_path / "test.csv"])


def test_marks_of_repeats_serve_where_no_question_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text('fold,uid,concepts,responses,is_repeat\n0,a,"1,2,2","1,1,1","0,1,0"\n')
    found = read_log(path)
    assert [found.log.concept_sets[i].tolist() for i in found.log.sets] == [[0, 1], [1]]
    path.write_text('fold,uid,concepts,responses\n0,a,"1,2","1,1"\n')
    told = read_log(path).report.remark("expanded rows")
    assert told is not None
    assert told.words == "not looked for: no row names its question"


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("1,a\n5\n6\n1\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "log.txt").write_text("1,b\n5\n6\n1\n")
    (tmp_path / "log.csv").write_text("student,skill,correct\na,x,1\n")
    with pytest.raises(ConfigError, match="'separator' with the format 'blocks'"):
        read_log(tmp_path / "log.txt", separator=";")
    with pytest.raises(ConfigError, match="did you mean 'pykt'"):
        read_log(tmp_path / "log.csv", format="pyk")
    with pytest.raises(DataError, match="one format"):
        read_log([tmp_path / "log.txt", tmp_path / "log.csv"])
    with pytest.raises(DataError, match="have different names"):
        read_log([tmp_path / "log.txt", tmp_path / "more" / "log.txt"])
    with pytest.raises(DataError, match="is read from files"):
        read_log(FRAME, format="blocks")
    with pytest.raises(DataError, match="at least one file"):
        read_log([])
    with pytest.raises(DataError, match=r"did you mean 'log\.csv'"):
        read_log(tmp_path / "lag.csv")
    assert read_log(tmp_path / "log.txt").log.students == ("a",)


def test_assistments_2009_has_274590_steps() -> None:
    names = [
        f"tracing/akt__assist2009_pid__assist2009_pid_{part}1.csv.xz" for part in ("train", "valid", "test")
    ]
    found = read_log([shared_data(name) for name in names])
    log, report = found.log, found.report
    assert (len(log), report.rows, log.steps) == (4151, 325_637, 274_590)
    assert report.count("expanded rows") == 51_047
    assert (len(log.questions), len(log.concepts)) == (16_891, 110)
    assert int(np.median(log.lengths)) <= 23
    assert find_expanded(log).severity == "passed"
    leaky = expand(log)
    assert leaky.steps == 325_637
    assert find_expanded(leaky).severity == "leak"
    assert merge(leaky).count == 51_047
    assert [len(part) for part in split_students(log)] == [2657, 664, 830]
