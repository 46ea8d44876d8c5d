"""The page of a run: one file that shows everything, without anything from outside."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from umbel._version import __version__
from umbel.app.report.charts import chart
from umbel.app.report.content import Report
from umbel.app.report.tables import arrange, reading, score_grid
from umbel.app.report.words import describe
from umbel.judging.section import Figure, Section, Series, TableData

__all__ = ["render"]

_TALL = 25
"""Rows beyond which a table scrolls in its box."""


def render(report: Report) -> str:
    """The report as one self-contained HTML page; whatever came from the user is escaped.

    :param report: what there is to show.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    files = resources.files("umbel.app.report")
    template = environment.from_string(files.joinpath("page.html").read_text(encoding="utf-8"))
    parts = [*report.sections, *_cost(report)]
    advice, _, reasons = report.recommendation.partition(". ")
    page: str = template.render(
        report=report,
        advice=f"{advice}." if reasons else advice,
        reasons=reasons,
        style=files.joinpath("page.css").read_text(encoding="utf-8"),
        version=__version__,
        tall=_TALL,
        sections=[_section(part, f"s{i}") for i, part in enumerate(parts) if not _empty(part)],
        scores=score_grid(report.scores),
        facts=_facts(report.facts),
        choices=_choices(report.facts),
        notes=[str(note) for note in report.facts.get("notes", [])],
    )
    return page


def _empty(part: Section) -> bool:
    return not (part.figures or part.text or part.tables)


def _section(part: Section, key: str) -> dict[str, Any]:
    figures = [
        {"figure": figure, "svg": chart(figure, f"{key}f{j}"), "words": describe(figure)}
        for j, figure in enumerate(part.figures)
    ]
    grids = [arrange(table) for table in part.tables]
    lead = int(bool(part.tables) and "verdict" in part.tables[0].columns)  # verdicts before all words
    return {
        "key": key,
        "title": part.title,
        "text": part.text,
        "lead": grids[:lead],
        "grids": grids[lead:],
        "figures": figures,
    }


def _cost(report: Report) -> list[Section]:
    """CPU-seconds and parameters, where no section tells them."""
    if not report.costs or any(part.title == "Cost" for part in report.sections):
        return []
    rows = [[m, c.get("cpu_seconds"), c.get("parameters")] for m, c in report.costs.items()]
    spent = {str(r[0]): float(r[1]) for r in rows if r[1] is not None}
    bars = Figure("bars", "CPU-seconds by model", [Series("", list(spent), list(spent.values()))])
    table = TableData(["model", "CPU-seconds", "parameters"], rows)
    return [Section("Cost", [], [table], [bars] if spent else [])]


def _facts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The few facts that stand at the top: rows, entities, seed, splits."""
    shown = []
    for key, what in (("rows", "Rows"), ("entities", "Entities")):
        sides = facts.get(key)
        if isinstance(sides, dict):
            shown.append((what, ", ".join(f"{reading(v)} {side}" for side, v in sides.items())))
    for key, what in (
        ("seed", "Seed"),
        ("splits", "Splits"),
        ("saved", "Saved model"),
        ("cpu_seconds", "CPU-seconds"),
    ):
        if facts.get(key) is not None:
            shown.append((what, reading(facts[key])))
    versions = facts.get("versions")
    if isinstance(versions, dict):
        shown.append(("Versions", ", ".join(f"{k} {v}" for k, v in versions.items())))
    return shown


def _short(notes: Any) -> Any:
    """Notes without what the page draws: curves and gradients."""
    if isinstance(notes, dict):
        return {k: _short(v) for k, v in notes.items() if k not in ("curves", "training", "gradients")}
    return [_short(v) for v in notes] if isinstance(notes, list) else notes


def _choices(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """What each model chose, as text; and who was left out."""
    out = []
    chosen = facts.get("chosen")
    if isinstance(chosen, dict):
        told = {str(model): _short(notes) for model, notes in chosen.items()}
        out += [(model, json.dumps(notes, indent=1, ensure_ascii=False)) for model, notes in told.items()]
    left = facts.get("left_out")
    if isinstance(left, dict) and left:
        out.append(("left out", "\n".join(f"{name}: {why}" for name, why in left.items())))
    return out
