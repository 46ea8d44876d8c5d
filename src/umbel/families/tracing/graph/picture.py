"""A picture of a graph of concepts: what is needed stands to the left of what it is needed for."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from umbel.errors import ConfigError
from umbel.families.tracing.graph.graph import ConceptGraph
from umbel.families.tracing.graph.layout import layered
from umbel.training.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

__all__ = ["draw", "save_picture"]

Floats = NDArray[np.float64]

WIDE, HIGH = 1.9, 0.75
"""Inches of a column and of a row."""
BOX = (1.35, 0.42)
"""Inches of a concept's box."""
LETTERS = 18
"""Letters of a name that fit."""
COLOURS = ("#c9daf5", "#f7d9b8", "#cfe8c6", "#efcbd6", "#ddd0ee", "#f3ecb0", "#c4e6e3", "#dcdcdc")
"""Of the clusters, in turn; light, so that names can be read on them."""
INK, QUIET = "#222222", "#9a9a9a"


def draw(graph: ConceptGraph) -> Canvas:
    """The picture: boxes in the colours of the clusters, arrows to what each concept is needed for.

    Arrows are the wider the stronger the evidence; those that others explain are dotted. With a student's
    mastery on it the boxes are filled from the left as far as the concept is mastered, and the number stands
    below the name.

    :param graph: found, given, or a student's (:meth:`ConceptGraph.for_student`).
    """
    from matplotlib.figure import Figure as Canvas

    layout = layered(graph.edges, graph.clusters)
    at = layout.concepts * (WIDE, -HIGH)
    ways = [way * (WIDE, -HIGH) for way in layout.ways]
    every = np.concatenate([np.zeros((1, 2)), at, *ways])
    low, high = every.min(axis=0), every.max(axis=0)
    title = f"What {graph.student} knows" if graph.student else ""
    size = high - low + (BOX[0] + 0.3, BOX[1] + (0.6 if title else 0.3))
    canvas = Canvas(figsize=(float(size[0]), float(size[1])))
    axes = canvas.add_axes((0, 0, 1, 1))
    axes.set_xlim(float(low[0] - BOX[0] / 2 - 0.15), float(low[0] - BOX[0] / 2 - 0.15 + size[0]))
    axes.set_ylim(float(low[1] - BOX[1] / 2 - 0.15), float(low[1] - BOX[1] / 2 - 0.15 + size[1]))
    axes.axis("off")
    if title:
        axes.text(
            float(low[0] - BOX[0] / 2), float(high[1] + BOX[1] / 2 + 0.2), title, fontsize=11, color=INK
        )
    _arrows(axes, graph, at, ways)
    for i in range(len(graph)):
        _box(axes, graph, i, at[i])
    return canvas


def save_picture(graph: ConceptGraph, path: str | Path) -> None:
    """Write the picture, whole or not at all; the same graph gives the same file.

    :param path: ends with ``.svg`` or ``.png``.
    :raises ConfigError: it ends otherwise.
    :raises DiskError: the file could not be written.
    """
    import matplotlib

    path = Path(path)
    form = path.suffix.lower().removeprefix(".")
    if form not in ("svg", "png"):
        raise ConfigError(
            "a picture is an SVG or a PNG file", found=str(path), remedy="graph.svg or graph.png"
        )
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "graph"}):
        told = {"Date": None} if form == "svg" else {"Software": None}
        draw(graph).savefig(buffer, format=form, dpi=150, metadata=told)
    write_bytes(path, buffer.getvalue())


def _arrows(axes: Axes, graph: ConceptGraph, at: Floats, ways: list[Floats]) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Line

    half = np.array([BOX[0] / 2, 0.0])
    strongest = max((one.z or 0.0 for one in graph.edges), default=0.0)
    for one, way in zip(graph.edges, ways, strict=True):
        share = (one.z or 0.0) / strongest if strongest > 0 else 0.5
        points, codes = [at[one.source] + half], [Line.MOVETO]
        for stop in (*way, at[one.target]):  # bends in the gap between two columns, level within a column
            left = stop - half
            middle = (points[-1][0] + left[0]) / 2
            points += [np.array([middle, points[-1][1]]), np.array([middle, left[1]]), left]
            codes += [Line.CURVE4] * 3
            points.append(stop + half)
            codes.append(Line.LINETO)
        axes.add_patch(
            FancyArrowPatch(
                path=Line(np.array(points[:-1]), codes[:-1]),
                arrowstyle="-|>",
                mutation_scale=9,
                color=QUIET if one.indirect else INK,
                linewidth=0.6 + 1.0 * share,
                linestyle=":" if one.indirect else "-",
                zorder=0.5,
            )
        )


def _box(axes: Axes, graph: ConceptGraph, i: int, at: Floats) -> None:
    from matplotlib.patches import Rectangle

    left, bottom = float(at[0] - BOX[0] / 2), float(at[1] - BOX[1] / 2)
    colour = COLOURS[int(graph.clusters[i]) % len(COLOURS)]
    level = None if graph.mastery is None else float(graph.mastery[i])
    if level is None:
        axes.add_patch(Rectangle((left, bottom), *BOX, facecolor=colour, edgecolor=INK, linewidth=0.8))
    else:
        axes.add_patch(Rectangle((left, bottom), *BOX, facecolor="#ffffff", edgecolor="none"))
        if np.isfinite(level):
            axes.add_patch(
                Rectangle((left, bottom), BOX[0] * level, BOX[1], facecolor=colour, edgecolor="none")
            )
        axes.add_patch(Rectangle((left, bottom), *BOX, fill=False, edgecolor=INK, linewidth=0.8))
    name = graph.concepts[i]
    if len(name) > LETTERS:
        name = name[: LETTERS // 2] + "…" + name[len(name) - (LETTERS - 1 - LETTERS // 2) :]
    if level is not None:
        name += "\nunknown" if np.isnan(level) else f"\n{level:.0%}"
    axes.text(float(at[0]), float(at[1]), name, ha="center", va="center", fontsize=7, color=INK)
