"""``umbel demo``: the main job on the embedded films."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from umbel.app import options

__all__ = ["MODEL", "demo"]

MODEL = {
    "name": "net",
    "space": [{"depth": 2, "embedding_dropout": 0.5, "bag_power": 1.0}],
    "keep": "average",
}
"""Two sets of options, for the shared net and for each separate one alike, and their average."""


def demo(
    out: options.Out = Path("runs/demo"),
    by_time: Annotated[
        bool, typer.Option("--by-time", help="Train before 2005, test from 2008, instead of at random.")
    ] = False,
    splits: options.Splits = None,
    seed: options.Seed = None,
    config_file: options.ConfigFile = None,
    minutes: options.Minutes = None,
    processes: options.Processes = 1,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Compare on the embedded films: scores, verdicts, report and a saved model, without any download."""
    from umbel.app.config import read_config
    from umbel.app.doors import compare_into, options_of
    from umbel.app.processes import leads, run_processes
    from umbel.app.run import Run
    from umbel.app.timing import within
    from umbel.data.films import films, films_problem

    code = run_processes(processes, sys.argv[1:])
    if code is not None:
        raise typer.Exit(code)
    asked = options_of(splits=splits, seed=seed)
    if config_file is None:
        asked["model"] = MODEL
    problem = films_problem(by_time=by_time).model_dump(mode="json")
    config = read_config(config_file, {"problem": problem, **asked})
    title = "Seven tasks on 17,472 films" + (", by time" if by_time else "")
    with within(minutes):
        compare_into(
            Run(out or Path("runs/demo"), writes=leads()),
            films(),
            config,
            title=title,
            quiet=quiet,
            as_json=as_json,
        )
