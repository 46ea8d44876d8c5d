"""EdNet-KT1 folders: one CSV file a user, and a file of questions."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError, near
from umbel.families.tracing.source.rows import Names, Places, Rows, numbered
from umbel.families.tracing.source.texts import cells_of, existing

__all__ = ["is_ednet", "read_ednet"]

QUESTIONS = ("contents/questions.csv", "questions.csv")
USER = re.compile(r"(u\d+)\.csv")
UNIT = 1e-3
"""Seconds of EdNet's unit of time."""
COLUMNS = ("timestamp", "solving_id", "question_id", "user_answer", "elapsed_time")
JOINS = ";"


def is_ednet(folder: Path) -> bool:
    """Whether a folder, or one folder in it, holds files of users."""
    return folder.is_dir() and bool(_users(folder))


def read_ednet(folder: Path, *, questions: str | Path | None = None, most: int | None = None) -> Rows:
    """Answers of all users of a folder; tags of a question are its concepts.

    An answer is correct where ``user_answer`` is the question's ``correct_answer``. Answers are in order of
    time; ``elapsed_time`` becomes the label ``seconds``.

    :param folder: it holds ``u1.csv``, ``u2.csv``, ..., itself or in one folder.
    :param questions: the file with question_id, correct_answer, tags; None to find it as
        ``contents/questions.csv`` in the folder or beside it.
    :param most: read the users with the smallest numbers only, so many.
    :raises DataError: no file of users or questions, a column is absent, or a question is not in the file of
        questions (the file and row are named).

    Source: Choi et al. 2020 (EdNet).
    """
    users = _users(folder)
    if not users:
        raise DataError(
            "an EdNet folder holds one file a user",
            found=f"no u1.csv, u2.csv, ... in {folder}",
            remedy="give the folder KT1, or the one that holds it",
        )
    right, tags = _questions(folder, questions)
    chosen = users[:most]
    asked: list[str] = []
    correct: list[float] = []
    time: list[str] = []
    used: list[str] = []
    counts: list[int] = []
    for file in chosen:
        before = len(asked)
        lines = cells_of(file)
        place = _places(file, next(lines, (0, []))[1])
        for row, (_, cells) in enumerate(lines):
            try:
                when, _, question, answer, elapsed = (cells[i] for i in place)
                correct.append(float(answer == right[question]) if answer else np.nan)
            except KeyError:
                raise DataError(
                    "each answered question stands in the file of questions",
                    found=f"{file.name}, row {row} (the first is 0): '{question}'",
                    remedy=near(question, right),
                ) from None
            except IndexError:
                raise DataError(
                    "each line has one cell per column",
                    found=f"{file.name}, row {row} (the first is 0): {len(cells)} cells",
                    remedy="mend the line",
                ) from None
            asked.append(question)
            time.append(when)
            used.append(elapsed)
        counts.append(len(asked) - before)
    user, row_of = numbered(counts)
    places = Places(tuple(file.name for file in chosen), user, row_of)
    left = len(users) - len(chosen)
    return Rows(
        student=Names(user, tuple(file.name.removesuffix(".csv") for file in chosen)),
        question=Names.of(asked),
        concepts=Names.of(tags[one] for one in asked),
        correct=np.array(correct, dtype=np.float64),
        places=places,
        time=_numbers("timestamp", time, places) * UNIT,
        labels={"seconds": _numbers("elapsed_time", used, places) * UNIT},
        notes=(f"{left:,} users of the folder were not read, as asked.",) if left else (),
    )


def _users(folder: Path) -> list[Path]:
    """Files of users by number, in the folder or in the first folder of it that has some."""
    for place in (folder, *sorted(one for one in folder.iterdir() if one.is_dir())):
        found = [one for one in place.iterdir() if USER.fullmatch(one.name)]
        if found:
            return sorted(found, key=lambda one: int(one.name[1:-4]))
    return []


def _questions(folder: Path, given: str | Path | None) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Right answer and tags of each question."""
    tried = [base / name for base in (folder, folder.parent) for name in QUESTIONS]
    path = existing(given) if given is not None else next((one for one in tried if one.is_file()), None)
    if path is None:
        raise DataError(
            "an EdNet folder has a file of questions",
            found=f"none of {', '.join(map(str, tried))}",
            remedy="give its path as questions=",
        )
    lines = cells_of(path)
    header = next(lines, (0, []))[1]
    place = [_place(path, header, name) for name in ("question_id", "correct_answer", "tags")]
    right: dict[str, str] = {}
    tags: dict[str, tuple[str, ...]] = {}
    for number, cells in lines:
        if len(cells) != len(header):
            raise DataError(
                "each line has one cell per column",
                found=f"{path.name}, line {number}: {len(cells)} cells where there are {len(header)} columns",
                remedy="mend the line",
            )
        name, answer, joined = (cells[i] for i in place)
        right[name] = answer
        tags[name] = tuple(sorted({one for one in joined.split(JOINS) if one not in ("", "-1")}))
    return right, tags


def _places(path: Path, header: list[str]) -> list[int]:
    return [_place(path, header, name) for name in COLUMNS]


def _place(path: Path, header: list[str], name: str) -> int:
    if name not in header:
        raise DataError(
            f"the file must have a column '{name}'",
            found=f"{path.name}: {', '.join(header) or 'nothing'}",
            remedy="check that it is a file of EdNet-KT1",
        )
    return header.index(name)


def _numbers(name: str, cells: list[str], places: Places) -> NDArray[np.float64]:
    """Cells as numbers, NaN where one is empty."""
    try:
        return np.array([one or "nan" for one in cells]).astype(np.float64)
    except ValueError:
        for row, one in enumerate(cells):
            try:
                float(one or "nan")
            except ValueError:
                raise DataError(
                    f"'{name}' holds numbers only",
                    found=f"{places.named([row])}: {one!r}",
                    remedy="mend the cell, or leave it empty",
                ) from None
        raise
