"""``umbel tracing graph MODEL LOG``: what is needed for what, found in answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from umbel.app import log_options, options

__all__ = ["graph"]


def graph(
    model: options.Saved,
    data: log_options.Log,
    student: Annotated[
        str | None, typer.Option("--student", help="Draw this student's mastery on the graph.")
    ] = None,
    given: Annotated[
        Path | None, typer.Option("--graph", help="Your own graph (GraphML) instead of one that is found.")
    ] = None,
    level: Annotated[float, typer.Option("--level", help="Share of false edges that is accepted.")] = 0.05,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Where it is drawn: .svg or .png.", show_default=False)
    ] = None,
    format: log_options.Format = None,
    student_column: log_options.Student = None,
    question_column: log_options.Question = None,
    concepts_column: log_options.Concepts = None,
    correct_column: log_options.Correct = None,
    time_column: log_options.Time = None,
    separator: log_options.Separator = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="GraphML file to write.")] = Path("graph.graphml"),
    seed: options.Seed = None,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Influence, prerequisites and clusters of concepts, tested by permutation; as GraphML and picture."""
    from umbel.app.console import Teller, print_json
    from umbel.app.tracing import chosen_student, loaded, read_answers
    from umbel.families.tracing.graph.graph import ConceptGraph
    from umbel.families.tracing.graph.picture import save_picture

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
    told = Teller(quiet=quiet)
    log = read_answers(data, reading or fitted.reading, told).log
    if given is None:
        told("the graph")
        found = fitted.graph(log, level=level, seed=seed or 0)
    else:
        found = ConceptGraph.from_graphml(given)
    if student is not None:
        known = fitted.mastery(chosen_student(log, student), concepts=None).latest[0][0]
        values = dict(zip(log.concepts, known.tolist(), strict=True))
        found = found.for_student(
            {name: values[name] for name in found.concepts if name in values}, student=student
        )
    found.to_graphml(out)
    if picture is not None:
        save_picture(found, picture)
    if as_json:
        print_json(found.state)
        return
    for one in found.edges:
        if not one.indirect:
            print(f"{found.concepts[one.source]} -> {found.concepts[one.target]}")
    print(f"graph: {out}" + ("" if picture is None else f"\npicture: {picture}"))
