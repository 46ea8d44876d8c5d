"""``umbel tracing recommend MODEL LOG``: what each student should practise next."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from umbel.app import log_options, options

__all__ = ["recommend"]


def recommend(
    model: options.Saved,
    data: log_options.Log,
    exercises: Annotated[int, typer.Option("--exercises", help="Of each student.", min=1)] = 1,
    horizon: Annotated[
        int,
        typer.Option("--horizon", help="Exercises that the gain looks ahead; 1 is the greedy form.", min=1),
    ] = 10,
    given: Annotated[
        Path | None, typer.Option("--graph", help="Prerequisites (GraphML, as `umbel tracing graph` writes).")
    ] = None,
    student: Annotated[str | None, typer.Option("--student", help="Only this student.")] = None,
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
    """The next exercises of each student: concept, question, expected gain in mastery."""
    from umbel.app.console import Teller, print_json
    from umbel.app.tracing import chosen_student, loaded, read_answers
    from umbel.families.tracing.graph.graph import ConceptGraph
    from umbel.families.tracing.recommend.recommend import question_bank
    from umbel.training.files import write_bytes

    fitted = loaded(model)
    reading = log_options.reading(
        format=format,
        student=student_column,
        question=question_column,
        concepts=concepts_column,
        correct=correct_column,
        time=time_column,
        separator=separator,
    )
    log = read_answers(data, reading or fitted.reading, Teller(quiet=quiet or out is None)).log
    if fitted.tracer_.name != "growth" and not quiet:
        told = "on simulated students planning with it was little better than chance; `fit --model growth`"
        print(f"note: '{fitted.tracer_.name}' was not made to plan with: {told}", file=sys.stderr)
    bank = question_bank(log)
    if student is not None:
        log = chosen_student(log, student)
    graph = None if given is None else ConceptGraph.from_graphml(given)
    table = fitted.recommend(log, exercises=exercises, horizon=horizon, graph=graph, questions=bank)
    if as_json:
        print_json(table.to_dict("records"))
    elif out is None:
        table.to_csv(sys.stdout, index=False, lineterminator="\n")
    else:
        write_bytes(out, table.to_csv(index=False, lineterminator="\n").encode())
