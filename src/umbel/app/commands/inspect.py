"""``umbel inspect DATA``: what is in a table, before anything is learned."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from umbel.app import options

__all__ = ["inspect"]


def inspect(
    data: options.Data,
    targets: options.Targets = None,
    by: options.By = None,
    missing: Annotated[
        str | None, typer.Option("--missing", help="Texts that stand for a missing cell: ?,NA.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the problem is written.")] = Path(
        "problem.yaml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace the file at --out.")] = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Columns, kinds, missing labels and likely leaks; writes a commented problem.yaml to start from."""
    from umbel.app.console import print_json
    from umbel.app.looking import say
    from umbel.data.inspect import inspect_table
    from umbel.data.outline import problem_yaml
    from umbel.data.read import read_table
    from umbel.errors import ConfigError
    from umbel.training.files import write_text

    if out.exists() and not force:
        raise ConfigError(
            "what a user may have changed is not replaced unasked",
            found=f"'{out}' is there already",
            remedy="give another --out, or --force",
        )
    found = inspect_table(read_table(data), options.names(targets), by, missing=options.names(missing) or ())
    write_text(out, problem_yaml(found))
    if as_json:
        print_json({**vars(found), "problem": found.problem.model_dump(mode="json"), "written": out})
    elif not quiet:
        say(found, data=data, out=out)
