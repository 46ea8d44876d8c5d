from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from umbel.errors import DataError
from umbel.families.tracing.graph.edges import Edge
from umbel.families.tracing.graph.graphml import SPACE, graphml, read_graphml


def test_other_programs_can_read_it() -> None:
    names = ['a <b> & "c"', "ü — 分数", "bell \x07 and\nline"]
    text = graphml(names, [Edge(0, 1, z=2.5, p=0.01)], np.array([0, 1, 1]), np.array([0.5, np.nan, 1.0]))
    root = ElementTree.fromstring(text)
    space = {"g": SPACE}
    kinds = {key.get("id"): (key.get("for"), key.get("attr.type")) for key in root.findall("g:key", space)}
    assert kinds["node-mastery"] == ("node", "double")
    assert kinds["edge-indirect"] == ("edge", "boolean")
    graph = root.find("g:graph", space)
    assert graph is not None
    assert graph.get("edgedefault") == "directed"
    told = [
        {one.get("key"): one.text for one in node.findall("g:data", space)}
        for node in graph.findall("g:node", space)
    ]
    assert told[0] == {"node-name": names[0], "node-cluster": "0", "node-mastery": "0.5"}
    assert told[1] == {"node-name": names[1], "node-cluster": "1"}
    assert told[2]["node-name"] == "bell   and line"
    edge = graph.find("g:edge", space)
    assert edge is not None
    assert (edge.get("source"), edge.get("target")) == ("n0", "n1")
    data = {one.get("key"): one.text for one in edge.findall("g:data", space)}
    assert data == {"edge-z": "2.5", "edge-p": "0.01", "edge-sure": "1.0", "edge-indirect": "false"}
    assert all(one.get("key") in kinds for one in root.iter(f"{{{SPACE}}}data"))


def test_a_graph_of_another_program_is_read(tmp_path: Path) -> None:
    path = tmp_path / "own.graphml"
    path.write_text(
        '<graphml><key id="d0" for="node" attr.name="label" attr.type="string"/>'
        '<graph edgedefault="undirected"><node id="x"><data key="d0">Adding</data></node><node id="y"/>'
        '<edge source="x" target="y" directed="true"/></graph></graphml>',
        encoding="utf-8",
    )
    found = read_graphml(path)
    assert found.concepts == ("Adding", "y")
    assert found.edges == (Edge(0, 1),)
    assert found.clusters.tolist() == [0, 0]
    assert found.mastery is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<graphml", "must be readable"),
        ("<svg/>", "holds a graph"),
        ("<graphml/>", "holds a graph"),
        (
            '<graphml><graph><node id="a"/><node id="b"/><edge source="a" target="b"/></graph></graphml>',
            "lead",
        ),
        ('<graphml><graph edgedefault="directed"><edge source="a" target="b"/></graph></graphml>', "a to b"),
        ('<graphml><graph><node id="a"/><node id="a"/></graph></graphml>', "'a' twice"),
        (
            '<graphml><key id="k" attr.name="mastery"/><graph><node id="a"><data key="k">much</data></node>'
            "</graph></graphml>",
            "'much'",
        ),
    ],
)
def test_what_is_no_such_graph_is_refused(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.graphml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=words):
        read_graphml(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.graphml"):
        read_graphml(tmp_path / "none.graphml")
