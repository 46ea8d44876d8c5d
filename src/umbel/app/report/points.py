"""Points with intervals, and bars, each against its label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from umbel.app.report.drawing import LETTERS, labels_of, name_axes, new_axes, shorten
from umbel.app.report.svg import BAD, GOOD, GRID, INK, MUTED, SERIES
from umbel.judging.words import number

if TYPE_CHECKING:
    from umbel.judging.section import Figure

__all__ = ["bars", "intervals"]


def _verdict_colour(low: float, high: float) -> str:
    return GOOD if low > 0 else BAD if high < 0 else MUTED


def intervals(figure: Figure) -> Any:
    """Points with whiskers against labels, 0 marked; one series is coloured by its verdicts."""
    labels = labels_of(figure.series)
    several = len(figure.series) > 1
    step = 0.22 if several else 0.0
    height = 0.7 + len(labels) * max(0.36, 0.12 + 0.2 * len(figure.series))
    canvas, axes = new_axes(min(height, 40.0))
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.axvline(0, color=INK, linewidth=1)
    for i, one in enumerate(figure.series):
        shift = (i - (len(figure.series) - 1) / 2) * step
        low = one.y if one.low is None else one.low
        high = one.y if one.high is None else one.high
        for x, y, a, b in zip(one.x, one.y, low, high, strict=True):
            if y is None or not np.isfinite(y):
                continue
            a, b = (y if v is None or not np.isfinite(v) else v for v in (a, b))
            at = labels.index(str(x)) + shift
            colour = SERIES[i % len(SERIES)] if several else _verdict_colour(a, b)
            axes.plot([a, b], [at, at], color=colour, linewidth=2.2, solid_capstyle="round")
            axes.plot([y], [at], marker="o", markersize=6, color=colour)
        if several:
            axes.plot([], [], marker="o", color=SERIES[i % len(SERIES)], label=shorten(one.name, 16))
    if several:
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=3,
            frameon=False,
            fontsize=LETTERS,
            labelcolor=MUTED,
            handlelength=1.2,
            columnspacing=1.2,
            borderaxespad=0.2,
        )
    axes.set_yticks(range(len(labels)), [shorten(x) for x in labels])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.locator_params(axis="x", nbins=5)
    name_axes(axes, figure)
    return canvas


def bars(figure: Figure) -> Any:
    """Bars with their values beside them."""
    labels = labels_of(figure.series)
    count = max(len(figure.series), 1)
    canvas, axes = new_axes(min(0.5 + len(labels) * (0.16 + 0.24 * count), 40.0))
    top = max((float(v) for s in figure.series for v in s.y if v is not None and np.isfinite(v)), default=1)
    for i, one in enumerate(figure.series):
        colour = SERIES[i % len(SERIES)]
        for x, y in zip(one.x, one.y, strict=True):
            if y is None or not np.isfinite(y):
                continue
            at = labels.index(str(x)) + (i - (count - 1) / 2) * 0.8 / count
            axes.barh(at, y, height=0.72 / count, color=colour)
            words = _amount(float(y)) + (f" {shorten(one.name, 12)}" if count > 1 else "")
            axes.annotate(
                words,
                (max(float(y), 0), at),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=LETTERS - 1,
                color=MUTED,
            )
    axes.set_yticks(range(len(labels)), [shorten(x) for x in labels])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_xlim(right=top * 1.35 if top > 0 else None)
    axes.set_xticks([])
    name_axes(axes, figure)
    return canvas


def _amount(value: float) -> str:
    """A number beside its bar.

    >>> _amount(17472.0), _amount(41.26)
    ('17,472', '41.3')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else number(value)
