"""``umbel fit DATA``: one model on all rows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from umbel.app import options

__all__ = ["fit"]


def fit(
    data: options.MaybeData = None,
    targets: options.Targets = None,
    by: options.By = None,
    entity: options.Entity = None,
    inputs: options.Inputs = None,
    model: options.Model = None,
    sharing: options.Sharing = None,
    balancing: options.Balancing = None,
    gradients: options.Gradients = None,
    curriculum: options.Curriculum = None,
    stream: Annotated[
        bool | None,
        typer.Option(
            "--stream", help="Read a Parquet file in parts, never as a whole: a net, and test scores."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, from its checkpoint.")
    ] = False,
    out: options.Out = None,
    seed: options.Seed = None,
    config_file: options.ConfigFile = None,
    minutes: options.Minutes = None,
    processes: options.Processes = 1,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Fit one model on all rows of a table (a share of them chooses) and save it."""
    from umbel.app.config import read_config
    from umbel.app.doors import fit_into, options_of, resumed
    from umbel.app.processes import leads, run_processes
    from umbel.app.run import Run
    from umbel.app.timing import within
    from umbel.data.read import read_table
    from umbel.errors import ConfigError

    code = run_processes(processes, sys.argv[1:])
    if code is not None:
        raise typer.Exit(code)
    asked = options_of(
        targets=options.names(targets),
        by=by,
        entity=options.names(entity),
        inputs=options.names(inputs),
        model=model,
        sharing=sharing,
        balancing=balancing,
        gradients=gradients,
        curriculum=curriculum,
        stream=stream,
        seed=seed,
    )
    if resume:
        folder, config = resumed(out, asked, config_file)
    else:
        config = read_config(config_file, {**asked, "data": None if data is None else str(data)})
        folder = out or Path("runs") / (config.called.split(".")[0].replace(" ", "_") or "fit")
    if config.data is None:
        raise ConfigError(
            "a fit needs a table",
            found="no DATA",
            remedy="umbel fit DATA --targets a,b,c, or data: in --config",
        )
    if config.stream is not None and not isinstance(config.data, str):
        raise ConfigError(
            "one Parquet file is streamed",
            found=f"{len(config.data)} tables",
            remedy="stream: false, or join the tables",
        )
    with within(minutes):
        fit_into(
            Run(folder, writes=leads()),
            read_table(config.data) if config.stream is None else Path(str(config.data)),
            config,
            title=f"{config.called}: {options.count(len(config.problem.targets), 'target')}",
            quiet=quiet,
            as_json=as_json,
            resume=resume,
        )
