"""Cells that have no hash (arrays, lists, mappings) as short texts that can be told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from umbel.data.media import mark

__all__ = ["comparable", "describe", "holds_media"]

LISTS = (list, tuple, set, frozenset, np.ndarray)


def holds_media(column: pd.Series) -> bool:
    """Whether some cell is an array of numbers, bytes, or a mapping that holds one.

    >>> holds_media(pd.Series([None, np.zeros((2, 2))])), holds_media(pd.Series([["a", "b"]]))
    (True, False)
    """
    if column.dtype != object:
        return False
    return any(
        isinstance(cell, bytes | bytearray | Mapping)
        or (isinstance(cell, np.ndarray) and cell.dtype.kind in "iufb")
        for cell in column.tolist()
    )


def comparable(column: pd.Series) -> pd.Series:
    """The column with a text for each cell that cannot be held against others: equal for equal content.

    Files are not opened: a path stands for itself.

    >>> comparable(pd.Series([np.zeros(3), np.zeros(3), None])).nunique()
    1
    """
    if column.dtype != object:
        return column
    # arrays must not be looked at by pandas, which would take them apart
    cells = column.tolist()
    if not any(isinstance(cell, (*LISTS, bytes, bytearray, Mapping)) for cell in cells):
        return column
    return pd.Series([_told(cell) for cell in cells], index=column.index, name=column.name, dtype=object)


def _told(cell: Any) -> Any:
    if isinstance(cell, Mapping):
        cell = next(
            (cell[key] for key in ("bytes", "array", "path") if cell.get(key) is not None), dict(cell)
        )
    if isinstance(cell, np.ndarray) and cell.dtype.kind in "iufb":
        return mark(cell)
    if isinstance(cell, bytes | bytearray):
        return mark(bytes(cell))
    if isinstance(cell, set | frozenset):
        return str(sorted(map(str, cell)))
    if isinstance(cell, LISTS):
        return str([_told(part) for part in cell])
    return str(cell) if isinstance(cell, dict) else cell


def describe(cell: Any) -> str:
    """A cell in a few words.

    >>> describe(np.zeros((28, 20, 3))), describe(b"1234"), describe("a.png")
    ('28 x 20 x 3 numbers', '4 bytes', 'a.png')
    """
    if isinstance(cell, Mapping):
        cell = next(
            (cell[key] for key in ("path", "bytes", "array") if cell.get(key) is not None), dict(cell)
        )
    if isinstance(cell, np.ndarray) and cell.dtype.kind in "iufb":
        return f"{' x '.join(map(str, cell.shape))} numbers"
    if isinstance(cell, bytes | bytearray):
        return f"{len(cell):,} bytes"
    return str(cell)
