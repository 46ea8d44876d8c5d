"""Tables arranged for reading: cells with a note below, verdicts near their task, models side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from umbel.judging.verdict import GAINS, LOSES, NO_EVIDENCE
from umbel.judging.words import number

if TYPE_CHECKING:
    from umbel.judging.section import TableData

__all__ = ["Cell", "Grid", "arrange", "reading", "score_grid"]

MARKS = {GAINS: "▲", LOSES: "▼", NO_EVIDENCE: "●"}
"""A shape for each verdict, so that it is not told by colour alone."""

_BELOW = ("metric", "95 % interval")
"""Columns that stand small below the column before them."""

_NUMERIC = re.compile(r"[-+−]?[\d.,]+(e[-+]?\d+)?( ?%.*)?|-|undefined.*|")


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    :param text: what stands in it.
    :param note: what stands small below it.
    :param style: ``best``, ``gains``, ``loses``, ``no-evidence`` or empty.
    """

    text: str
    note: str = ""
    style: str = ""


@dataclass(frozen=True)
class Grid:
    """A table ready to be drawn.

    :param columns: headings.
    :param numeric: by column, whether it stands to the right.
    :param rows: cells, the first of each row naming it.
    """

    columns: list[str]
    numeric: list[bool]
    rows: list[list[Cell]]
    caption: str = ""


def reading(value: Any) -> str:
    """A value for reading: thousands apart, about three digits that matter, nothing for None.

    >>> [reading(v) for v in (0.8284, -0.0461, 12230, None, "R", True)]
    ['0.828', '-0.046', '12,230', '', 'R', 'True']
    """
    if value is None or value != value:
        return ""
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return number(value) if isinstance(value, float) else str(value)


def _cell(value: Any, note: str = "") -> Cell:
    if isinstance(value, str) and value in MARKS:
        return Cell(f"{MARKS[value]} {value}", note, value.replace(" ", "-"))
    return Cell(reading(value), note)


def arrange(table: TableData) -> Grid:
    """A section's table for a narrow screen: the verdict beside its task, intervals below their values.

    :param table: as a section has it.
    """
    order = [i for i, name in enumerate(table.columns) if i == 0 or name not in _BELOW]
    if "verdict" in table.columns[1:]:
        lead = [table.columns.index(name) for name in ("verdict", "gain") if name in table.columns]
        order = [order[0], *lead, *(i for i in order[1:] if i not in lead)]
    below = {i: i + 1 for i, name in enumerate(table.columns[1:]) if name in _BELOW}
    rows = [
        [_cell(row[i], reading(row[below[i]]) if i in below else "") for i in order] for row in table.rows
    ]
    numeric = [
        j > 0 and all(_NUMERIC.fullmatch(row[j].text) for row in rows) and any(row[j].text for row in rows)
        for j in range(len(order))
    ]
    return Grid([table.columns[i] for i in order], numeric, rows, table.caption)


def score_grid(rows: Sequence[Mapping[str, Any]]) -> Grid:
    """Every model side by side, each value with its interval.

    :param rows: of ``scores.csv``.
    :returns: one row per task and metric; the best value is marked by the gains' sign where there are
        gains, as a metric may be better when it is smaller.
    """
    models = list(dict.fromkeys(str(r["model"]) for r in rows))
    at = {(str(r["task"]), str(r["metric"]), str(r["model"])): r for r in rows}
    grid = []
    for task, metric in dict.fromkeys((str(r["task"]), str(r["metric"])) for r in rows):
        found = [at.get((task, metric, model)) for model in models]
        best = _best([r for r in found if r is not None])
        cells = [Cell("") if r is None else _value(r, "best" if r is best else "") for r in found]
        grid.append([Cell(task, metric), *cells])
    return Grid(["task", *models], [False, *([True] * len(models))], grid)


def _value(row: Mapping[str, Any], style: str) -> Cell:
    low, high = row.get("low"), row.get("high")
    note = "" if low is None or high is None else f"{number(low)} to {number(high)}"
    return Cell("undefined" if row.get("value") is None else number(row["value"]), note, style)


def _best(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The row with the largest gain (the reference has gain 0); None where nothing was compared."""
    scored = [r for r in rows if r.get("value") is not None]
    if not any(r.get("gain") is not None for r in scored):
        return None
    return max(scored, key=lambda r: r["gain"] if r.get("gain") is not None else 0.0)
