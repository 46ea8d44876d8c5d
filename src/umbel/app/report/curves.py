"""Curves with their names at their ends, and calibration curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from umbel.app.report.drawing import LETTERS, name_axes, new_axes, shorten, spread
from umbel.app.report.svg import GRID, MUTED, SERIES
from umbel.judging.section import Figure, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["calibration", "lines"]


def _whole_x(series: Sequence[Series]) -> bool:
    return all(isinstance(x, int | np.integer) or float(x).is_integer() for s in series for x in s.x)


def _curves(axes: Axes, series: Sequence[Series], *, marker: str = "") -> None:
    """Lines with their names at their ends."""
    ends = []
    for i, one in enumerate(series):
        colour = SERIES[i % len(SERIES)]
        x, y = np.asarray(one.x, dtype=float), np.asarray(one.y, dtype=float)
        axes.plot(x, y, color=colour, linewidth=1.8, marker=marker, markersize=4, solid_capstyle="round")
        if one.low is not None and one.high is not None:
            ends_of = np.asarray(one.low, dtype=float), np.asarray(one.high, dtype=float)
            axes.fill_between(x, *ends_of, color=colour, alpha=0.15, linewidth=0)
        seen = np.flatnonzero(np.isfinite(y))
        if len(seen):
            ends.append((one.name, x[seen[-1]], y[seen[-1]], colour))
    if not ends or (len(ends) == 1 and not ends[0][0]):
        return
    low, high = axes.get_ylim()
    heights = spread([e[2] for e in ends], (high - low) * 0.09, low, high)
    for (name, x_end, _, colour), height in zip(ends, heights, strict=True):
        axes.annotate(
            shorten(name, 14),
            (x_end, height),
            xytext=(5, 0),
            textcoords="offset points",
            color=colour,
            fontsize=LETTERS,
            va="center",
            annotation_clip=False,
        )


def lines(figure: Figure) -> Any:
    """Curves over numbers, or over labels in order."""
    canvas, axes = new_axes(2.9)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    if all(isinstance(x, str) for s in figure.series for x in s.x):
        labels = list(dict.fromkeys(x for s in figure.series for x in s.x))
        axes.set_xticks(range(len(labels)), [shorten(x, 8) for x in labels])
        _curves(axes, [replace(s, x=[labels.index(x) for x in s.x]) for s in figure.series], marker="o")
    else:
        _curves(axes, figure.series)
        axes.locator_params(axis="x", nbins=6, integer=_whole_x(figure.series))
    axes.locator_params(axis="y", nbins=5)
    name_axes(axes, figure)
    return canvas


def calibration(figure: Figure) -> Any:
    """Curves against the diagonal, both axes from 0 to 1."""
    canvas, axes = new_axes(3.6)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (3, 3)))
    axes.grid(color=GRID, linewidth=0.8)
    _curves(axes, figure.series, marker="o")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    name_axes(axes, figure)
    return canvas
