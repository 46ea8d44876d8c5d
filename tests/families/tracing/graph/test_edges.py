from __future__ import annotations

import numpy as np

from umbel.families.tracing.graph.edges import Edge, chosen_edges, depths, without_circles
from umbel.families.tracing.graph.significance import Significance


def evidence(z: list[list[float]]) -> Significance:
    own = np.array(z)
    p = np.where(own > 2, 0.001, 0.6)
    return Significance(own / 100, own, p, p)


def test_the_likelier_direction_is_kept() -> None:
    kept, left = chosen_edges(evidence([[0, 3, 0], [5, 0, 0], [0, 0, 0]]), level=0.05)
    assert [(one.source, one.target, one.z, one.strength) for one in kept] == [(0, 1, 5.0, 0.05)]
    assert kept[0].sure > 0.9
    assert left == []
    assert chosen_edges(evidence([[0, 1], [1.5, 0]]), level=0.05) == ([], [])
    negative = Significance(*(np.array([[0, -4.0], [-9.0, 0]]) for _ in range(2)), *np.zeros((2, 2, 2)))
    assert chosen_edges(negative, level=0.05) == ([], [])


def test_two_stronger_edges_explain_a_third() -> None:
    kept, _ = chosen_edges(evidence([[0, 0, 0], [6, 0, 0], [3, 5, 0]]), level=0.05)
    assert [(one.source, one.target, one.indirect) for one in kept] == [
        (0, 1, False),
        (1, 2, False),
        (0, 2, True),
    ]
    kept, _ = chosen_edges(evidence([[0, 0, 0], [6, 0, 0], [5, 3, 0]]), level=0.05)
    assert not any(one.indirect for one in kept)  # the way by b is weaker than the edge itself


def test_the_weakest_edge_of_a_circle_is_left_out() -> None:
    kept, left = chosen_edges(evidence([[0, 0, 3], [6, 0, 0], [0, 5, 0]]), level=0.05)
    assert [(one.source, one.target) for one in kept] == [(0, 1), (1, 2)]
    assert [(one.source, one.target) for one in left] == [(2, 0)]
    long = [Edge(i, i + 1) for i in range(5)] + [Edge(5, 0)]
    assert [(one.source, one.target) for one in without_circles(long, 6)[1]] == [(5, 0)]


def test_depth_is_the_longest_way() -> None:
    edges = [Edge(0, 1), Edge(1, 2), Edge(0, 3), Edge(3, 4), Edge(2, 4)]
    assert depths(edges, 6).tolist() == [0, 1, 2, 1, 3, 0]
