"""Matrices as maps: cells with their values where there is room, pixels where there are many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from umbel.app.report.drawing import LETTERS, name_axes, new_axes, shorten
from umbel.app.report.svg import INK, SERIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from umbel.judging.section import Figure

__all__ = ["heat"]

_CELL_LIMIT = 40
"""Rows or columns beyond which cells are pixels, without names."""


def heat(figure: Figure) -> Any:
    """A matrix, blue above 0 and orange below, stronger where it is larger."""
    matrix = np.asarray(figure.matrix, dtype=float)
    rows, columns = figure.labels or ([""] * matrix.shape[0], [""] * matrix.shape[1])
    finite = np.abs(matrix[np.isfinite(matrix)])
    top = float(finite.max()) if finite.size else 1.0
    strength = np.where(np.isfinite(matrix), np.abs(matrix) / (top or 1.0), 0.0)
    canvas, axes = new_axes(max(1.6, min(1.0 + 0.33 * matrix.shape[0], 5.2)))
    if max(matrix.shape) > _CELL_LIMIT:
        pixels = np.zeros((*matrix.shape, 4))
        pixels[..., :3] = np.where((matrix < 0)[..., None], [0.79, 0.38, 0.16], [0.23, 0.47, 0.85])
        pixels[..., 3] = strength
        axes.imshow(pixels, aspect="auto", interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        name_axes(axes, figure)
        return canvas
    _cells(axes, matrix, strength)
    letters = LETTERS - (1 if matrix.shape[1] > 8 else 0)
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
    name_axes(axes, figure)
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
            axes.text(c, r, words, ha="center", va="center", fontsize=LETTERS - 1.5, color=INK)


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
