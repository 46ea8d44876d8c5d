"""``umbel evaluate MODEL DATA``: how good a saved model is on rows whose answers are known."""

from __future__ import annotations

from typing import Annotated

import typer

from umbel.app import options

__all__ = ["evaluate"]


def evaluate(
    model: options.Saved,
    data: options.Data,
    out: options.OutFile = None,
    resamples: Annotated[int, typer.Option("--resamples", help="Bootstrap resamples.", min=0)] = 1000,
    test: Annotated[
        bool, typer.Option("--test", help="Only the test rows of the file that a streamed fit was fitted on.")
    ] = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Every metric of every task on known labels, with 95 % intervals."""
    from umbel.app.console import print_json
    from umbel.app.doors import model_folder, say_scores
    from umbel.app.run import plain, scores_text
    from umbel.training.files import write_text
    from umbel.training.loading import load

    frame = load(model_folder(model)).evaluate(data, resamples=resamples, test=test)
    rows = [{**row, "model": "model"} for row in plain(frame.to_dict("records"))]
    if out is not None:
        write_text(out, scores_text(rows))
    if as_json:
        print_json(rows)
    elif not quiet:
        say_scores(rows)
