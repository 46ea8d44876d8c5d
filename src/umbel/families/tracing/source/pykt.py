"""pyKT's files: one student a line, each column a list in one cell, padded with -1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError
from umbel.families.tracing.source.rows import Names, Places, Rows
from umbel.families.tracing.source.texts import cells_of

__all__ = ["read_pykt"]

LISTS = ("questions", "concepts", "responses", "timestamps", "usetimes", "selectmasks", "is_repeat", "cidxs")
"""Columns that hold a list."""
NUMBERS = ("responses", "timestamps", "usetimes", "is_repeat")
JOINS = "_"
"""Between the concepts of one question."""
PAD = "-1"

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def read_pykt(path: Path, *, time_unit: float = 1e-3) -> Rows:
    """Answers of a file with the header ``fold,uid,concepts,responses`` and pyKT's further columns.

    -1 pads the lists; of concepts, it is a question without any. Where there are select masks, only the
    answers marked 1 are read: in files of overlapping windows each answer is so marked once. A student may
    stand in several lines, in their order. ``is_repeat`` marks the rows that are the row before them with
    another concept. ``timestamps`` become the time, ``usetimes`` the label ``seconds`` (-1 is unknown).

    :param time_unit: seconds that one unit of ``timestamps`` and ``usetimes`` is.
    :returns: rows with the number of their fold; -1 is pyKT's test part.
    :raises DataError: a column is absent, lists of a line differ in length (the line is named), or a cell is
        no number.

    Source: the format of Liu et al. 2022 (pyKT).
    """
    lines = cells_of(path)
    header = [name.strip() for name in next(lines, (0, []))[1]]
    there = _lists_of(path, header)
    found: dict[str, list[str]] = {name: [] for name in there}
    uid: list[str] = []
    fold: list[int] = []
    line: list[int] = []
    spot: list[int] = []
    masked = 0
    for number, cells in lines:
        if len(cells) != len(header):
            raise _broken(path, number, f"{len(cells)} cells where there are {len(header)} columns")
        cell = dict(zip(header, cells, strict=True))
        lists = {name: [one.strip() for one in cell[name].split(",")] for name in there}
        sizes = {name: len(values) for name, values in lists.items()}
        if len(set(sizes.values())) > 1:
            raise _broken(path, number, ", ".join(f"{name}: {size}" for name, size in sizes.items()))
        kept, hidden = _kept(lists)
        masked += hidden
        for name in there:
            found[name] += [lists[name][i] for i in kept]
        uid += [cell["uid"].strip()] * len(kept)
        fold += [_fold(path, number, cell["fold"])] * len(kept)
        line += [number] * len(kept)
        spot += [i + 1 for i in kept]
    numbers = {name: _numbers(path, name, found[name], line) for name in NUMBERS if name in there}
    repeat, used = numbers.get("is_repeat"), numbers.get("usetimes")
    nothing = [""] * len(line)
    return Rows(
        student=Names.of(one or None for one in uid),
        question=Names.of(None if one in ("", PAD) else one for one in found.get("questions", nothing)),
        concepts=Names.of(_concepts(one) for one in found.get("concepts", nothing)),
        correct=numbers["responses"],
        places=Places((path.name,), np.zeros(len(line), np.int64), _whole(line), _whole(spot)),
        time=numbers["timestamps"] * time_unit if "timestamps" in numbers else None,
        labels={} if used is None else {"seconds": np.where(used < 0, np.nan, used * time_unit)},
        repeat=None if repeat is None else repeat == 1,
        fold=_whole(fold),
        in_line=True,
        notes=(f"{masked:,} places that the masks leave out are repeated context.",) if masked else (),
    )


def _lists_of(path: Path, header: list[str]) -> list[str]:
    """The columns of lists that are there."""
    there = [name for name in LISTS if name in header]
    wanted = {"fold", "uid", "responses"} <= set(header) and {"concepts", "questions"} & set(header)
    if not wanted:
        raise DataError(
            "a file of pyKT has the columns fold, uid, responses, and concepts or questions",
            found=f"{path.name}: {', '.join(header) or 'nothing'}",
            remedy="read it with format='table' and name its columns, or check the file",
        )
    return there


def _kept(lists: dict[str, list[str]]) -> tuple[list[int], int]:
    """Places of a line that are answers, and how many more its masks leave out."""
    answers, masks = lists["responses"], lists.get("selectmasks")
    if len(answers) == 1 and not answers[0]:  # an empty cell: a student without answers
        return [], 0
    real = [i for i, one in enumerate(answers) if one != PAD]
    kept = real if masks is None else [i for i in real if masks[i] == "1"]
    return kept, len(real) - len(kept)


def _concepts(cell: str) -> tuple[str, ...]:
    return tuple(sorted({one for one in cell.split(JOINS) if one not in ("", PAD)}))


def _whole(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _fold(path: Path, number: int, cell: str) -> int:
    try:
        return int(cell)
    except ValueError:
        raise _broken(path, number, f"the fold {cell!r} is no whole number") from None


def _numbers(path: Path, name: str, cells: list[str], line: list[int]) -> Floats:
    """A list's cells as numbers, NaN where one is empty."""
    try:
        return np.array([one or "nan" for one in cells]).astype(np.float64)
    except ValueError:
        for one, number in zip(cells, line, strict=True):
            try:
                float(one or "nan")
            except ValueError:
                raise _broken(path, number, f"{one!r} in '{name}' is no number") from None
        raise


def _broken(path: Path, number: int, found: str) -> DataError:
    return DataError(
        "each line of a pyKT file has one cell a column, and lists of one length",
        found=f"{path.name}, line {number}: {found}",
        remedy="mend the line, or write the file again",
    )
