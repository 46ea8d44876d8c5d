"""Cells that hold a number for each of several names: several columns joined, or lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.errors import KindError
from umbel.tasks.cells import bad_cells

__all__ = ["empty_cell", "read_parts"]


def empty_cell(cell: Any) -> bool:
    """True for None, NaN, NA and blank text.

    >>> empty_cell(float("nan")), empty_cell(" "), empty_cell([])
    (True, True, False)
    """
    if isinstance(cell, str):
        return not cell.strip()
    return cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and cell != cell)


def read_parts(
    column: pd.Series, labels: Sequence[str] | None, kind: str
) -> tuple[list[str], NDArray[np.float64]]:
    """A number for each name and row.

    :param column: cells ``{name: number or None}`` or lists of numbers; None is missing.
    :param labels: the names, in order; None takes the keys as they come, or 0, 1, ... for lists.
    :param kind: name of the kind, for messages.
    :returns: names, and numbers [B, L]; NaN is missing.
    :raises KindError: a cell is of another form, has another length or name, or a part is no finite number.

    >>> read_parts(pd.Series([{"a": 1, "b": None}, None]), None, "distribution")
    (['a', 'b'], array([[ 1., nan],
           [nan, nan]]))
    """
    cells = column.tolist()
    filled = [i for i, cell in enumerate(cells) if not empty_cell(cell)]
    odd = [i for i in filled if not isinstance(cells[i], Mapping | list | tuple | np.ndarray)]
    if odd:
        raise KindError(
            f"each cell of a {kind} target must hold a number for each part",
            found=bad_cells(column, odd),
            remedy="name several columns of numbers for this target (columns: [a, b, c])",
        )
    if labels is None:
        names: dict[str, None] = {}
        for i in filled:
            own = cells[i]
            names.update(dict.fromkeys(own if isinstance(own, Mapping) else map(str, range(len(own)))))
        labels = [str(name) for name in names]
    known = set(labels)
    parts = np.full((len(cells), len(labels)), np.nan)
    rows: list[list[Any]] = []
    for i in filled:
        cell = cells[i]
        if isinstance(cell, Mapping):
            own = cell if known.issuperset(cell) else {str(name): value for name, value in cell.items()}
            fits = known.issuperset(own)
            rows.append([own.get(name) for name in labels])
        else:
            fits = len(cell) == len(labels)
            rows.append(list(cell))
        if not fits:
            raise _misfit(column, i, labels, kind)
    if not rows:
        return list(labels), parts
    try:
        parts[filled] = np.array(rows, dtype=np.float64)  # None becomes NaN
    except (TypeError, ValueError):
        for i, row in zip(filled, rows, strict=True):
            try:
                parts[i] = [np.nan if empty_cell(value) else float(value) for value in row]
            except (TypeError, ValueError):
                raise _misfit(column, i, labels, kind) from None
    infinite = np.flatnonzero(np.isinf(parts).any(axis=1))
    if len(infinite):
        raise KindError(
            f"parts of a {kind} target must be finite",
            found=bad_cells(column, infinite),
            remedy="leave the cell empty where the value is unknown",
        )
    return list(labels), parts


def _misfit(column: pd.Series, row: int, labels: Sequence[str], kind: str) -> KindError:
    named = ", ".join(list(labels)[:8]) + (", ..." if len(labels) > 8 else "")
    return KindError(
        f"each cell of a {kind} target must hold a number for each of {named}",
        found=bad_cells(column, [row]),
        remedy="mend or empty the cell",
    )
