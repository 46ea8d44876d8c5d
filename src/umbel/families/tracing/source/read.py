"""One door for all logs: files or tables in, one checked and merged log out, with what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from umbel.errors import ConfigError, DataError, near
from umbel.families.tracing.source.about import with_about
from umbel.families.tracing.source.blocks import read_blocks
from umbel.families.tracing.source.check import Choices, check_rows, log_of
from umbel.families.tracing.source.ednet import read_ednet
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.matrix import read_matrix
from umbel.families.tracing.source.merge import merge as merge_steps
from umbel.families.tracing.source.pykt import read_pykt
from umbel.families.tracing.source.read_report import ReadReport, Remark
from umbel.families.tracing.source.rows import Rows, join_rows
from umbel.families.tracing.source.sniff import Format, format_of
from umbel.families.tracing.source.table import read_answers
from umbel.families.tracing.source.texts import existing

__all__ = ["ReadLog", "read_log"]

READERS: dict[Format, tuple[Callable[..., Rows], tuple[str, ...]]] = {
    "table": (read_answers, ("columns", "labels", "separator", "time_unit")),
    "pykt": (read_pykt, ("time_unit",)),
    "blocks": (read_blocks, ("lines", "middle")),
    "ednet": (read_ednet, ("questions", "most")),
    "matrix": (read_matrix, ("concepts",)),
}
"""Each format's reader, and the options it has."""
NAMELESS = ("blocks", "matrix")
"""Formats in which students may be called by their file."""


@dataclass(frozen=True)
class ReadLog:
    """What was read.

    :param log: the answers.
    :param report: what was found on the way.
    :param folds: number of each student's part, [S], where the files give one (pyKT: -1 is test); else None.
    """

    log: AnswerLog
    report: ReadReport
    folds: NDArray[np.int64] | None = None


