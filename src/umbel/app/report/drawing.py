"""What all drawings share: their size, their axes, names that fit and labels that do not touch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from umbel.app.report.svg import MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from umbel.judging.section import Figure, Series

__all__ = ["LETTERS", "labels_of", "name_axes", "new_axes", "shorten", "spread"]

_WIDTH = 5.0  # inches at 72 units each: 360
LETTERS = 11.0


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move labels apart as little as their order allows.

    :param positions: where the labels would stand.
    :param gap: the least distance between two.
    :param low, high: where they must stay.

    >>> spread([1.0, 1.1, 3.0], 0.5, 0.0, 4.0)
    [0.8, 1.3, 3.0]
    >>> spread([3.9, 4.0], 0.5, 0.0, 4.0)
    [3.5, 4.0]
    """
    order = np.argsort(positions, kind="stable")
    groups: list[list[float]] = []  # centre and count of labels that touch
    for value in np.asarray(positions, dtype=float)[order]:
        groups.append([float(value), 1])
        while True:
            half = (groups[-1][1] - 1) / 2 * gap
            groups[-1][0] = min(max(groups[-1][0], low + half), high - half)
            if len(groups) < 2:
                break
            (a, m), (b, n) = groups[-2:]
            if b - a >= (m + n) / 2 * gap - 1e-12:
                break
            groups[-2:] = [[(a * m + b * n) / (m + n), m + n]]
    placed = [c + (i - (n - 1) / 2) * gap for c, n in groups for i in range(int(n))]
    out = [0.0] * len(placed)
    for at, value in zip(order, placed, strict=True):
        out[at] = round(value, 10)
    return out


def shorten(text: Any, limit: int = 18) -> str:
    """A label that fits, cut in its middle.

    >>> shorten("critic_rating_of_films", 12)
    'critic…films'
    """
    name = str(text)
    if len(name) <= limit:
        return name
    head = limit // 2
    return name[:head] + "…" + name[len(name) - (limit - 1 - head) :]


def new_axes(height: float) -> tuple[Any, Axes]:
    """A drawing 360 units wide with plain axes.

    :param height: in inches of 72 units.
    :returns: the canvas and its axes.
    """
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(_WIDTH, height), layout="constrained")
    canvas.get_layout_engine().set(w_pad=0.02, h_pad=0.04)  # type: ignore[union-attr,call-arg]
    axes = canvas.add_subplot()
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=MUTED, labelsize=LETTERS, length=0)
    axes.set_axisbelow(True)
    return canvas, axes


def name_axes(axes: Axes, figure: Figure) -> None:
    """Write what the axes show."""
    axes.set_xlabel(figure.x_label, color=MUTED, fontsize=LETTERS)
    axes.set_ylabel(figure.y_label, color=MUTED, fontsize=LETTERS)


def labels_of(series: Sequence[Series]) -> list[str]:
    """Every label once, in order."""
    return list(dict.fromkeys(str(x) for one in series for x in one.x))
