from __future__ import annotations

import json

import numpy as np
import pytest
from tests.families.tracing.graph.hand_made import Linear, drawn_log

from umbel.errors import ConfigError
from umbel.families.tracing.graph.concept_graph import ConceptGraph, concept_graph
from umbel.families.tracing.model.transfer import Transfer
from umbel.families.tracing.source.simulate import simulate


def test_a_planted_chain_is_found_whole() -> None:
    made = simulate("hidden", students=3000, concepts=4, questions=10, steps=40, seed=102)
    log = made.log
    model = Transfer().fit(log.take(np.arange(2400)), log.take(np.arange(2400, 3000)))
    graph = concept_graph(model, log, students=200, draws=500)
    direct = np.zeros((4, 4), dtype=bool)
    for one in graph.edges:
        direct[one.target, one.source] |= not one.indirect
    assert (direct == made.prerequisites).all()
    assert [one.z for one in graph.edges] == sorted((one.z for one in graph.edges), reverse=True)
    assert all(one.q <= 0.05 and one.sure > 0.95 for one in graph.edges)
    assert graph.influence is not None
    assert (graph.influence > 0).all()  # who is right on one is more likely right on another
    assert graph.growth is not None
    assert np.isfinite(graph.growth[~np.eye(4, dtype=bool)]).all()
    assert graph.notes["pairs tested"] == 12
    assert graph.notes["model"] == "transfer"
    again = ConceptGraph.from_state(json.loads(json.dumps(graph.state)))
    assert again.edges == graph.edges


def test_a_class_that_learns_nothing_has_no_edges() -> None:
    log = drawn_log(300, 12, 4, ability=0.2)
    graph = concept_graph(Linear(np.full((4, 4), 0.1)), log, students=20, draws=200)
    assert graph.edges == ()
    assert graph.influence is not None
    np.testing.assert_allclose(graph.influence, 0.1, atol=1e-12)
    assert graph.clusters.tolist() == [0] * 4


def test_two_concepts_have_nothing_to_be_compared_with() -> None:
    graph = concept_graph(Linear(np.zeros((2, 2))), drawn_log(100, 8, 2), students=10, draws=50)
    assert graph.edges == ()
    assert graph.notes["pairs tested"] == 0
    with pytest.raises(ConfigError, match="'level'"):
        concept_graph(Linear(np.zeros((2, 2))), drawn_log(10, 8, 2), level=2.0)
