"""A graph of concepts as tables and figures of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.families.tracing.graph.edges import Edge
from umbel.judging.section import Figure, Section, TableData

__all__ = ["graph_section"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SHOWN = 40
"""Concepts of a heat map at most; those with the most edges come first."""


def graph_section(
    concepts: Sequence[str],
    edges: Sequence[Edge],
    clusters: Ints,
    *,
    influence: Floats | None = None,
    gates: Floats | None = None,
    notes: Mapping[str, Any] | None = None,
) -> Section:
    """The edges, the clusters, and heat maps of influence and gates.

    :param concepts: names, [C].
    :param edges: of the graph.
    :param clusters: of each concept, [C].
    :param influence: [C, C] as probabilities; None for no heat map.
    :param gates: [C, C] in standard errors; None for no heat map.
    :param notes: how the graph was found.
    """
    tables = [
        TableData(
            ["needed", "for", "points", "z", "q", "direction sure", "way"],
            [
                [
                    concepts[one.source],
                    concepts[one.target],
                    None if one.strength is None else 100 * one.strength,
                    one.z,
                    one.q,
                    one.sure,
                    "by others" if one.indirect else "direct",
                ]
                for one in edges
            ],
            caption="What must be known for what. Points: how much more often answers are right, in "
            "percentage points, for one standard deviation more of practice under a mastered concept, beyond "
            "what mastery of the other concepts does.",
        )
    ]
    if len(np.unique(clusters)) > 1:
        groups = [
            [name for name, k in zip(concepts, clusters, strict=True) if k == g] for g in _all(clusters)
        ]
        tables.append(
            TableData(
                ["cluster", "concepts", "names"],
                [[g + 1, len(names), ", ".join(names)] for g, names in enumerate(groups)],
                caption="What belongs together, by what answers and practice say of each other.",
            )
        )
    shown = _shown(len(concepts), edges, clusters)
    names = [concepts[i] for i in shown]
    figures = []
    for matrix, title, caption in (
        (
            influence,
            "Influence",
            "Change of later forecasts on the row's concept, in percentage points, when "
            "one answer on the column's becomes right instead of wrong.",
        ),
        (
            gates,
            "Gates",
            "Evidence, in standard errors, that practice of the row's concept bears more where the "
            "column's is mastered.",
        ),
    ):
        if matrix is not None and np.isfinite(matrix).any():
            part = matrix[np.ix_(shown, shown)] * (100 if title == "Influence" else 1)
            figures.append(Figure("heat", title, matrix=part, labels=(names, names), caption=caption))
    return Section("The graph of concepts", _text(concepts, edges, clusters, notes or {}), tables, figures)


def _text(
    concepts: Sequence[str], edges: Sequence[Edge], clusters: Ints, notes: Mapping[str, Any]
) -> list[str]:
    """What was found, in words."""
    direct = sum(not one.indirect for one in edges)
    found = [
        f"{len(concepts)} concepts, {direct} direct edges and {len(edges) - direct} by way of others, "
        f"{len(np.unique(clusters))} clusters."
    ]
    if notes.get("pairs tested"):
        found.append(
            f"{notes['pairs tested']} directed pairs were tested; of the edges, a share of at most "
            f"{notes['level']:.0%} is expected to be false."
        )
    elif notes.get("from") == "answers":
        found.append("No pair could be tested: there are too few answers, or too few concepts for a student.")
    return found


def _all(clusters: Ints) -> list[int]:
    return [int(g) for g in np.unique(clusters)]


def _shown(count: int, edges: Sequence[Edge], clusters: Ints) -> Ints:
    """Concepts of a heat map, cluster by cluster."""
    degree = np.zeros(count, dtype=np.int64)
    for one in edges:
        degree[[one.source, one.target]] += 1
    most = np.sort(np.argsort(-degree, kind="stable")[:SHOWN])
    return most[np.argsort(clusters[most], kind="stable")]
