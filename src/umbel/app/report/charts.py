"""Figures of a section as drawings: few colours, direct labels, readable on a phone.

Every drawing is 360 units wide, the width of a phone, and the page sets them side by side on a wider
screen; so its letters are of one size everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from umbel.app.report.svg import BAD, GOOD, GRID, INK, MUTED, SERIES, to_svg
from umbel.judging.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from umbel.judging.section import Figure, Series

__all__ = ["chart", "shorten", "spread"]

_WIDTH = 5.0  # inches at 72 units each: 360
_LETTERS = 11.0
_CELL_LIMIT = 40
"""Rows or columns of a heat map beyond which cells are pixels, without names."""


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


def _axes(height: float) -> tuple[Any, Axes]:
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(_WIDTH, height), layout="constrained")
    canvas.get_layout_engine().set(w_pad=0.02, h_pad=0.04)  # type: ignore[union-attr,call-arg]
    axes = canvas.add_subplot()
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=MUTED, labelsize=_LETTERS, length=0)
    axes.set_axisbelow(True)
    return canvas, axes


def _name_axes(axes: Axes, figure: Figure) -> None:
    axes.set_xlabel(figure.x_label, color=MUTED, fontsize=_LETTERS)
    axes.set_ylabel(figure.y_label, color=MUTED, fontsize=_LETTERS)


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
            fontsize=_LETTERS,
            va="center",
            annotation_clip=False,
        )


def _lines(figure: Figure) -> Any:
    canvas, axes = _axes(2.9)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    if all(isinstance(x, str) for s in figure.series for x in s.x):
        labels = list(dict.fromkeys(x for s in figure.series for x in s.x))
        axes.set_xticks(range(len(labels)), [shorten(x, 8) for x in labels])
        from dataclasses import replace

        _curves(axes, [replace(s, x=[labels.index(x) for x in s.x]) for s in figure.series], marker="o")
    else:
        _curves(axes, figure.series)
        axes.locator_params(axis="x", nbins=6, integer=_whole_x(figure.series))
    axes.locator_params(axis="y", nbins=5)
    _name_axes(axes, figure)
    return canvas


def _calibration(figure: Figure) -> Any:
    canvas, axes = _axes(3.6)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (3, 3)))
    axes.grid(color=GRID, linewidth=0.8)
    _curves(axes, figure.series, marker="o")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    _name_axes(axes, figure)
    return canvas


def _verdict_colour(low: float, high: float) -> str:
    return GOOD if low > 0 else BAD if high < 0 else MUTED


def _labels_of(series: Sequence[Series]) -> list[str]:
    return list(dict.fromkeys(str(x) for one in series for x in one.x))


def _intervals(figure: Figure) -> Any:
    labels = _labels_of(figure.series)
    several = len(figure.series) > 1
    step = 0.22 if several else 0.0
    height = 0.7 + len(labels) * max(0.36, 0.12 + 0.2 * len(figure.series))
    canvas, axes = _axes(min(height, 40.0))
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
            fontsize=_LETTERS,
            labelcolor=MUTED,
            handlelength=1.2,
            columnspacing=1.2,
            borderaxespad=0.2,
        )
    axes.set_yticks(range(len(labels)), [shorten(x) for x in labels])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.locator_params(axis="x", nbins=5)
    _name_axes(axes, figure)
    return canvas


def _bars(figure: Figure) -> Any:
    labels = _labels_of(figure.series)
    count = max(len(figure.series), 1)
    canvas, axes = _axes(min(0.5 + len(labels) * (0.16 + 0.24 * count), 40.0))
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
                fontsize=_LETTERS - 1,
                color=MUTED,
            )
    axes.set_yticks(range(len(labels)), [shorten(x) for x in labels])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_xlim(right=top * 1.35 if top > 0 else None)
    axes.set_xticks([])
    _name_axes(axes, figure)
    return canvas


def _amount(value: float) -> str:
    """A number beside its bar.

    >>> _amount(17472.0), _amount(41.26)
    ('17,472', '41.3')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else number(value)


