"""A figure in words, for those who do not see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from umbel.judging.words import number

if TYPE_CHECKING:
    from umbel.judging.section import Figure, Series

__all__ = ["describe"]

_MOST = 8


def describe(figure: Figure) -> str:
    """What a figure shows, in one or two sentences.

    :param figure: as a section has it.
    """
    kind = {
        "lines": "Curves",
        "intervals": "Points with intervals",
        "bars": "Bars",
        "heat": "Map",
        "calibration": "Calibration curves",
    }[figure.kind]
    parts = [_heat(figure)] if figure.matrix is not None else [_series(figure, s) for s in figure.series]
    shown = "; ".join(parts[:_MOST]) + (f"; and {len(parts) - _MOST} more" if len(parts) > _MOST else "")
    return f"{kind}: {figure.title}. {shown}."


def _series(figure: Figure, series: Series) -> str:
    y = [v for v in series.y if v is not None and v == v]
    name = f"{series.name}: " if series.name else ""
    if not y:
        return f"{name}no values"
    if figure.kind in ("lines", "calibration"):
        return f"{name}from {number(float(y[0]))} to {number(float(y[-1]))} over {len(y)} points"
    points = [_point(series, i) for i in range(min(len(series.y), _MOST))]
    more = f", and {len(series.y) - _MOST} more" if len(series.y) > _MOST else ""
    return name + ", ".join(points) + more


def _point(series: Series, i: int) -> str:
    words = f"{series.x[i]} {_read(series.y[i])}"
    if series.low is None or series.high is None or "undefined" in words:
        return words
    return f"{words} ({_read(series.low[i])} to {_read(series.high[i])})"


def _read(value: Any) -> str:
    return "undefined" if value is None or value != value else number(float(value))


def _heat(figure: Figure) -> str:
    import numpy as np

    matrix = np.asarray(figure.matrix, dtype=float)
    rows, columns = figure.labels or ([], [])
    finite = matrix[np.isfinite(matrix)]
    if not finite.size:
        return "no values"
    size = f"{matrix.shape[0]} by {matrix.shape[1]}, from {_read(finite.min())} to {_read(finite.max())}"
    off = np.where(np.isfinite(matrix), np.abs(matrix), -1.0)
    if len(rows) == len(columns) and list(rows) == list(columns):
        np.fill_diagonal(off, -1.0)
    r, c = np.unravel_index(int(off.argmax()), off.shape)
    if not len(rows) or not len(columns) or off[r, c] < 0:
        return size
    return f"{size}; strongest at {rows[r]} and {columns[c]}: {_read(matrix[r, c])}"
