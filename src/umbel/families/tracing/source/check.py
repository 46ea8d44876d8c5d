"""Rows brought into order and held against the rules: whatever is not as it should be is named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.errors import ConfigError, DataError, near
from umbel.families.tracing.source.log import AnswerLog, Concepts
from umbel.families.tracing.source.read_report import Remark
from umbel.families.tracing.source.rows import Rows

__all__ = ["Choices", "check_rows", "log_of"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Choices:
    """What is done with rows that are not as they should be.

    :param partial: answers between 0 and 1: ``accept`` them as partial credit, or ``refuse`` them.
    :param missing: rows without an answer: ``refuse`` them, or ``drop`` them.
    :param duplicates: rows that are equal in all to an earlier one: ``keep`` them, or ``drop`` them.
    :param backwards: times that run backwards within the order of the answers: keep the ``order`` (such a
        time is held at the latest before it), sort by ``time`` instead, or ``refuse`` them.
    :raises ConfigError: a choice there is not.
    """

    partial: Literal["accept", "refuse"] = "accept"
    missing: Literal["refuse", "drop"] = "refuse"
    duplicates: Literal["keep", "drop"] = "keep"
    backwards: Literal["order", "time", "refuse"] = "order"

    def __post_init__(self) -> None:
        known = {
            "partial": ("accept", "refuse"),
            "missing": ("refuse", "drop"),
            "duplicates": ("keep", "drop"),
            "backwards": ("order", "time", "refuse"),
        }
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise ConfigError(
                    f"'{name}' must be one of {', '.join(values)}",
                    found=f"'{getattr(self, name)}'",
                    remedy=near(getattr(self, name), values),
                )


def check_rows(rows: Rows, choices: Choices | None = None) -> tuple[Rows, tuple[Remark, ...]]:
    """Rows student by student, each student's in order of the answers, with all that was found.

    Students stand in the order in which the files first name them. A student's rows are in the order of the
    column of order; where there is none, in that of the files if their format says so, else in that of time
    (a row without one goes with the row before it). Rows that are equal in it stay as they stood.

    :param rows: as they were read.
    :param choices: what is done with what is not as it should be.
    :raises DataError: no row; a row without student, or without a place in the order; an answer outside
        [0, 1]; or something that the choices refuse. The rows are named.
    """
    choices = Choices() if choices is None else choices
    _refuse(rows, rows.student.codes < 0, "each answer is a student's", "name the student, or leave them out")
    rows, lacking = _answers(rows, choices)
    _refuse(
        rows,
        ~((rows.correct >= 0) & (rows.correct <= 1)),
        "an answer is 0, 1, or partial credit between them",
        "scale the answers to [0, 1]",
        rows.correct,
    )
    between = (rows.correct > 0) & (rows.correct < 1)
    if choices.partial == "refuse":
        _refuse(rows, between, "an answer is 0 or 1", "partial='accept' takes it as it is", rows.correct)
    remarks = [lacking, _remark("partial credit", rows, between, "taken as it is")]
    rows, found = _ordered(rows, choices)
    remarks += found
    rows, repeated = _duplicates(rows, choices)
    remarks.append(repeated)
    if (rows.question.codes >= 0).any():
        remarks.append(_remark("no question", rows, rows.question.codes < 0, "kept, known by their concepts"))
    empty = np.array([not names for names in rows.concepts.levels], dtype=bool)
    none = empty[rows.concepts.codes] if len(empty) else np.ones(len(rows), dtype=bool)
    remarks.append(_remark("no concepts", rows, none, "kept with an empty set"))
    _check_repeats(rows)
    return rows, tuple(remarks)


def log_of(rows: Rows) -> AnswerLog:
    """The log of checked rows, one step a row.

    :param rows: from :func:`check_rows`.
    """
    student = rows.student.codes
    starts = np.flatnonzero(np.diff(student, prepend=-1))
    names = sorted({name for level in rows.concepts.levels for name in level})
    place = {name: i for i, name in enumerate(names)}
    return AnswerLog(
        students=tuple(rows.student.levels[i] for i in student[starts]),
        questions=rows.question.levels,
        concepts=tuple(names),
        offsets=np.append(starts, len(rows)).astype(np.int64),
        question=rows.question.codes,
        sets=rows.concepts.codes,
        concept_sets=Concepts.of([place[name] for name in level] for level in rows.concepts.levels),
        correct=rows.correct,
        time=rows.time,
        labels=rows.labels,
    )


def _refuse(rows: Rows, bad: Flags, rule: str, remedy: str, values: Floats | None = None) -> None:
    found = np.flatnonzero(bad)
    if len(found):
        value = "" if values is None else f": {values[found[0]]:g}"
        raise DataError(rule, found=f"{rows.places.named(found)}{value}", remedy=remedy)


def _remark(check: str, rows: Rows, bad: Flags, words: str) -> Remark:
    found = np.flatnonzero(bad)
    return (
        Remark(check, len(found), words, rows.places.named(found)) if len(found) else Remark(check, 0, "none")
    )


def _answers(rows: Rows, choices: Choices) -> tuple[Rows, Remark]:
    """Rows that have an answer."""
    if not len(rows):
        raise DataError("a log has at least one answer", found="none", remedy="check the files")
    lacking = np.isnan(rows.correct)
    if choices.missing == "refuse":
        _refuse(rows, lacking, "each row has an answer", "missing='drop' leaves such rows out")
    elif lacking.all():
        raise DataError("a log has at least one answer", found="only missing ones", remedy="check the files")
    told = _remark("missing answer", rows, lacking, "left out, as asked")
    return rows.take(np.flatnonzero(~lacking)), told


def _ordered(rows: Rows, choices: Choices) -> tuple[Rows, list[Remark]]:
    for name, values in (("time", rows.time), ("order", rows.order), *rows.labels.items()):
        if values is not None:
            _refuse(rows, np.isinf(values), f"'{name}' is finite", "leave an unknown one empty", values)
    if rows.order is not None:
        _refuse(rows, np.isnan(rows.order), "each row has a place in the order", "fill it in")
    rows = rows.take(np.argsort(rows.student.codes, kind="stable"))
    remarks = []
    by_time = rows.order is None and not rows.in_line and rows.time is not None
    key = _carried(rows) if by_time else rows.order
    if key is not None:
        remarks.append(
            _remark("unsorted", rows, _falls(rows, key), f"sorted by {'time' if by_time else 'order'}")
        )
        rows = rows.take(np.lexsort((key, rows.student.codes)))
    if rows.time is None:
        return rows, remarks
    remarks.append(_remark("unknown time", rows, np.isnan(rows.time), "kept"))
    if by_time:
        return rows, remarks
    latest = pd.Series(rows.time).groupby(rows.student.codes).cummax().to_numpy(np.float64)
    back = rows.time < latest
    if choices.backwards == "refuse":
        _refuse(
            rows, back, "time does not run backwards", "backwards='order', or 'time', says which is right"
        )
    words = "held at the latest time before" if choices.backwards == "order" else "sorted by time instead"
    remarks.append(_remark("time runs backwards", rows, back, words))
    if choices.backwards == "time":
        return rows.take(np.lexsort((_carried(rows), rows.student.codes))), remarks
    return replace(rows, time=np.where(np.isnan(rows.time), np.nan, latest)), remarks


def _carried(rows: Rows) -> Floats:
    """Times, a row without one at that of the row before it; rows stand student by student."""
    times = pd.Series(rows.time).groupby(rows.student.codes).ffill()
    return times.fillna(-np.inf).to_numpy(np.float64)


def _falls(rows: Rows, key: Floats) -> Flags:
    """Rows that stand behind one of the same student that should be later."""
    latest = pd.Series(key).groupby(rows.student.codes).cummax().to_numpy(np.float64)
    found: Flags = key < latest
    return found


def _duplicates(rows: Rows, choices: Choices) -> tuple[Rows, Remark]:
    """Rows that are equal in all to an earlier one; without time or order they are other attempts."""
    if rows.time is None and rows.order is None:
        return rows, Remark("duplicates", 0, "not looked for: without time or order they are other attempts")
    cells: dict[str, Ints | Floats] = {
        "student": rows.student.codes,
        "question": rows.question.codes,
        "concepts": rows.concepts.codes,
        "correct": rows.correct,
        **{f"label {name}": values for name, values in rows.labels.items()},
    }
    known = np.ones(len(rows), dtype=bool)
    if rows.order is not None:
        cells["order"] = rows.order
    if rows.time is not None:
        cells["time"] = rows.time
        known = ~np.isnan(rows.time) if rows.order is None else known
    twice = pd.DataFrame(cells).duplicated().to_numpy() & known
    words = "kept" if choices.duplicates == "keep" else "left out, as asked"
    remark = _remark("duplicates", rows, twice, words)
    return (rows.take(np.flatnonzero(~twice)) if choices.duplicates == "drop" else rows), remark


def _check_repeats(rows: Rows) -> None:
    if rows.repeat is None:
        return
    columns: Iterable[Ints | Floats] = (rows.student.codes, rows.question.codes, rows.correct)
    unlike = np.logical_or.reduce([np.concatenate([[True], one[1:] != one[:-1]]) for one in columns])
    _refuse(
        rows,
        rows.repeat & unlike,
        "a row marked as a repeat has the student, question and answer of the row before it",
        "mend the marks, or leave them out",
    )
