from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from umbel.errors import DataError
from umbel.families.tracing.source.blocks import read_blocks
from umbel.families.tracing.source.rows import Rows


def names(rows: Rows) -> list[tuple[str, str | None, tuple[str, ...], float]]:
    return [
        (
            rows.student.levels[s],
            rows.question.levels[q] if q >= 0 else None,
            rows.concepts.levels[c],
            float(y),
        )
        for s, q, c, y in zip(
            rows.student.codes, rows.question.codes, rows.concepts.codes, rows.correct, strict=True
        )
    ]


def test_four_lines_with_users_and_trailing_commas(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.xz"
    path.write_bytes(lzma.compress(b"0,anna\n7,7,9,\n1,2,1,\n1,1,0,\n\n1,ben\n9\n1\n0.5\n"))
    rows = read_blocks(path)
    assert names(rows) == [
        ("anna", "7", ("1",), 1.0),
        ("anna", "7", ("2",), 1.0),
        ("anna", "9", ("1",), 0.0),
        ("ben", "9", ("1",), 0.5),
    ]
    assert rows.places.named([2, 3]) == "line 4, answer 3; line 9, answer 1 (the first is 1)"
    assert rows.in_line


def test_three_lines_with_counts(tmp_path: Path) -> None:
    path = tmp_path / "builder.txt"
    path.write_text("3\n5,6,5\n0,1,1\n2\n6,6\n1,0\n")
    rows = read_blocks(path)
    assert names(rows)[2:4] == [("builder 1", None, ("5",), 1.0), ("builder 2", None, ("6",), 1.0)]
    asked = read_blocks(path, middle="questions")
    assert names(asked)[0] == ("builder 1", "5", (), 0.0)


def test_an_empty_answer_is_a_missing_one(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("0,a\n5,6\n7,8\n,1\n")
    assert str(read_blocks(path, lines=4).correct.tolist()) == "[nan, 1.0]"


@pytest.mark.parametrize(
    ("text", "lines", "message"),
    [
        ("0,a\n1,2\n1,2\n1,1\n1,b\n", None, "neither fits its 5 lines"),
        ("0,a\n1,2\n1,2\n1,1\n1,b\n", 4, "log.txt: 5 lines"),
        ("0,a\n1,2\n1,2,3\n1,1\n", 4, "line 3: 3 cells, line 4 has 2"),
        ("0,a\n1,\n1,,2\n1,1,0\n", 4, "line 2: 1 cells, line 4 has 3"),
        ("0,a\n1,2,3\n1,,2\n1,1,0\n", 4, "line 3: cell 2 is empty"),
        ("5\n1,2\n1,0\n", 3, "line 1: '5', and 2 answers"),
        ("2\n1,2\n1,yes\n", 3, "line 3: could not convert string to float: 'yes'"),
        ("1\n" * 12, None, "both would fit"),
    ],
)
def test_blocks_that_do_not_fit_are_named(tmp_path: Path, text: str, lines: int | None, message: str) -> None:
    path = tmp_path / "log.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_blocks(path, lines=lines)
