"""The audit of a split as a part of the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from umbel.data.audit_drift import Drift
from umbel.data.audit_overlap import Overlap
from umbel.data.audit_report import Report
from umbel.judging.section import Figure, Section, Series, TableData

__all__ = ["MOST", "audit_section"]

MOST = 12
"""Tasks that are drawn, and rows of the table of drift."""


def audit_section(report: Report) -> Section:
    """What an audit found: the checks, the entities on two sides, the drift of each task.

    :param report: from :func:`umbel.data.auditing.audit`.
    :returns: a section with a table of all findings, a table of drift, and where entities are on two sides
        a picture of how many for each pair of tasks.
    """
    tables = [
        TableData(
            ["check", "finding", "severity", "how many"],
            [list(row) for row in report.lines()],
            "A leak makes the scores meaningless; a warning is to be kept in mind when they are read.",
        )
    ]
    tables += _drift(report.drifts)
    figures = [*_overlap(report.overlap), *_telling(report)]
    sides = ", ".join(f"{side} {count:,}" for side, count in report.rows.items())
    text = [f"{report.words} Rows on each side: {sides}.", *report.notes]
    return Section("Audit of the split", text, tables, figures)


def _drift(drifts: Sequence[Drift]) -> list[TableData]:
    if not drifts:
        return []
    shown = sorted(drifts, key=lambda drift: -drift.effect)[:MOST]
    rows: list[list[Any]] = [
        [
            drift.task + (f" ({drift.part})" if drift.part else ""),
            drift.side,
            drift.test,
            drift.counts[0],
            drift.counts[1],
            round(drift.effect, 3),
            None if drift.shift is None else round(drift.shift, 3),
            float(f"{drift.adjusted:.2g}"),
            "drifts" if drift.warns else "",
        ]
        for drift in shown
    ]
    left_out = (
        f" The {len(drifts) - len(shown)} with smaller ones are left out." if drifts[len(shown) :] else ""
    )
    caption = (
        "Answers on each side against those of training. The effect is Cramer's V (classes) or the largest "
        "distance of the distribution functions (numbers), 0 to 1; p is Holm's over the tasks of a side."
    )
    columns = ["task", "side", "test", "answers in training", "answers there", "effect", "shift of the mean"]
    return [TableData([*columns, "p", "verdict"], rows, caption + left_out)]


def _overlap(overlap: Overlap) -> list[Figure]:
    """Entities on two sides for each pair of tasks; nothing where there are none."""
    if overlap.shared == 0:
        return []
    sides = overlap.worst[0]
    counts = overlap.counts[sides]
    order = np.sort(np.argsort(-(counts.sum(axis=0) + counts.sum(axis=1)), kind="stable")[:MOST])
    names = [overlap.tasks[i] for i in order]
    one, other = sides.split("/")
    left_out = f" Tasks with fewer are left out ({len(overlap.tasks) - len(names)})."
    return [
        Figure(
            "heat",
            f"Entities in {one} and in {other}",
            matrix=counts[np.ix_(order, order)].astype(np.float64),
            labels=(names, names),
            x_label=f"task in {other}",
            y_label=f"task in {one}",
            caption="Number of entities with a known answer of the task of the row on the first side and of "
            "the task of the column on the other; in a right split all are 0."
            + (left_out if len(names) < len(overlap.tasks) else ""),
        )
    ]


def _telling(report: Report) -> list[Figure]:
    """The columns that tell training from test, where they do."""
    found = report.adversary
    if found is None or not found.columns:
        return []
    names, falls = zip(*found.columns, strict=True)
    return [
        Figure(
            "bars",
            f"Columns that tell training from {found.side}",
            [Series("fall of the AUC", list(names), list(falls))],
            x_label="column",
            y_label="fall of the AUC",
            caption=f"By how much the area ({found.auc:.2f}) falls when a column's cells are exchanged "
            "between rows. Columns that say the same share their part.",
        )
    ]
