"""``umbel tracing predict MODEL LOG``: the forecast of every answer, stated before it was given."""

from __future__ import annotations

import sys

from umbel.app import log_options, options

__all__ = ["predict"]


def predict(
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
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """The probability of a right answer for each step of a log, one row a step."""
    import pandas as pd

    from umbel.app.console import Teller, print_json
    from umbel.app.tracing import loaded, read_answers, tables_of
    from umbel.training.files import write_bytes

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
    log = read_answers(data, given or fitted.reading, Teller(quiet=quiet or out is None)).log
    found = pd.DataFrame({**tables_of(log), "probability": fitted.predict(log)})
    if as_json:
        print_json(found.to_dict("records"))
    elif out is None:
        found.to_csv(sys.stdout, index=False, lineterminator="\n")
    else:
        write_bytes(out, found.to_csv(index=False, lineterminator="\n").encode())
