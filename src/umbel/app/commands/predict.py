"""``umbel predict MODEL DATA``: answers for new rows."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from umbel.app import options

__all__ = ["predict"]


def predict(
    model: options.Saved,
    data: options.Data,
    out: options.OutFile = None,
    keep: Annotated[
        str | None, typer.Option("--keep", help="Columns of DATA that stand before the answers: a,b,c.")
    ] = None,
    top_k: Annotated[
        int | None, typer.Option("--top-k", help="Also the k likeliest classes or labels.", min=1)
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Decisions, probabilities, means and intervals for the rows of a table without targets."""
    from umbel.app.console import print_json
    from umbel.app.doors import model_folder
    from umbel.app.streams import answers, in_pieces, write_pieces
    from umbel.data.read import read_table
    from umbel.training.files import write_bytes
    from umbel.training.loading import load

    fitted = load(model_folder(model))
    kept = options.names(keep) or []
    if top_k is not None:
        for target in fitted.tasks_.targets:
            if "top_k" in target.kind.options:
                fitted.rules_[target.name] = {**(fitted.rules_[target.name] or {}), "top_k": top_k}
    if out is not None and not as_json and in_pieces(data, out):
        write_pieces(fitted, data, out, kept)
        return
    found = answers(fitted, read_table(data), kept)
    if as_json:
        print_json(found.to_dict("records"))
    elif out is None:
        found.to_csv(sys.stdout, index=False, lineterminator="\n")
    elif out.suffix in (".parquet", ".pq"):
        write_bytes(out, found.to_parquet(index=False))
    else:
        write_bytes(out, found.to_csv(index=False, lineterminator="\n").encode())
