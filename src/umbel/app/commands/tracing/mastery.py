"""``umbel tracing mastery MODEL LOG``: what each student knows, and how sure that is."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from umbel.app import log_options, options

__all__ = ["mastery"]


def mastery(
    model: options.Saved,
    data: log_options.Log,
    at: Annotated[str, typer.Option("--at", help="end, every, or numbers of answers: 0,10,20.")] = "end",
    concepts: Annotated[
        str | None, typer.Option("--concepts", help="Only these concepts: a,b,c; all by default.")
    ] = None,
    student: Annotated[
        str | None, typer.Option("--student", help="Only this student, over time in the report.")
    ] = None,
    level: Annotated[float, typer.Option("--level", help="Of the intervals, in (0, 1).")] = 0.9,
    report: Annotated[
        bool, typer.Option("--report", help="Also a page with heat maps beside --out.")
    ] = False,
    format: log_options.Format = None,
    student_column: log_options.Student = None,
    question_column: log_options.Question = None,
    concepts_column: log_options.Concepts = None,
    correct_column: log_options.Correct = None,
    time_column: log_options.Time = None,
    separator: log_options.Separator = None,
    out: options.OutFile = None,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Probability of a right answer on each concept at a question of average difficulty, with intervals."""
    from umbel.app.console import Teller, print_json
    from umbel.app.tracing import chosen_student, loaded, page_of, read_answers, times_of
    from umbel.errors import ConfigError
    from umbel.training.files import write_bytes, write_text

    if report and out is None:
        raise ConfigError(
            "a page stands beside its table", found="--report without --out", remedy="--out m.csv"
        )
    fitted = loaded(model)
    given = log_options.reading(
        format=format,
        student=student_column,
        question=question_column,
        concepts=concepts_column,
        correct=correct_column,
        time=time_column,
        separator=separator,
    )
    log = read_answers(data, given or fitted.reading, Teller(quiet=quiet or out is None)).log
    if student is not None:
        log = chosen_student(log, student)
    found = fitted.mastery(log, at=times_of(at), concepts=options.names(concepts), level=level)
    table = found.table()
    if as_json:
        print_json(table.to_dict("records"))
    elif out is None:
        table.to_csv(sys.stdout, index=False, lineterminator="\n")
    else:
        write_bytes(out, table.to_csv(index=False, lineterminator="\n").encode())
        if report:
            page = out.with_suffix(".html")
            write_text(page, page_of("Mastery", [found.section(student)]))
            print(f"page: {page}")
