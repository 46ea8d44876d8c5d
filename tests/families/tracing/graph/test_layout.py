from __future__ import annotations

from itertools import pairwise

import numpy as np

from umbel.families.tracing.graph.edges import Edge, without_circles
from umbel.families.tracing.graph.layout import layered


def test_what_is_needed_stands_to_the_left() -> None:
    chance = np.random.default_rng(0)
    drawn = [Edge(*pair.tolist()) for pair in chance.integers(0, 14, (30, 2)) if pair[0] != pair[1]]
    edges, _ = without_circles(drawn, 14)
    found = layered(edges, np.zeros(14, dtype=np.int64))
    for edge, way in zip(edges, found.ways, strict=True):
        line = [found.concepts[edge.source], *way, found.concepts[edge.target]]
        assert [b[0] - a[0] for a, b in pairwise(line)] == [1.0] * (len(line) - 1)
    places = [tuple(one) for one in (*found.concepts, *(p for way in found.ways for p in way))]
    assert len(set(places)) == len(places)  # nothing stands on anything else
    assert found.concepts[:, 1].min() >= 0


def test_lines_that_need_not_cross_do_not() -> None:
    edges = [Edge(0, 4), Edge(1, 3), Edge(4, 5), Edge(3, 6)]
    rows = layered(edges, np.zeros(7, dtype=np.int64)).concepts[:, 1]
    assert (rows[0] < rows[1]) == (rows[4] < rows[3]) == (rows[5] < rows[6])


def test_concepts_without_edges_stand_below() -> None:
    found = layered([Edge(0, 1)], np.zeros(7, dtype=np.int64)).concepts
    assert found[:2].tolist() == [[0.0, 0.0], [1.0, 0.0]]
    assert found[2:].tolist() == [[0.0, 1.5], [1.0, 1.5], [2.0, 1.5], [3.0, 1.5], [0.0, 2.5]]
    assert layered([], np.zeros(0, dtype=np.int64)).concepts.shape == (0, 2)
    assert layered([], np.zeros(2, dtype=np.int64)).concepts.tolist() == [[0.0, 0.0], [1.0, 0.0]]
