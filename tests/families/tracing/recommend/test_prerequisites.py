from __future__ import annotations

import numpy as np
import pytest

from umbel.errors import ConfigError, DataError, ShapeError
from umbel.families.tracing.recommend.prerequisites import Prerequisites

GRAPH = np.zeros((4, 4), dtype=np.bool_)
GRAPH[2, 0] = GRAPH[2, 1] = GRAPH[3, 2] = True  # 2 needs 0 and 1, 3 needs 2


def test_a_concept_is_offered_when_all_it_needs_is_mastered() -> None:
    mastery = np.array([[0.9, 0.2, 0.1, 0.1], [0.9, 0.7, 0.1, 0.9], [0.9, 0.9, 0.8, 0.1]])
    offered = Prerequisites(GRAPH, mastered=0.7)(mastery)
    assert offered.tolist() == [[True, True, False, False], [True, True, True, False], [True] * 4]


def test_it_equals_the_rule_read_concept_by_concept() -> None:
    chance = np.random.default_rng(0)
    graph = np.tril(chance.random((7, 7)) < 0.4, k=-1)
    mastery = chance.random((50, 7))
    found = Prerequisites(graph, mastered=0.4)(mastery)
    for s in range(50):
        for c in range(7):
            assert found[s, c] == all(mastery[s, j] >= 0.4 for j in range(7) if graph[c, j])
    assert not found.all()


def test_there_is_always_something_to_practise() -> None:
    rule = Prerequisites(GRAPH)
    rule.graph = np.ones((4, 4), dtype=np.bool_)  # a rule that offers nothing
    assert rule(np.full((2, 4), 0.1)).all()


def test_what_is_no_graph_of_prerequisites_is_refused() -> None:
    with pytest.raises(ShapeError, match="square"):
        Prerequisites(np.zeros((2, 3), dtype=np.bool_))
    with pytest.raises(ShapeError, match="truth values"):
        Prerequisites(np.zeros((2, 2)))
    circle = GRAPH.copy()
    circle[0, 3] = True
    with pytest.raises(DataError, match=r"\[0, 2, 3\]"):
        Prerequisites(circle)
    with pytest.raises(DataError, match=r"\[0\]"):
        Prerequisites(np.ones((1, 1), dtype=np.bool_))
    with pytest.raises(ConfigError, match="mastered"):
        Prerequisites(GRAPH, mastered=1.0)
