"""``umbel report RUN``: draw the page of a run again."""

from __future__ import annotations

from pathlib import Path

from umbel.app import options

__all__ = ["report"]


def report(run: options.RunFolder, out: options.OutFile = None, as_json: options.AsJson = False) -> None:
    """Draw the page of a run again from its scores and its log, without fitting anything."""
    from umbel.app.console import print_json
    from umbel.app.report.content import read_report
    from umbel.app.report.page import render
    from umbel.app.run import Run
    from umbel.training.files import write_text

    found = Run(run)
    content = read_report(found)
    if as_json:
        print_json(content)
        return
    page = Path(out or found.report)
    write_text(page, render(content))
    print(page)
