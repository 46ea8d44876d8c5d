"""The model card: what a saved model is, how good, and where not to use it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from umbel._version import __version__
from umbel.app.report.content import Report
from umbel.app.report.tables import reading

if TYPE_CHECKING:
    from umbel.training.estimator import MultiTask

__all__ = ["card"]


def card(report: Report, model: MultiTask) -> str:
    """A model card in Markdown.

    :param report: of the run that saved the model.
    :param model: the fitted model.
    """
    tasks = model.tasks_
    parts = [
        f"# {_plain(report.title)}",
        f"A multi-task model fitted and saved by umbel {__version__}: `{type(model.learner_).name}`, "
        f"{reading(model.learner_.parameters)} learned numbers.",
        "## What it answers",
        _table(["target", "kind"], [[t.name, t.kind.name] for t in tasks.targets]),
    ]
    if tasks.by is not None:
        parts.append(f"One task for each `{_plain(tasks.by)}`: {len(tasks.groups)} groups.")
    inputs = [[column.name, column.type] for column in model.schema_.columns]
    parts += ["## What it needs", _table(["input", "type"], inputs)]
    saved = str(report.facts.get("saved", ""))
    scores = [row for row in report.scores if row["model"] == saved]
    if scores:
        lines = [
            [str(r["task"]), str(r["metric"]), reading(r["value"]), _interval(r["low"], r["high"])]
            for r in scores
        ]
        parts += [
            "## How good it is",
            "On test rows that took no part in fitting or choosing; 95 % intervals by bootstrap.",
            _table(["task", "metric", "value", "95 % interval"], lines),
        ]
    if report.recommendation:
        parts.append(_plain(report.recommendation))
    parts += ["## How it was made", *_made(report)]
    parts += [
        "## Limits",
        "It was judged on rows of the same table. Rows from another place or time may be answered worse, and "
        "an answer for one task can be no better than the labels that task had. Check it on your own rows: "
        "`umbel evaluate MODEL DATA`.",
    ]
    return "\n\n".join(parts) + "\n"


def _made(report: Report) -> list[str]:
    facts = report.facts
    lines = []
    if isinstance(facts.get("rows"), dict):
        lines.append("Rows: " + ", ".join(f"{reading(v)} {side}" for side, v in facts["rows"].items()) + ".")
    if facts.get("seed") is not None:
        lines.append(f"Seed: {facts['seed']}.")
    lines += [_plain(note) for note in facts.get("notes", [])]
    if isinstance(facts.get("versions"), dict):
        lines.append("Versions: " + ", ".join(f"{k} {v}" for k, v in facts["versions"].items()) + ".")
    if report.command:
        lines.append(f"Command:\n\n    {' '.join(report.command.split())}")
    return lines


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{reading(low)} to {reading(high)}"


def _plain(text: object) -> str:
    """One line in which nothing is Markdown or HTML."""
    line = " ".join(str(text).split())
    return "".join(f"\\{c}" if c in "\\`*<>|" else c for c in line)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(c if c == "---" else _plain(c) for c in line) + " |" for line in lines)
