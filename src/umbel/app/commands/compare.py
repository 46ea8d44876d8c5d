"""``umbel compare DATA``: should these tasks be learned together?"""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from umbel.app import options

__all__ = ["compare"]


def compare(
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
    splits: options.Splits = None,
    out: options.Out = None,
    seed: options.Seed = None,
    config_file: options.ConfigFile = None,
    minutes: options.Minutes = None,
    processes: options.Processes = 1,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Compare shared, separate, baseline and ensemble models; scores, intervals, verdicts, report, model."""
    from umbel.app.config import read_config
    from umbel.app.doors import compare_into, options_of
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
        splits=splits,
        seed=seed,
    )
    config = read_config(config_file, {**asked, "data": None if data is None else str(data)})
    if config.data is None:
        raise ConfigError(
            "a comparison needs a table",
            found="no DATA",
            remedy="umbel compare DATA --targets a,b,c, or data: in --config",
        )
    run = Run(out or Path("runs") / config.called.split(".")[0].replace(" ", "_"), writes=leads())
    with within(minutes):
        compare_into(
            run,
            read_table(config.data),
            config,
            title=f"{config.called}: {options.count(len(config.problem.targets), 'target')}",
            quiet=quiet,
            as_json=as_json,
        )
