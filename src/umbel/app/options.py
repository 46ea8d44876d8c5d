"""Options that several commands share: one spelling, one help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AsJson",
    "Balancing",
    "By",
    "ConfigFile",
    "Curriculum",
    "Data",
    "Entity",
    "Gradients",
    "Inputs",
    "MaybeData",
    "Minutes",
    "Model",
    "Out",
    "OutFile",
    "Processes",
    "Quiet",
    "RunFolder",
    "Saved",
    "Seed",
    "Sharing",
    "Splits",
    "Targets",
    "count",
    "names",
]

Data = Annotated[Path, typer.Argument(help="The table: .csv, .csv.gz, .tsv or .parquet.", show_default=False)]
MaybeData = Annotated[
    Path | None,
    typer.Argument(help="The table: .csv, .csv.gz, .tsv or .parquet; the run's own with --resume."),
]
Saved = Annotated[Path, typer.Argument(help="A run, or its model folder.", show_default=False)]
RunFolder = Annotated[Path, typer.Argument(help="The folder of a run.", show_default=False)]
OutFile = Annotated[Path | None, typer.Option("--out", "-o", help="File to write.", show_default=False)]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Folder of the run.", show_default=False)]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of the split and of the models.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="YAML file; `umbel schema` tells its keys.")
]
Minutes = Annotated[float | None, typer.Option("--minutes", help="Most wall time for the fits.", min=0.0)]
Processes = Annotated[int, typer.Option("--processes", help="Processes of a fit (under torchrun).", min=1)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the result.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Targets = Annotated[
    str | None, typer.Option("--targets", "--target", "-t", help="Columns to predict: a,b,c.")
]
By = Annotated[
    str | None, typer.Option("--by", help="Column that says which task each row belongs to (school, site).")
]
Entity = Annotated[
    str | None, typer.Option("--entity", help="Columns that name an entity, kept on one side of the split.")
]
Inputs = Annotated[str | None, typer.Option("--inputs", help="Input columns: a,b,c; the rest by default.")]
Model = Annotated[str | None, typer.Option("--model", "-m", help="`auto`, or a learner of `umbel methods`.")]
Sharing = Annotated[
    str | None, typer.Option("--sharing", help="How the nets share: hard, mmoe, ... (see `umbel methods`).")
]
Balancing = Annotated[
    str | None,
    typer.Option("--balancing", help="How losses are balanced: equal, upgrad, ... (see `umbel methods`)."),
]
Curriculum = Annotated[
    str | None,
    typer.Option("--curriculum", help="Whether nets see easy rows first: none, quantile or competence."),
]
Gradients = Annotated[
    str | None,
    typer.Option("--gradients", help="Where task gradients are taken: features, parameters or subsample."),
]
Splits = Annotated[
    int | None, typer.Option("--splits", help="Repeat over this many splits; intervals over splits.", min=1)
]


def names(text: str | None) -> list[str] | None:
    """Names a user wrote as ``a,b,c``; a comma inside a name is written ``\\,``.

    >>> names("a, b,c")
    ['a', 'b', 'c']
    >>> names(r"one\\, two,three")
    ['one, two', 'three']
    """
    if text is None:
        return None
    parts = text.replace("\\,", "\x00").split(",")
    return [part.replace("\x00", ",").strip() for part in parts if part.strip()]


def count(number: int, what: str) -> str:
    """A number of things.

    >>> count(1, "target"), count(7, "target")
    ('1 target', '7 targets')
    """
    return f"{number:,} {what}" + ("" if number == 1 else "s")
