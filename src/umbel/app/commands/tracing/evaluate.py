"""``umbel tracing evaluate MODEL LOG``: how good a saved model is on students it has not seen."""

from __future__ import annotations

from typing import Annotated

import typer

from umbel.app import log_options, options

__all__ = ["evaluate"]


def evaluate(
    model: options.Saved,
    data: log_options.Log,
    format: log_options.Format = None,
    student_column: log_options.Student = None,
    question_column: log_options.Question = None,
    concepts_column: log_options.Concepts = None,
    correct_column: log_options.Correct = None,
    time_column: log_options.Time = None,
    separator: log_options.Separator = None,
    about: log_options.About = None,
    out: options.OutFile = None,
    resamples: Annotated[int, typer.Option("--resamples", help="Bootstrap resamples.", min=0)] = 400,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """AUC, log loss, accuracy and calibration of every answer, with 95 % intervals over students."""
    from umbel.app.console import Teller, print_json
    from umbel.app.run import plain, scores_text
    from umbel.app.tracing import loaded, read_answers, say_scores
    from umbel.families.tracing.judge.scores import score_rows
    from umbel.families.tracing.source.audit import audit_log, refuse_leaks
    from umbel.training.files import write_text

    fitted = loaded(model)
    given = log_options.reading(
        format=format,
        student=student_column,
        question=question_column,
        concepts=concepts_column,
        correct=correct_column,
        time=time_column,
        separator=separator,
        about=about,
    )
    log = read_answers(data, given or fitted.reading, Teller(quiet=quiet)).log
    refuse_leaks(audit_log(log))
    name = fitted.tracer_.name
    rows = plain(score_rows(log, {name: fitted.predict(log)}, resamples=resamples))
    if out is not None:
        write_text(out, scores_text(rows))
    if as_json:
        print_json(rows)
    elif not quiet:
        say_scores(rows)
