"""A table about questions, brought beside a log: one row a question, what does not fit is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from umbel.data.cells import as_category, rows_named
from umbel.data.read import read_table, take_column
from umbel.errors import DataError
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.read_report import Remark

__all__ = ["with_about"]


def with_about(
    log: AnswerLog, source: Any, question: str = "question"
) -> tuple[AnswerLog, tuple[Remark, ...]]:
    """The log with attributes of its questions, and what was found.

    :param source: a table, or the path of one, as for :func:`umbel.data.read.read_table`: a row a question.
    :param question: the column that names it; names that are whole numbers are told alike as 1, 1.0 and "1".
    :returns: rows of questions that the log does not ask are kept: another log with them may.
    :raises DataError: no such column, a row without a question, two rows of one, no column beside it, or no
        row of a question that the log asks.

    >>> from umbel.families.tracing.source.simulate import simulate
    >>> log = simulate(students=5, concepts=1, questions=2, steps=3).log
    >>> about = {"question": [*log.questions, "new"], "words": ["add two", "add three", "halve"]}
    >>> log, remarks = with_about(log, about)
    >>> log.about.shape, [(one.check, one.count) for one in remarks]
    ((3, 1), [('questions without attributes', 0), ('attributes of other questions', 1)])
    """
    frame = read_table(source)
    names = as_category(take_column(frame, question, "column of questions"))
    lacking = np.flatnonzero(names.isna().to_numpy())
    if len(lacking):
        raise DataError(
            "each row of attributes names its question",
            found=f"column '{question}' is empty in {rows_named(lacking)}",
            remedy="name it, or leave the row out",
        )
    twice = np.flatnonzero(names.duplicated(keep=False).to_numpy())
    if len(twice):
        again = [str(name) for name in names.iloc[twice].unique()]
        raise DataError(
            "each question has one row of attributes",
            found=f"{_named(again)}: {rows_named(twice)}",
            remedy="keep one row of each, and sets or lists where a question has several values",
        )
    if frame.shape[1] < 2:
        raise DataError(
            "attributes stand beside the name of the question",
            found=f"'{question}' is the only column",
            remedy="give a table with further columns",
        )
    about = frame.drop(columns=question).set_axis(pd.Index(names.astype(str), dtype=object), axis=0)
    about.attrs = dict(frame.attrs)
    asked = {log.questions[i] for i in np.unique(log.question[log.question >= 0])}
    without = [name for name in log.questions if name in asked and name not in about.index]
    others = [name for name in about.index if name not in asked]
    if len(without) == len(asked):
        raise DataError(
            "attributes are of questions that the log asks",
            found=f"none of {_named(others)}" if asked else "a log that names no question",
            remedy="name questions alike in both; the log's first are "
            f"{_named(sorted(asked))}" if asked else "name the column of questions of the log",
        )  # fmt: skip
    remarks = (
        _remark("questions without attributes", without, "known by their concepts alone"),
        _remark("attributes of other questions", others, "kept, the log does not ask them"),
    )
    return replace(log, about=about), remarks


def _remark(check: str, names: Sequence[str], words: str) -> Remark:
    return Remark(check, len(names), words if names else "none", _named(names))


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:5])
    return shown + (f" and {len(names) - 5:,} others" if len(names) > 5 else "")
