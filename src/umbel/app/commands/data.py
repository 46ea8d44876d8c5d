"""``umbel data``: the tables that come with umbel, each with its origin."""

from __future__ import annotations

from typing import Annotated

import typer

from umbel.app import options

__all__ = ["data"]


def data(
    name: Annotated[str | None, typer.Argument(help="A table to write to --out.", show_default=False)] = None,
    out: options.OutFile = None,
    as_json: options.AsJson = False,
) -> None:
    """List the tables that come with umbel or its extras, each with its origin; or write one as CSV."""
    from umbel.app.console import print_json, print_table
    from umbel.data.datasets import DATASETS
    from umbel.errors import ConfigError, near

    known = {table.name: table for table in DATASETS}
    if name is not None:
        if name not in known:
            raise ConfigError(
                "a table must be one that comes with umbel", found=f"'{name}'", remedy=near(name, known)
            )
        if out is not None:
            from umbel.data.films import films
            from umbel.training.files import write_bytes

            write_bytes(out, films().to_csv(index=False, lineterminator="\n").encode())
            print(out)
            return
    shown = [table for table in DATASETS if name in (None, table.name)]
    if as_json:
        print_json(shown)
        return
    print_table(
        ["name", "rows", "tasks", "origin", "licence", "in Python"],
        [[t.name, f"{t.rows:,}", ", ".join(t.tasks), t.origin, t.licence, t.open] for t in shown],
        right=[False, True],
    )
