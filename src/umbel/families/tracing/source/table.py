"""Tables of answers: one row an answer, columns by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import LISTS, as_category, as_days, as_number, is_listed, label
from umbel.data.read import read_table, take_column
from umbel.errors import ConfigError, DataError, near
from umbel.families.tracing.source.rows import Names, Places, Rows

__all__ = ["ROLES", "Columns", "find_columns", "read_answers"]

ROLES: dict[str, tuple[str, ...]] = {
    "student": ("student", "student_id", "user", "user_id", "uid", "learner", "Anon Student Id"),
    "question": ("question", "question_id", "problem", "problem_id", "item", "item_id", "exercise"),
    "concepts": ("concepts", "concept", "skills", "skill", "skill_name", "skill_id", "kc", "tags"),
    "correct": ("correct", "is_correct", "answered_correctly", "response", "responses"),
    "time": ("time", "timestamp", "date", "start_time"),
    "order": ("order", "order_id"),
    "duration": ("duration", "elapsed_time"),
}
"""What a column may be, and the names under which it is found where none is given."""
NEEDED = ("student", "correct")
HINTS = (";", "~~", "|", ",", "_")
"""Separators that a user may have forgotten to name."""
DAY = 86_400.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Columns:
    """Which column of a table is what.

    :param student, correct: always there.
    :param question, concepts: at least one of them.
    :param time: numbers or dates.
    :param order: numbers; a student's rows are put into their order, before time.
    :param duration: how long an answer took; it becomes the label ``seconds``.
    :param labels: further columns of numbers.
    """

    student: str
    correct: str
    question: str | None = None
    concepts: str | None = None
    time: str | None = None
    order: str | None = None
    duration: str | None = None
    labels: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """One sentence."""
        told = [f"{role}: '{name}'" for role in ROLES if (name := getattr(self, role)) is not None]
        told += [f"label: '{name}'" for name in self.labels]
        return f"Columns: {', '.join(told)}."


def find_columns(
    names: Sequence[str], given: Mapping[str, str] | None = None, labels: Iterable[str] = ()
) -> Columns:
    """The columns by role: those given, and for the other roles the first known name that is there.

    :param names: of the table's columns.
    :param given: column by role (see ``ROLES``).
    :param labels: further columns.
    :raises ConfigError: a role there is not.
    :raises DataError: a given column is not there, or none for the student, the answer, or both the question
        and the concepts.

    >>> find_columns(["user_id", "skill", "correct", "skill_id"]).words
    "Columns: student: 'user_id', concepts: 'skill', correct: 'correct'."
    """
    chosen: dict[str, str] = dict(given or {})
    for role in chosen:
        if role not in ROLES:
            raise ConfigError(
                "a column of answers is named by its role", found=f"'{role}'", remedy=near(role, ROLES)
            )
    for role, known in ROLES.items():
        if role not in chosen and (found := next((name for name in known if name in names), None)):
            chosen[role] = found
    wanted = [role for role in NEEDED if role not in chosen]
    if not {"question", "concepts"} & set(chosen):
        wanted.append("question or concepts")
    if wanted:
        raise DataError(
            "a table of answers tells the student, the answer, and the question or its concepts",
            found=f"no column for {', '.join(wanted)}; there is {', '.join(map(repr, names))}",
            remedy="name them: columns={'student': ..., 'question': ..., 'concepts': ..., 'correct': ...}",
        )
    for name in [*chosen.values(), *labels]:
        if name not in names:
            raise DataError(
                "a column of answers must be a column of the table",
                found=f"no column '{name}'",
                remedy=near(name, names),
            )
    return Columns(**chosen, labels=tuple(labels))


def read_answers(
    source: Any,
    *,
    columns: Mapping[str, str] | None = None,
    labels: Iterable[str] = (),
    separator: str | None = None,
    time_unit: float = 1.0,
) -> Rows:
    """Answers of a CSV or Parquet file, a data frame, or another table.

    :param source: as for :func:`umbel.data.read.read_table`.
    :param columns: column by role; known names are found where a role is not given (``ROLES``).
    :param labels: further columns of numbers.
    :param separator: what stands between the concepts of a cell; None where a cell is one concept, or a list.
    :param time_unit: seconds that one unit of a time or a duration in numbers is.
    :raises DataError: a column is not there, or a cell that should be a number or a date is none.

    >>> frame = pd.DataFrame({"student": ["a", "a"], "skill": ["x;y", ""], "correct": [1, 0]})
    >>> read_answers(frame, separator=";").concepts.levels
    (('x', 'y'), ())
    """
    frame = read_table(source)
    found = find_columns(list(frame.columns), columns, labels)
    name = Path(source).name if isinstance(source, str | Path) else "table"
    notes = [found.words]
    if found.concepts is None:
        concepts: Names[tuple[str, ...]] = Names.of(() for _ in range(len(frame)))
    else:
        concepts, hint = _sets(take_column(frame, found.concepts, "column of concepts"), separator)
        notes += hint
    durations = {} if found.duration is None else {"seconds": _seconds(frame[found.duration], time_unit)}
    return Rows(
        student=_names(frame[found.student]),
        question=_names(frame[found.question]) if found.question else Names.of([None] * len(frame)),
        concepts=concepts,
        correct=as_number(frame[found.correct]).to_numpy(np.float64),
        places=Places.numbered(name, len(frame)),
        time=None if found.time is None else _seconds(frame[found.time], time_unit),
        order=None if found.order is None else as_number(frame[found.order]).to_numpy(np.float64),
        labels=durations | {one: as_number(frame[one]).to_numpy(np.float64) for one in found.labels},
        notes=tuple(notes),
    )


def _names(column: pd.Series) -> Names[str]:
    codes, levels = pd.factorize(as_category(column))
    return Names(codes.astype(np.int64), tuple(map(str, levels)))


def _seconds(column: pd.Series, unit: float) -> Floats:
    """Numbers in their unit, or dates where no cell is a number, as seconds."""
    dated = pd.api.types.is_datetime64_any_dtype(column.dtype)
    if dated or not bool(pd.to_numeric(column, errors="coerce").notna().any()):
        return np.round(as_days(column).to_numpy(np.float64) * DAY, 6)
    return as_number(column).to_numpy(np.float64) * unit


def _sets(column: pd.Series, separator: str | None) -> tuple[Names[tuple[str, ...]], list[str]]:
    """The concepts of each cell, and a hint where cells look as if they held several names."""
    if is_listed(column):
        if separator is not None:
            raise DataError(
                "a column of concepts with a separator holds text",
                found=f"column '{column.name}' holds lists",
                remedy="leave the separator out",
            )
        return Names.of(_sorted(cell if isinstance(cell, LISTS) else ()) for cell in column), []
    cells = _names(column)
    if separator is not None:
        split = re.compile(re.escape(separator)).split
        levels = [_sorted(split(level)) for level in cells.levels]
        return _moved(cells, levels), []
    levels = [(level,) for level in cells.levels]
    lone = set(cells.levels)
    hints = []
    for one in HINTS:
        joined = [level.split(one) for level in cells.levels if one in level]
        parts = {part.strip() for parts in joined for part in parts}
        if joined and len(parts & lone) * 2 >= len(parts):
            hints.append(
                f"{len(joined)} names in '{column.name}' hold '{one}', and most of their parts are names"
                f" themselves: give separator='{one}' if these are several concepts."
            )
    return _moved(cells, levels), hints[:1]


def _moved(cells: Names[str], levels: Sequence[tuple[str, ...]]) -> Names[tuple[str, ...]]:
    """Cells by number to sets by number; a missing cell is the empty set."""
    distinct = Names.of([*levels, ()])
    return Names(distinct.codes[cells.codes], distinct.levels)


def _sorted(names: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sorted({name for one in names if (name := label(one))}))
