"""``umbel tracing fit LOG``: a model of knowledge beside simple ones, on students held out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from umbel.app import log_options, options

__all__ = ["fit"]


def fit(
    data: log_options.MaybeLog = None,
    demo: Annotated[bool, typer.Option("--demo", help="A simulated class; no file is read.")] = False,
    model: Annotated[
        str, typer.Option("--model", "-m", help="A name of `umbel methods tracer`.")
    ] = "rasch_lstm",
    also: Annotated[
        str | None,
        typer.Option("--also", help="Labels learned beside the answer, by a network: seconds,hints."),
    ] = None,
    members: Annotated[
        int | None,
        typer.Option("--members", help="Further models for the intervals of mastery: 0, or 2 and more."),
    ] = None,
    graph: Annotated[
        bool, typer.Option("--graph", help="Also look for the graph of concepts (--demo does).")
    ] = False,
    shares: Annotated[
        str | None, typer.Option("--shares", help="Of students for training, validation and test.")
    ] = None,
    fold: Annotated[
        int | None,
        typer.Option("--fold", help="The files' own fold for validation; its test fold is the test."),
    ] = None,
    format: log_options.Format = None,
    student_column: log_options.Student = None,
    question_column: log_options.Question = None,
    concepts_column: log_options.Concepts = None,
    correct_column: log_options.Correct = None,
    time_column: log_options.Time = None,
    separator: log_options.Separator = None,
    labels: log_options.Labels = None,
    about: log_options.About = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, from its checkpoint.")
    ] = False,
    out: options.Out = None,
    seed: options.Seed = None,
    config_file: options.ConfigFile = None,
    minutes: options.Minutes = None,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Fit a model of knowledge, beside a running rate, PFA and BKT, and judge it on students held out."""
    from umbel.app.run import Run
    from umbel.app.timing import within
    from umbel.app.tracing_fit import fit_demo, fit_log, settings

    given = {
        "data": None if not data else [str(path) for path in data],
        "demo": demo or None,
        "model": None if model == "rasch_lstm" else model,
        "also": options.names(also),
        "members": members,
        "graph": graph or None,
        "shares": shares,
        "fold": fold,
        "seed": seed,
        "reading": log_options.reading(
            format=format,
            student=student_column,
            question=question_column,
            concepts=concepts_column,
            correct=correct_column,
            time=time_column,
            separator=separator,
            labels=labels,
            about=about,
        )
        or None,
    }
    config, folder = settings(given, config_file, out, resume=resume)
    run = Run(folder)
    with within(minutes):
        (fit_demo if config.demo else fit_log)(run, config, quiet=quiet, as_json=as_json, resume=resume)
    if not as_json and not quiet and config.demo:
        print(f"graph:  {Path(run.folder) / 'graph.graphml'}")