def _heat(figure: Figure) -> Any:
    matrix = np.asarray(figure.matrix, dtype=float)
    rows, columns = figure.labels or ([""] * matrix.shape[0], [""] * matrix.shape[1])
    finite = np.abs(matrix[np.isfinite(matrix)])
    top = float(finite.max()) if finite.size else 1.0
    strength = np.where(np.isfinite(matrix), np.abs(matrix) / (top or 1.0), 0.0)
    canvas, axes = _axes(max(1.6, min(1.0 + 0.33 * matrix.shape[0], 5.2)))
    if max(matrix.shape) > _CELL_LIMIT:
        pixels = np.zeros((*matrix.shape, 4))
        pixels[..., :3] = np.where((matrix < 0)[..., None], [0.79, 0.38, 0.16], [0.23, 0.47, 0.85])
        pixels[..., 3] = strength
        axes.imshow(pixels, aspect="auto", interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        _name_axes(axes, figure)
        return canvas
    _cells(axes, matrix, strength)
    letters = _LETTERS - (1 if matrix.shape[1] > 8 else 0)
    axes.set_xlim(-0.5, matrix.shape[1] - 0.5)
    axes.set_ylim(matrix.shape[0] - 0.5, -0.5)
    turned = sum(len(shorten(c, 12)) for c in columns) > 34
    axes.set_xticks(
        range(len(columns)),
        [shorten(c, 12) for c in columns],
        rotation=90 if turned else 0,
        fontsize=letters,
        color=INK,
    )
    axes.set_yticks(range(len(rows)), [shorten(r, 14) for r in rows], fontsize=letters, color=INK)
    _name_axes(axes, figure)
    return canvas


def _cells(axes: Axes, matrix: NDArray[np.float64], strength: NDArray[np.float64]) -> None:
    """Cells as rectangles, stronger where the value is larger, with the value where there is room."""
    from matplotlib.patches import Rectangle

    room = matrix.shape[1] <= 8 and matrix.shape[0] <= 25
    for r, c in np.ndindex(*matrix.shape):
        value = float(matrix[r, c])
        colour = SERIES[0] if not value < 0 else SERIES[1]
        axes.add_patch(
            Rectangle((c - 0.48, r - 0.46), 0.96, 0.92, color=colour, alpha=0.06 + 0.6 * strength[r, c], lw=0)
        )
        if room:
            words = "–" if not np.isfinite(value) else _brief(value)
            axes.text(c, r, words, ha="center", va="center", fontsize=_LETTERS - 1.5, color=INK)


def _brief(value: float) -> str:
    """A number in at most five characters.

    >>> [_brief(v) for v in (0.256, -0.5, 1.0, 12.0, 17472.0, 0.0)]
    ['.26', '-.50', '1', '12', '17k', '0']
    """
    if abs(value) >= 10_000:
        return f"{value / 1000:.0f}k"
    if float(value).is_integer():
        return f"{value:.0f}"
    if abs(value) < 0.005:
        return ".00"
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.3g}"


_DRAW: dict[str, Callable[[Figure], Any]] = {
    "lines": _lines,
    "intervals": _intervals,
    "bars": _bars,
    "heat": _heat,
    "calibration": _calibration,
}


def chart(figure: Figure, key: str) -> str:
    """The drawing of a figure.

    :param figure: as a section has it.
    :param key: unique in the page.
    :returns: one ``<svg>`` element; empty where the figure has no data.
    """
    empty = not figure.series if figure.matrix is None else figure.matrix.size == 0
    if empty or (all(len(s.x) == 0 for s in figure.series) and figure.matrix is None):
        return ""
    import matplotlib

    # Room is measured in matplotlib's own wide font; the page shows its own. A "$" in a name is no formula.
    with matplotlib.rc_context({"font.family": "DejaVu Sans", "text.parse_math": False}):
        return to_svg(_DRAW[figure.kind](figure), key)
