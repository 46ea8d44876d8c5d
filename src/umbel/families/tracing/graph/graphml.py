"""Graphs of concepts as GraphML, which other programs read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError
from umbel.families.tracing.graph.edges import Edge

__all__ = ["GraphFile", "graphml", "read_graphml"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SPACE = "http://graphml.graphdrawing.org/xmlns"
NODE = {"name": "string", "cluster": "int", "mastery": "double"}
EDGE = {
    "strength": "double",
    "z": "double",
    "p": "double",
    "q": "double",
    "sure": "double",
    "indirect": "boolean",
}


def graphml(
    concepts: Sequence[str], edges: Sequence[Edge], clusters: Ints, mastery: Floats | None = None
) -> str:
    """The graph as text; an edge leads from what is needed to what it is needed for.

    :param concepts: names, [C].
    :param edges: between numbers of concepts.
    :param clusters: of each concept, [C].
    :param mastery: of each concept, [C], NaN unknown.

    Source: Brandes et al. 2002, GraphML; http://graphml.graphdrawing.org.

    >>> text = graphml(["add", "multiply"], [Edge(0, 1)], np.array([0, 0]))
    >>> '<edge source="n0" target="n1">' in text
    True
    """
    root = ElementTree.Element("graphml", xmlns=SPACE)
    for domain, kinds in (("node", NODE), ("edge", EDGE)):
        for name, kind in kinds.items():
            attributes = {"id": f"{domain}-{name}", "for": domain, "attr.name": name, "attr.type": kind}
            ElementTree.SubElement(root, "key", attributes)
    graph = ElementTree.SubElement(root, "graph", id="concepts", edgedefault="directed")
    for i, name in enumerate(concepts):
        node = ElementTree.SubElement(graph, "node", id=f"n{i}")
        known = mastery is not None and np.isfinite(mastery[i])
        shown = {"name": _clean(name), "cluster": str(int(clusters[i]))}
        if mastery is not None and known:
            shown["mastery"] = repr(float(mastery[i]))
        _write(node, "node", shown)
    for edge in edges:
        line = ElementTree.SubElement(graph, "edge", source=f"n{edge.source}", target=f"n{edge.target}")
        values = {name: edge.state[name] for name in EDGE}
        _write(
            line,
            "edge",
            {
                name: str(value).lower() if isinstance(value, bool) else repr(float(value))
                for name, value in values.items()
                if value is not None
            },
        )
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


@dataclass(frozen=True)
class GraphFile:
    """What a GraphML file says.

    :param concepts: names, [C].
    :param edges: in the order of the file.
    :param clusters: of each concept, [C]; 0 where the file names none.
    :param mastery: [C], NaN unknown; None where the file names none.
    """

    concepts: tuple[str, ...]
    edges: tuple[Edge, ...]
    clusters: Ints
    mastery: Floats | None


def read_graphml(path: Path) -> GraphFile:
    """Read a directed graph.

    A node is called by its data ``name`` (or ``label``), else by its id.

    :raises DataError: the file cannot be read, is no GraphML, has an undirected edge, two nodes of one name,
        an edge to a node there is not, or data that is no number.
    """
    try:
        root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    except (OSError, ElementTree.ParseError, UnicodeDecodeError) as error:
        raise DataError("a GraphML file must be readable", found=f"{path}: {error}") from error
    space = f"{{{SPACE}}}" if root.tag == f"{{{SPACE}}}graphml" else ""
    graph = root.find(f"{space}graph")
    if root.tag != f"{space}graphml" or graph is None:
        raise DataError("a GraphML file holds a graph", found=f"{path}: <{root.tag}>")
    names = {str(key.get("id")): str(key.get("attr.name")) for key in root.findall(f"{space}key")}

    def data(element: ElementTree.Element) -> dict[str, str]:
        parts = element.findall(f"{space}data")
        return {names.get(str(one.get("key")), ""): (one.text or "").strip() for one in parts}

    nodes = [(str(node.get("id")), data(node)) for node in graph.findall(f"{space}node")]
    concepts = tuple(found.get("name") or found.get("label") or name for name, found in nodes)
    if len(set(concepts)) < len(concepts):
        twice = next(name for name in concepts if concepts.count(name) > 1)
        raise DataError("each concept has a name of its own", found=f"{path}: '{twice}' twice")
    place = {name: i for i, (name, _) in enumerate(nodes)}
    edges = []
    for line in graph.findall(f"{space}edge"):
        ends = [str(line.get(end)) for end in ("source", "target")]
        if not all(end in place for end in ends):
            raise DataError("an edge joins two nodes there are", found=f"{path}: {' to '.join(ends)}")
        if line.get("directed", str(graph.get("edgedefault") == "directed").lower()) != "true":
            raise DataError(
                "edges lead from what is needed to what it is needed for",
                found=f"{path}: {' and '.join(ends)} without a direction",
                remedy='edgedefault="directed"',
            )
        found = data(line)
        numbers = {key: _number(path, key, found.get(key)) for key in EDGE if key not in ("sure", "indirect")}
        sure = _number(path, "sure", found.get("sure"))
        edges.append(
            Edge(
                place[ends[0]],
                place[ends[1]],
                sure=1.0 if sure is None else sure,
                indirect=found.get("indirect") == "true",
                **numbers,
            )
        )
    clusters = [_number(path, "cluster", found.get("cluster")) or 0.0 for _, found in nodes]
    levels = [_number(path, "mastery", found.get("mastery")) for _, found in nodes]
    mastery = None
    if any(level is not None for level in levels):
        mastery = np.array([np.nan if level is None else level for level in levels])
    return GraphFile(concepts, tuple(edges), np.array(clusters).astype(np.int64), mastery)


def _write(element: ElementTree.Element, domain: str, values: dict[str, str]) -> None:
    for name, value in values.items():
        ElementTree.SubElement(element, "data", key=f"{domain}-{name}").text = value


def _clean(name: str) -> str:
    """A name without the characters that XML cannot hold."""
    return "".join(" " if ord(c) < 0x20 or ord(c) in (0xFFFE, 0xFFFF) else c for c in name)


def _number(path: Path, key: str, text: str | None) -> float | None:
    if text is None or text == "":
        return None
    try:
        return float(text)
    except ValueError:
        raise DataError(f"the data '{key}' of a graph is a number", found=f"{path}: {text!r}") from None
