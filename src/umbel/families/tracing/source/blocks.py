"""ASSISTments block files: three or four lines a student."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np

from umbel.errors import DataError
from umbel.families.tracing.source.rows import Names, Places, Rows, numbered
from umbel.families.tracing.source.texts import lines_of_text, stem

__all__ = ["read_blocks"]

Line = list[str]


def read_blocks(
    path: Path, *, lines: Literal[3, 4] | None = None, middle: Literal["concepts", "questions"] = "concepts"
) -> Rows:
    """Answers of a block file, .xz and .gz too.

    A block of four lines is: ``seqno,user`` or the number of answers; questions; concepts, one each; answers.
    A block of three lines has one line of numbers in the middle. A line may carry a trailing comma. A student
    whose block has no name is called by the file and the number of the block.

    :param lines: 3 or 4; None to see it from the file.
    :param middle: what the middle line of three holds.
    :raises DataError: the lines of a block do not fit each other (the line is named), or the number of lines
        cannot be told.

    Source: the layout of the files with Ghosh et al. 2020 (AKT) and of Zhang et al. 2017 (DKVMN).
    """
    filled = [(number, _cells(line)) for number, line in enumerate(lines_of_text(path), 1) if line.strip()]
    height = _height(path, [cells for _, cells in filled]) if lines is None else lines
    if not filled or len(filled) % height:
        raise DataError(
            f"a block file has {height} lines a student",
            found=f"{path.name}: {len(filled)} lines",
            remedy="fetch the file again, or give lines=3 or lines=4",
        )
    blocks = [filled[i : i + height] for i in range(0, len(filled), height)]
    counts = [len(block[-1][1]) for block in blocks]
    students = [_student(path, i, block) for i, block in enumerate(blocks)]
    for block in blocks:
        _check(path, block)
    row, spot = numbered(counts)
    empty = [None] * len(row)
    ids = [list(chain.from_iterable(block[i][1] for block in blocks)) for i in range(1, height)]
    has_questions, has_concepts = height == 4 or middle == "questions", height == 4 or middle == "concepts"
    return Rows(
        student=Names(Names.of(students).codes[row], tuple(dict.fromkeys(students))),
        question=Names.of(ids[0] if has_questions else empty),
        concepts=Names.of((one,) for one in ids[-2]) if has_concepts else Names.of(() for _ in row),
        correct=_numbers(path, blocks),
        places=Places(
            (path.name,),
            np.zeros(len(row), dtype=np.int64),
            np.array([block[-1][0] for block in blocks], dtype=np.int64)[row],
            spot + 1,
        ),
        in_line=True,
    )


def _cells(line: str) -> Line:
    return [cell.strip() for cell in line.strip().removesuffix(",").split(",")]


def _height(path: Path, lines: list[Line]) -> Literal[3, 4]:
    """3 or 4, whichever fits every block."""
    fits: list[Literal[3, 4]] = [height for height in (4, 3) if _fits(lines, height)]
    if len(fits) == 1:
        return fits[0]
    raise DataError(
        "a block file has three or four lines a student: a head, then lines of as many cells as answers",
        found=f"{path.name}: {'both would fit' if fits else 'neither fits'} its {len(lines)} lines",
        remedy="give lines=3 or lines=4" + ("" if fits else ", to be told the first line that does not fit"),
    )


def _fits(lines: list[Line], height: Literal[3, 4]) -> bool:
    if len(lines) % height:
        return False
    for i in range(0, len(lines), height):
        head, *ids, answers = lines[i : i + height]
        if len(head) > 2 or any(len(line) != len(answers) for line in ids):
            return False
        if len(head) == 1 and head[0] != str(len(answers)):
            return False
    return True


def _student(path: Path, place: int, block: list[tuple[int, Line]]) -> str:
    number, head = block[0]
    if len(head) == 2 and head[1]:
        return head[1]
    if len(head) == 1 and head[0] == str(len(block[-1][1])):
        return f"{stem(path)} {place + 1}"
    raise DataError(
        "a block begins with 'seqno,user', or with the number of its answers",
        found=f"{path.name}, line {number}: {','.join(head)!r}, and {len(block[-1][1])} answers",
        remedy="mend the line, or give lines=3 or lines=4",
    )


def _check(path: Path, block: list[tuple[int, Line]]) -> None:
    count = len(block[-1][1])
    for number, cells in block[1:]:
        if len(cells) != count:
            raise DataError(
                "the lines of a block have one cell an answer",
                found=f"{path.name}, line {number}: {len(cells)} cells, line {block[-1][0]} has {count}",
                remedy="mend the line",
            )
        if "" in cells and number != block[-1][0]:  # an empty answer is a missing one, told of with the rows
            raise DataError(
                "each answer of a block names its question and concept",
                found=f"{path.name}, line {number}: cell {cells.index('') + 1} is empty",
                remedy="mend the line",
            )


def _numbers(
    path: Path, blocks: list[list[tuple[int, Line]]]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """All answers, NaN where a cell is empty."""
    found: list[float] = []
    for block in blocks:
        number, cells = block[-1]
        try:
            found += [float(cell or "nan") for cell in cells]
        except ValueError as error:
            raise DataError(
                "answers are numbers in [0, 1]",
                found=f"{path.name}, line {number}: {error}",
                remedy="mend the line, or give lines=3 or lines=4",
            ) from None
    return np.array(found, dtype=np.float64)
