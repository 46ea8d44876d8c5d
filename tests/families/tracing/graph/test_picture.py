from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from umbel.errors import ConfigError
from umbel.families.tracing.graph.edges import Edge
from umbel.families.tracing.graph.graph import ConceptGraph
from umbel.families.tracing.graph.picture import COLOURS, draw, save_picture

GRAPH = ConceptGraph.from_edges(
    [("count", "add"), ("add", "times"), ("count", "times")],
    concepts=["count", "add", "times", "a name that is much too long"],
)


def words(path: Path) -> list[str]:
    root = ElementTree.parse(path).getroot()
    return [one.text or "" for one in root.iter("{http://www.w3.org/2000/svg}text")]


def test_an_svg_has_the_names_and_is_always_the_same(tmp_path: Path) -> None:
    save_picture(GRAPH, tmp_path / "a.svg")
    save_picture(GRAPH, str(tmp_path / "b.svg"))
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert words(tmp_path / "a.svg") == ["count", "add", "times", "a name th…too long"]


def test_a_students_picture_tells_mastery(tmp_path: Path) -> None:
    save_picture(GRAPH.for_student([0.5, np.nan, 1.0, 0.0], student="Ada"), tmp_path / "own.svg")
    told = words(tmp_path / "own.svg")
    assert told[0] == "What Ada knows"
    assert {"50%", "unknown", "100%", "0%"} <= set(told)
    save_picture(GRAPH.for_student([0.5, np.nan, 1.0, 0.0]), tmp_path / "own.png")
    assert (tmp_path / "own.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_boxes_have_the_clusters_colours_and_arrows_their_strength() -> None:
    from matplotlib.colors import to_hex
    from matplotlib.patches import FancyArrowPatch, Rectangle

    edges = (Edge(0, 1, z=6.0), Edge(1, 2, z=3.0), Edge(0, 2, z=2.0, indirect=True))
    axes = draw(replace(GRAPH, edges=edges, clusters=np.array([0, 1, 1, 9]))).axes[0]
    boxes = [one for one in axes.patches if isinstance(one, Rectangle)]
    assert [to_hex(one.get_facecolor()) for one in boxes] == [COLOURS[k] for k in (0, 1, 1, 1)]
    arrows = [one for one in axes.patches if isinstance(one, FancyArrowPatch)]
    assert [one.get_linestyle() for one in arrows] == ["-", "-", ":"]
    assert arrows[0].get_linewidth() > arrows[1].get_linewidth() > arrows[2].get_linewidth()
    student = draw(replace(GRAPH, edges=edges).for_student([0.25, 0.5, 1.0, np.nan])).axes[0]
    filled = [one for one in student.patches if isinstance(one, Rectangle)][1::3]
    assert filled[0].get_width() * 4 == pytest.approx(1.35)


def test_an_empty_graph_can_be_drawn(tmp_path: Path) -> None:
    save_picture(ConceptGraph.from_edges([]), tmp_path / "none.svg")
    assert words(tmp_path / "none.svg") == []
    with pytest.raises(ConfigError, match="an SVG or a PNG"):
        save_picture(GRAPH, tmp_path / "graph.pdf")