def read_log(
    source: Any,
    *,
    format: Format | Literal["auto"] = "auto",
    merge: bool = True,
    choices: Choices | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Iterable[str] | None = None,
    separator: str | None = None,
    time_unit: float | None = None,
    lines: Literal[3, 4] | None = None,
    middle: Literal["concepts", "questions"] | None = None,
    questions: str | Path | None = None,
    most: int | None = None,
    concepts: Sequence[str] | None = None,
    about: Any = None,
    about_question: str = "question",
) -> ReadLog:
    """Read answers from files or tables.

    These are CSV, TSV, Parquet and data frames, pyKT's files, ASSISTments block files, EdNet folders, and
    matrices of answers.

    :param source: a path, a table, or a list of them, which become one log (a student of one name in several
        is one student).
    :param format: ``auto`` sees it (:func:`~umbel.families.tracing.source.sniff.format_of`).
    :param merge: whether rows of one question with a concept each become one step
        (:func:`~umbel.families.tracing.source.merge.merge`); without it such a log leaks.
    :param choices: what is done with rows that are not as they should be.
    :param columns, labels, separator: of a table (:func:`~umbel.families.tracing.source.table.read_answers`).
    :param time_unit: seconds that one unit of time is: of a table (1), of pyKT's files (.001).
    :param lines, middle: of blocks (:func:`~umbel.families.tracing.source.blocks.read_blocks`).
    :param questions, most: of EdNet (:func:`~umbel.families.tracing.source.ednet.read_ednet`).
    :param concepts: of a matrix (:func:`~umbel.families.tracing.source.matrix.read_matrix`).
    :param about: a table with a row of attributes for each question (text, type, numbers, sets), or its path
        (:func:`~umbel.families.tracing.source.about.with_about`).
    :param about_question: its column that names the question.
    :raises ConfigError: a format there is not, or an option that the format has not.
    :raises DataError: what cannot be read, or breaks a rule; files and rows are named.

    >>> answers = {"student": ["a", "a"], "question": ["q", "q"], "skill": ["x", "y"], "correct": [1, 1]}
    >>> found = read_log(answers)
    >>> found.log.steps, found.report.count("expanded rows")
    (1, 1)
    """
    sources = list(source) if isinstance(source, list | tuple) else [source]
    if not sources:
        raise DataError("a log is read from at least one file", found="none", remedy="give a path")
    kind = _kind(sources, format)
    given = {
        "columns": columns,
        "labels": labels,
        "separator": separator,
        "time_unit": time_unit,
        "lines": lines,
        "middle": middle,
        "questions": questions,
        "most": most,
        "concepts": concepts,
    }
    options = {name: value for name, value in given.items() if value is not None}
    reader, known = READERS[kind]
    for name in options:
        if name not in known:
            raise ConfigError(
                "an option of reading must be one that the format has",
                found=f"'{name}' with the format '{kind}'",
                remedy=f"'{kind}' has {', '.join(known)}",
            )
    raw = join_rows([reader(one if kind == "table" else existing(one), **options) for one in sources])
    rows, remarks = check_rows(raw, choices)
    log = log_of(rows)
    folds = _folds(rows, log)
    if not merge:
        expanded = Remark("expanded rows", 0, "not looked for, as asked: where there are some, the log leaks")
    elif rows.repeat is None and not (log.question >= 0).any():
        expanded = Remark("expanded rows", 0, "not looked for: no row names its question")
    else:
        merged = merge_steps(log, repeat=rows.repeat)
        joined = np.flatnonzero(np.diff(merged.group, prepend=-1) == 0)
        words = ("merged into the step before them", rows.places.named(joined)) if len(joined) else ("none",)
        expanded = Remark("expanded rows", len(joined), *words)
        log = merged.log
    told: tuple[Remark, ...] = ()
    if about is not None:
        log, told = with_about(log, about, about_question)
    short = np.flatnonzero(log.lengths == 1)
    names = ", ".join(log.students[i] for i in short[:5]) + (" and others" if len(short) > 5 else "")
    report = ReadReport(
        files=raw.places.files,
        format=kind,
        rows=len(raw),
        steps=log.steps,
        students=len(log),
        questions=len(log.questions),
        concepts=len(log.concepts),
        remarks=(
            *remarks,
            expanded,
            *told,
            Remark("students with one answer", len(short), "kept" if len(short) else "none", names),
        ),
        notes=raw.notes,
    )
    return ReadLog(log, report, folds)


def _kind(sources: Sequence[Any], format: str) -> Format:
    """The one format of all sources."""
    if format != "auto" and format not in READERS:
        raise ConfigError(
            "a format of logs must be one there is",
            found=f"'{format}'",
            remedy=near(format, ["auto", *get_args(Format)]),
        )
    kinds = [
        next(one for one in READERS if one == format) if format != "auto" else format_of(s) for s in sources
    ]
    if len(set(kinds)) > 1:
        raise DataError(
            "files that are read together have one format",
            found=", ".join(f"{s} is {kind}" for s, kind in zip(sources, kinds, strict=True)),
            remedy="read them one by one, or name the format",
        )
    if kinds[0] != "table" and not all(isinstance(one, str | Path) for one in sources):
        raise DataError(
            f"the format '{kinds[0]}' is read from files",
            found=", ".join(type(one).__name__ for one in sources),
            remedy="give paths, or format='table'",
        )
    names = [Path(one).name for one in sources] if kinds[0] in NAMELESS else []
    if len(set(names)) < len(names):
        raise DataError(
            "files whose students have no names have different names, by which they are told apart",
            found=", ".join(names),
            remedy="rename them",
        )
    return kinds[0]


def _folds(rows: Rows, log: AnswerLog) -> NDArray[np.int64] | None:
    """The fold of each student."""
    if rows.fold is None:
        return None
    own = rows.fold[log.offsets[:-1]]
    two = np.flatnonzero(rows.fold != own[log.student])
    if len(two):
        raise DataError(
            "a student stands in one fold",
            found=f"student '{log.students[log.student[two[0]]]}', {rows.places.named(two)}",
            remedy="mend the folds, or split by student: split_students(log)",
        )
    return own
