"""A matrix of answers: one student a line, one question a column, in the order of the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError
from umbel.families.tracing.source.rows import Names, Places, Rows
from umbel.families.tracing.source.texts import existing, lines_of_text, stem

__all__ = ["Truth", "read_matrix", "read_truth"]


def read_matrix(path: Path, *, concepts: Sequence[str] | None = None) -> Rows:
    """Answers of a file without header, students times questions, cells 0 or 1.

    Students are called by the file and the number of their line, questions by that of their column, both from
    1. An empty cell is a question that was not put.

    :param concepts: the concept of each column, [Q]; None where they are unknown: all sets are then empty.
    :raises DataError: lines of different width, a cell that is no number (its line and column are named), or
        another number of concepts.

    Source: the simulated students with Piech et al. 2015.
    """
    rows: list[list[float]] = []
    lines: list[int] = []
    for number, line in enumerate(lines_of_text(path), 1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.strip().split(",")]
        if rows and len(cells) != len(rows[0]):
            raise DataError(
                "the lines of a matrix have one cell a question",
                found=f"{path.name}, line {number}: {len(cells)} cells, the first has {len(rows[0])}",
                remedy="mend the line",
            )
        rows.append([_number(path, number, i, cell) for i, cell in enumerate(cells)])
        lines.append(number)
    values = np.array(rows, dtype=np.float64).reshape(len(rows), len(rows[0]) if rows else 0)
    width = values.shape[1]
    if concepts is not None and len(concepts) != width:
        raise DataError(
            "each question of a matrix has one concept",
            found=f"{len(concepts)} concepts, {path.name} has {width} columns",
            remedy="give one a column",
        )
    sets: list[tuple[str, ...]] = [()] * width if concepts is None else [(str(one),) for one in concepts]
    student, column = np.nonzero(~np.isnan(values))
    line_of = np.array(lines, dtype=np.int64)
    levels = tuple(dict.fromkeys(sets))
    return Rows(
        student=Names(student.astype(np.int64), tuple(f"{stem(path)} {one}" for one in lines)),
        question=Names(column.astype(np.int64), tuple(str(i + 1) for i in range(width))),
        concepts=Names(np.array([levels.index(one) for one in sets], dtype=np.int64)[column], levels),
        correct=values[student, column],
        places=Places((path.name,), np.zeros(len(column), np.int64), line_of[student], column + 1),
        in_line=True,
    )


@dataclass(frozen=True)
class Truth:
    """What the simulated students of the paper on deep knowledge tracing were made from.

    :param concept: of each question, [Q].
    :param difficulty: of each question, [Q].
    """

    concept: NDArray[np.int64]
    difficulty: NDArray[np.float64]


def read_truth(path: str | Path) -> Truth:
    """The info file beside such a matrix: its last two columns are concept and difficulty, a question a line.

    :raises DataError: there is no such file, or a line does not end with two numbers (it is named).
    """
    found = existing(path)
    concept, difficulty = [], []
    for number, line in enumerate(lines_of_text(found), 1):
        cells = line.replace("\t", ",").split(",")
        if not line.strip():
            continue
        try:
            concept.append(int(cells[-2]))
            difficulty.append(float(cells[-1]))
        except (ValueError, IndexError):
            raise DataError(
                "a line of truth ends with the number of the concept and the difficulty",
                found=f"{found.name}, line {number}: {line!r}",
                remedy="give the info file that lies beside the matrix",
            ) from None
    return Truth(np.array(concept, dtype=np.int64), np.array(difficulty))


def _number(path: Path, line: int, column: int, cell: str) -> float:
    try:
        return float(cell or "nan")
    except ValueError:
        raise DataError(
            "a matrix of answers holds numbers",
            found=f"{path.name}, line {line}, cell {column + 1}: {cell!r}",
            remedy="mend the cell; the file has no header",
        ) from None
