"""Options of the commands that read answer logs: one spelling, one help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from umbel.app.options import names

__all__ = [
    "About",
    "Concepts",
    "Correct",
    "Format",
    "Labels",
    "Log",
    "MaybeLog",
    "Question",
    "Separator",
    "Student",
    "Time",
    "reading",
]

_WHAT = "Answers: .csv, .tsv, .parquet, pyKT, ASSISTments blocks, an EdNet folder; several become one log."
Log = Annotated[list[Path], typer.Argument(help=_WHAT, show_default=False)]
MaybeLog = Annotated[list[Path] | None, typer.Argument(help=_WHAT, show_default=False)]
Format = Annotated[
    str | None, typer.Option("--format", help="table, pykt, blocks, ednet or matrix; seen by itself.")
]
Student = Annotated[str | None, typer.Option("--student-column", help="Column of the student.")]
Question = Annotated[str | None, typer.Option("--question-column", help="Column of the question.")]
Concepts = Annotated[str | None, typer.Option("--concepts-column", help="Column of the concepts.")]
Correct = Annotated[str | None, typer.Option("--correct-column", help="Column of the answer: 0 to 1.")]
Time = Annotated[str | None, typer.Option("--time-column", help="Column of the time.")]
Separator = Annotated[
    str | None, typer.Option("--separator", help="Between the concepts of a cell, e.g. `;` or `~~`.")
]
About = Annotated[
    Path | None,
    typer.Option("--about", help="A table of the questions (text, type, numbers), with a column `question`."),
]
Labels = Annotated[
    str | None, typer.Option("--labels", help="Further columns that may be tasks (seconds, hints): a,b,c.")
]


def reading(
    *,
    format: str | None,
    student: str | None,
    question: str | None,
    concepts: str | None,
    correct: str | None,
    time: str | None,
    separator: str | None,
    labels: str | None = None,
    about: Path | None = None,
) -> dict[str, Any]:
    """What was given, as options of the reader.

    >>> none = dict.fromkeys(("format", "question", "concepts", "correct", "time"))
    >>> reading(**none, student="who", separator=";")
    {'columns': {'student': 'who'}, 'separator': ';'}
    """
    roles = {
        "student": student, "question": question, "concepts": concepts, "correct": correct, "time": time,
    }  # fmt: skip
    columns = {role: name for role, name in roles.items() if name is not None}
    found: dict[str, Any] = {
        "format": format,
        "columns": columns or None,
        "separator": separator,
        "labels": names(labels),
        "about": None if about is None else str(about),
    }
    return {key: value for key, value in found.items() if value is not None}
