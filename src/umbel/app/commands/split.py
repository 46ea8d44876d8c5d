"""``umbel split DATA``: make a split and audit it, or audit one that is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from umbel.app import options

__all__ = ["split"]


def split(
    data: options.Data,
    targets: options.Targets = None,
    by: options.By = None,
    entity: options.Entity = None,
    group: Annotated[
        str | None, typer.Option("--group", help="Columns whose equal rows stay together, each by itself.")
    ] = None,
    duplicates: Annotated[
        str | None,
        typer.Option("--duplicates", help="`rows`, or text columns whose near-duplicates stay together."),
    ] = None,
    inputs: options.Inputs = None,
    how: Annotated[
        str | None,
        typer.Option("--how", help="random, balanced, time, situation or difficulty; random by default."),
    ] = None,
    time: Annotated[str | None, typer.Option("--time", help="The column a split by time follows.")] = None,
    valid_from: Annotated[
        str | None, typer.Option("--valid-from", help="First time of validation: a number, or 2020-01-31.")
    ] = None,
    test_from: Annotated[
        str | None, typer.Option("--test-from", help="First time of test; with --valid-from.")
    ] = None,
    gap: Annotated[
        str | None,
        typer.Option("--gap", help="Rows so long before the next period are left out: a number, or 7d, 12h."),
    ] = None,
    horizon: Annotated[
        str | None,
        typer.Option(
            "--horizon", help="A label is known so long after its row, or the column that says when."
        ),
    ] = None,
    situation: Annotated[
        str | None, typer.Option("--situation", help="The column of sites or speakers held out whole.")
    ] = None,
    difficulty: Annotated[
        str | None,
        typer.Option("--difficulty", help="The column that says how hard a row is; else a model's loss."),
    ] = None,
    test_rows: Annotated[
        str | None, typer.Option("--test-rows", help="hard, easy or stratified, of a split by difficulty.")
    ] = None,
    shares: Annotated[
        str | None, typer.Option("--shares", help="Of training, validation and test: 0.7,0.1,0.2.")
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit/--no-audit", help="Look for leaks (an error) and drift (warnings).")
    ] = True,
    ordinary: Annotated[
        str | None, typer.Option("--ordinary", help="Columns that look like an identity, and are none.")
    ] = None,
    sides: Annotated[
        Path | None, typer.Option("--sides", help="Audit this split instead: a CSV with `row` and `side`.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the sides are written.")] = Path(
        "split.csv"
    ),
    seed: options.Seed = None,
    config_file: options.ConfigFile = None,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Training, validation and test rows by entity, for all tasks at once, with an audit that proves it."""
    from umbel.app.config import read_config
    from umbel.app.console import print_json
    from umbel.app.sides import audited, made, numbers, read_sides, say, write_sides
    from umbel.data.read import read_table

    asked = read_config(
        config_file,
        {
            "problem.targets": options.names(targets),
            "problem.by": by,
            "problem.entity": options.names(entity),
            "problem.group": options.names(group),
            "problem.duplicates": options.names(duplicates),
            "problem.inputs": options.names(inputs),
            "problem.time": time,
            "problem.split.how": how,
            "problem.split.valid_from": valid_from,
            "problem.split.test_from": test_from,
            "problem.split.gap": gap,
            "problem.split.horizon": horizon,
            "problem.split.situation": situation,
            "problem.split.difficulty": difficulty,
            "problem.split.test_rows": test_rows,
            "problem.split.shares": numbers(shares),
            "seed": seed,
        },
    )
    frame = read_table(data)
    found = made(frame, asked) if sides is None else read_sides(sides, len(frame))
    report = audited(frame, asked, found, options.names(ordinary) or ()) if audit else None
    if sides is None and (report is None or not report.leaks):  # a split that leaks is not kept
        write_sides(out, found)
    if as_json:
        told = {
            "rows": found.sizes,
            "notes": found.notes,
            "written": None if sides is not None else out,
            **({} if found.balance is None else {"deviations": found.balance.to_dict("records")}),
        }
        print_json(told if report is None else {**told, "audit": report.state})
    elif not quiet:
        say(found, report)
    if report is not None:
        report.raise_leaks()
    if sides is None and not as_json:
        print(f"written: {out}")
