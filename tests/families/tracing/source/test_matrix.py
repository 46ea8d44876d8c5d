from __future__ import annotations

from pathlib import Path

import pytest

from umbel.errors import DataError
from umbel.families.tracing.source.matrix import read_matrix, read_truth


def test_columns_are_questions_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "class.csv"
    path.write_text("0,1,1\n1,,0\n")
    rows = read_matrix(path)
    assert [rows.student.levels[i] for i in rows.student.codes] == ["class 1"] * 3 + ["class 2"] * 2
    assert [rows.question.levels[i] for i in rows.question.codes] == ["1", "2", "3", "1", "3"]
    assert rows.correct.tolist() == [0, 1, 1, 1, 0]
    assert rows.concepts.levels == ((),)
    assert rows.places.named([4]) == "line 2, answer 3 (the first is 1)"
    told = read_matrix(path, concepts=["add", "divide", "add"])
    assert [told.concepts.levels[i][0] for i in told.concepts.codes] == ["add", "divide", "add", "add", "add"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("0,1\n1\n", "line 2: 1 cells, the first has 2"), ("q1,q2\n0,1\n", "line 1, cell 1: 'q1'")],
)
def test_broken_lines_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "class.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_matrix(tmp_path / "class.csv")


def test_each_question_has_one_concept(tmp_path: Path) -> None:
    (tmp_path / "class.csv").write_text("0,1\n")
    with pytest.raises(DataError, match=r"1 concepts, .* 2 columns"):
        read_matrix(tmp_path / "class.csv", concepts=["a"])


def test_the_truth_behind_a_matrix(tmp_path: Path) -> None:
    path = tmp_path / "info.txt"
    path.write_text("0.4\t0.5\t3\t1.6\n0.4,0.5,0,-0.5\n")
    truth = read_truth(path)
    assert truth.concept.tolist() == [3, 0]
    assert truth.difficulty.tolist() == [1.6, -0.5]
    path.write_text("0.4\t0.5\t3\t1.6\nconcept\n")
    with pytest.raises(DataError, match="line 2: 'concept'"):
        read_truth(path)
