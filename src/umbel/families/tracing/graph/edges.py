"""Edges of a graph of concepts: what is needed for what, without circles, and which edges others explain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.families.tracing.graph.direction import first_known
from umbel.families.tracing.graph.significance import Significance

__all__ = ["Edge", "chosen_edges", "depths", "without_circles"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Edge:
    """One concept is needed for another.

    :param source: number of the concept that is needed.
    :param target: number of the concept it is needed for.
    :param strength: how much more often answers on the target are right for one more spread of its practice
        weighted with the mastery of the source, beyond what other concepts' mastery does; None where the
        graph was given.
    :param z: the same in its standard errors; None as above.
    :param p, q: of the permutation test, and the share of false edges at which it is one; None as above.
    :param sure: probability that the direction is this one; 1 where a user gave it.
    :param indirect: whether a way of two stronger edges leads from source to target.
    """

    source: int
    target: int
    strength: float | None = None
    z: float | None = None
    p: float | None = None
    q: float | None = None
    sure: float = 1.0
    indirect: bool = False

    @property
    def state(self) -> dict[str, Any]:
        """All of it as JSON."""
        return asdict(self)


def chosen_edges(found: Significance, *, level: float) -> tuple[list[Edge], list[Edge]]:
    """The pairs that pass the test, each in its likelier direction, without circles.

    :param found: all pairs.
    :param level: share of false edges that is accepted.
    :returns: the edges, the strongest first, and those left out because stronger ones lead the other way.
    """
    sure = first_known(found.z)
    edges = []
    for target, source in zip(*np.nonzero(found.q <= level), strict=True):
        if not found.z[target, source] > 0 or sure[target, source] < 0.5:
            continue
        edges.append(
            Edge(
                source=int(source),
                target=int(target),
                strength=float(found.effect[target, source]),
                z=float(found.z[target, source]),
                p=float(found.p[target, source]),
                q=float(found.q[target, source]),
                sure=float(sure[target, source]),
            )
        )
    kept, left = without_circles(edges, len(found.z))
    return _with_ways(kept), left


def without_circles(edges: Iterable[Edge], count: int) -> tuple[list[Edge], list[Edge]]:
    """Edges taken in order of their strength, each unless it closes a circle.

    :param count: C.
    :returns: the edges taken, and the others.

    >>> [len(part) for part in without_circles([Edge(0, 1), Edge(1, 2), Edge(2, 0)], 3)]
    [2, 1]
    """
    reach = np.eye(count, dtype=bool)  # row reaches column
    kept: list[Edge] = []
    left: list[Edge] = []
    for edge in sorted(edges, key=lambda one: (-(one.z or 0.0), one.source, one.target)):
        if reach[edge.target, edge.source]:
            left.append(edge)
            continue
        kept.append(edge)
        reach |= np.outer(reach[:, edge.source], reach[edge.target])
    return kept, left


def depths(edges: Iterable[Edge], count: int) -> Ints:
    """How many edges the longest way to each concept has, [C].

    :param edges: without circles.
    :param count: C.

    >>> depths([Edge(0, 1), Edge(1, 2), Edge(0, 2)], 4).tolist()
    [0, 1, 2, 0]
    """
    found = np.zeros(count, dtype=np.int64)
    edges = list(edges)
    for _ in range(count):
        before = found.copy()
        for edge in edges:
            found[edge.target] = max(found[edge.target], found[edge.source] + 1)
        if (found == before).all():
            break
    return found


def _with_ways(edges: list[Edge]) -> list[Edge]:
    """Marks edges that two stronger ones explain (Margolin et al. 2006 prune so by mutual information)."""
    size = {(one.source, one.target): one.z or 0.0 for one in edges}
    found = []
    for edge in edges:
        own = edge.z or 0.0
        ways = (
            min(first, size.get((middle, edge.target), 0.0))
            for (source, middle), first in size.items()
            if source == edge.source and middle != edge.target
        )
        found.append(replace(edge, indirect=any(way > own for way in ways)))
    return found
