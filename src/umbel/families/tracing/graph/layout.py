"""Where the concepts of a graph stand in a picture, and which way the edges between them take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from umbel.families.tracing.graph.edges import Edge, depths

__all__ = ["Layout", "layered"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SWEEPS = 8
"""Passes over the columns, to the right and back."""


@dataclass(frozen=True)
class Layout:
    """Places in columns and rows, both from 0, rows downwards.

    :param concepts: column and row of each concept, [C, 2].
    :param ways: of each edge, the places it passes on its way, [., 2] each; empty for neighbouring columns.
    """

    concepts: Floats
    ways: tuple[Floats, ...]


def layered(edges: Sequence[Edge], clusters: Ints) -> Layout:
    """Concepts from left to right as they are needed for each other.

    The column of a concept is the number of edges of the longest way to it. An edge over several columns has
    a place of its own in each, so that it meets no concept on its way. Within a column, places are ordered by
    the mean row of what they are joined to, in sweeps to the right and back. Concepts without any edge stand
    below, in rows.

    :param edges: without circles.
    :param clusters: of each concept, [C]; within a column they begin by cluster.

    Source: Sugiyama, Tagawa & Toda 1981.

    >>> layered([Edge(0, 1), Edge(1, 2)], np.zeros(3, dtype=np.int64)).concepts.tolist()
    [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]
    """
    count = len(clusters)
    depth = depths(edges, count).tolist()
    column = list(depth)
    ways: list[list[int]] = []
    joined: list[tuple[int, int]] = []
    for edge in edges:
        between = range(depth[edge.source] + 1, depth[edge.target])
        way = list(range(len(column), len(column) + len(between)))
        column += between
        ways.append(way)
        line = [edge.source, *way, edge.target]
        joined += pairwise(line)
    near: list[list[int]] = [[] for _ in column]
    for a, b in joined:
        near[a].append(b)
        near[b].append(a)
    some = np.array([bool(one) for one in near], dtype=bool)
    level = np.array(column, dtype=np.int64)
    own = np.append(clusters, np.zeros(len(column) - count, dtype=np.int64))
    columns = [np.flatnonzero(some & (level == d)) for d in range(int(level.max(initial=0)) + 1)]
    columns = [one[np.argsort(own[one], kind="stable")] for one in columns]
    row = _swept(columns, near, level)
    found = np.stack([level.astype(np.float64), row - (row[some].min() if some.any() else 0.0)], axis=1)
    alone = np.flatnonzero(~some)
    wide = max(len(columns), 4, int(np.ceil(np.sqrt(len(alone) / 2))))
    below = float(found[some, 1].max()) + 1.5 if some.any() else 0.0
    found[alone] = np.stack([np.arange(len(alone)) % wide, below + np.arange(len(alone)) // wide], axis=1)
    return Layout(found[:count], tuple(found[way] for way in ways))


def _swept(columns: list[Ints], near: list[list[int]], level: Ints) -> Floats:
    """Rows around 0: each column in the order of what stands before it, then of what stands behind it."""
    row = np.zeros(len(level))
    for column in columns:
        row[column] = _around(len(column))
    for sweep in range(SWEEPS):
        side = -1 if sweep % 2 == 0 else 1
        for d in range(len(columns)) if side < 0 else reversed(range(len(columns))):
            column = columns[d]
            middle = [
                float(np.mean([row[k] for k in near[i] if level[k] == d + side] or [row[i]])) for i in column
            ]
            columns[d] = column[np.argsort(middle, kind="stable")]
            row[columns[d]] = _around(len(column))
    return row


def _around(count: int) -> Floats:
    return np.arange(count, dtype=np.float64) - (count - 1) / 2
