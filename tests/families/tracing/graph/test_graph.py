from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from umbel.errors import DataError, ShapeError
from umbel.families.tracing.graph.edges import Edge
from umbel.families.tracing.graph.graph import ConceptGraph
from umbel.families.tracing.model.gkt_graphs import checked_graph


def found() -> ConceptGraph:
    """A graph as answers give it."""
    matrix = np.array([[np.nan, 0.1, 0.2], [0.3, np.nan, 0.4], [0.5, 0.6, np.nan]])
    edges = (
        Edge(0, 1, 0.02, 6.0, 0.001, 0.01, 0.99),
        Edge(1, 2, 0.01, 5.0, 0.002, 0.02, 0.9),
        Edge(0, 2, 0.005, 3.0, 0.01, 0.04, 0.8, indirect=True),
    )
    notes = {"from": "answers", "pairs tested": 6, "level": 0.05}
    return ConceptGraph(
        ("add", "times", "power"),
        edges,
        np.array([0, 0, 1]),
        influence=matrix,
        growth=matrix / 2,
        gates=matrix * 10,
        notes=notes,
    )


def test_a_users_own_graph() -> None:
    graph = ConceptGraph.from_edges([("count", "add"), ("add", "times"), ("count", "add")])
    assert graph.concepts == ("count", "add", "times")
    assert [(one.source, one.target, one.z, one.sure) for one in graph.edges] == [
        (0, 1, None, 1.0),
        (1, 2, None, 1.0),
    ]
    assert graph.needed("times") == ["add"]
    assert graph.needs().tolist() == [[False] * 3, [True, False, False], [False, True, False]]
    assert checked_graph(graph.pairs()) == [["count", "add"], ["add", "times"]]
    alone = ConceptGraph.from_edges([("a", "b")], concepts=["b", "c", "a"])
    assert (len(alone), alone.edges[0].source, alone.edges[0].target) == (3, 2, 0)


def test_a_given_graph_that_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match=r"'(a|b|c)' for '(a|b|c)' closes a circle"):
        ConceptGraph.from_edges([("a", "b"), ("b", "c"), ("c", "a")])
    with pytest.raises(DataError, match="closes a circle"):
        ConceptGraph.from_edges([("a", "a")])
    with pytest.raises(DataError, match="did you mean 'multiply'"):
        ConceptGraph.from_edges([("add", "multipy")], concepts=["add", "multiply"])
    with pytest.raises(DataError, match="did you mean 'times'"):
        found().needed("time")


def test_indirect_edges_are_no_pairs() -> None:
    graph = found()
    assert graph.pairs() == [["add", "times"], ["times", "power"]]
    assert graph.needed("power") == ["times"]
    assert graph.needs()[2].tolist() == [True, True, False]


def test_state_is_json_and_the_whole_graph() -> None:
    for graph in (
        found(),
        found().for_student([0.2, np.nan, 0.4], student="Ada"),
        ConceptGraph.from_edges([]),
    ):
        text = json.dumps(graph.state, allow_nan=False)
        again = ConceptGraph.from_state(json.loads(text))
        assert json.dumps(again.state) == text
        assert again.edges == graph.edges
        assert again.clusters.dtype == np.int64
        for name in ("influence", "growth", "gates", "mastery"):
            own = getattr(graph, name)
            if own is None:
                assert getattr(again, name) is None
            else:
                np.testing.assert_array_equal(getattr(again, name), own)


def test_one_students_graph() -> None:
    own = found().for_student({"power": 0.3, "add": 1.0}, student="Ada")
    assert own.mastery is not None
    np.testing.assert_array_equal(own.mastery, [1.0, np.nan, 0.3])
    assert (own.student, own.edges, found().mastery) == ("Ada", found().edges, None)
    with pytest.raises(ShapeError, match="there are 3 concepts"):
        found().for_student([0.1, 0.2])
    with pytest.raises(DataError, match=r"-0\.1 to 0\.9"):
        found().for_student([-0.1, 0.9, np.nan])
    with pytest.raises(DataError, match="did you mean 'power'"):
        found().for_student({"pover": 0.1})


def test_graphml_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "graph.graphml"
    for graph in (found(), found().for_student([0.2, np.nan, 0.4])):
        graph.to_graphml(path)
        again = ConceptGraph.from_graphml(path)
        assert (again.concepts, again.edges) == (graph.concepts, graph.edges)
        assert again.clusters.tolist() == [0, 0, 1]
        if graph.mastery is None:
            assert again.mastery is None
        else:
            np.testing.assert_array_equal(again.mastery, graph.mastery)
    assert [one.name for one in path.parent.iterdir()] == ["graph.graphml"]
    circle = replace(found(), edges=(Edge(0, 1), Edge(1, 0)))
    circle.to_graphml(path)
    with pytest.raises(DataError, match="closes a circle"):
        ConceptGraph.from_graphml(path)


def test_the_section_shows_edges_clusters_and_maps() -> None:
    section = found().section()
    edges, groups = section.tables
    assert edges.rows[0] == ["add", "times", pytest.approx(2.0), 6.0, 0.01, 0.99, "direct"]
    assert edges.rows[2][-1] == "by others"
    assert groups.rows == [[1, 2, "add, times"], [2, 1, "power"]]
    assert [one.title for one in section.figures] == ["Influence", "Gates"]
    assert section.figures[0].matrix is not None
    assert section.figures[0].matrix[1, 2] == pytest.approx(40.0)
    assert section.figures[0].labels == (["add", "times", "power"],) * 2
    assert section.text == [
        "3 concepts, 2 direct edges and 1 by way of others, 2 clusters.",
        "6 directed pairs were tested; of the edges, a share of at most 5% is expected to be false.",
    ]
    plain = ConceptGraph.from_edges([("a", "b")]).section()
    assert (len(plain.tables), plain.figures, len(plain.text)) == (1, [], 1)
    untold = replace(found(), edges=(), notes={"from": "answers", "pairs tested": 0, "level": 0.05}).section()
    assert "No pair could be tested" in untold.text[1]


def test_a_heat_map_keeps_to_the_concepts_with_edges() -> None:
    names = [f"c{i}" for i in range(50)]
    graph = ConceptGraph.from_edges([("c49", "c45"), ("c45", "c7")], concepts=names)
    graph = replace(graph, influence=np.arange(2500.0).reshape(50, 50), clusters=np.arange(50)[::-1] % 2)
    figure = graph.section().figures[0]
    assert figure.labels is not None
    assert figure.matrix is not None
    rows = figure.labels[0]
    assert len(rows) == 40
    assert {"c49", "c45", "c7"} <= set(rows)
    assert rows[:20] == sorted((r for r in rows[:20]), key=lambda r: int(r[1:]))
    assert figure.matrix[rows.index("c7"), rows.index("c49")] == pytest.approx(100 * (7 * 50 + 49))
