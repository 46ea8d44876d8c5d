from __future__ import annotations

import numpy as np
import pytest

from tracing_nets import classroom
from umbel.errors import ConfigError
from umbel.families.tracing.model.gkt_graphs import (
    checked_graph,
    dense_graph,
    given_graph,
    transition_graph,
)
from umbel.families.tracing.source.codes import Codes


def test_transitions_are_counted_within_students() -> None:
    log = classroom()
    codes = Codes.of(log)
    counts = np.zeros((5, 5))
    sets = [set(log.concept_sets[s].tolist()) for s in log.sets]
    for start, stop in zip(log.offsets[:-1], log.offsets[1:], strict=True):
        for t in range(start, stop - 1):
            for i in sets[t]:
                for j in sets[t + 1]:
                    if i != j:
                        counts[i, j] += 1 / (len(sets[t]) * len(sets[t + 1]))
    expected = counts / counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(transition_graph(log, codes), expected, atol=1e-6)


def test_a_dense_graph_joins_all_others_alike() -> None:
    assert dense_graph(3).tolist() == [[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    assert dense_graph(1).tolist() == [[0.0]]


def test_a_graph_of_ones_own() -> None:
    codes = Codes((), ("a", "b", "c"))
    edges = [["a", "b"], ["a", "c"], ["a", "c"], ["c", "b"], ["b", "unpractised"]]
    found = given_graph(edges, codes, ("c", "unpractised", "b", "a"))
    assert found.tolist() == [[0, 0.5, 0.5], [0, 0, 0], [0, 1, 0]]
    with pytest.raises(ConfigError, match="concepts of the training log") as told:
        given_graph([["a", "cc"]], codes, ("a", "b", "c"))
    assert "['a', 'cc']" in str(told.value)
    with pytest.raises(ConfigError, match="must join two concepts"):
        given_graph([["a", "a"]], codes, ("a", "b", "c"))


@pytest.mark.parametrize("graph", ["sparse", [], 3, [["a"]], [["a", 2]], ["ab"]])
def test_what_is_no_graph_is_refused(graph: object) -> None:
    with pytest.raises(ConfigError, match="graph"):
        checked_graph(graph)


def test_a_graph_is_kept_as_lists() -> None:
    assert checked_graph((("a", "b"), ["b", "c"])) == [["a", "b"], ["b", "c"]]
    assert checked_graph("dense") == "dense"
