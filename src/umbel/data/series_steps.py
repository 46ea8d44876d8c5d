"""Cells that are series, read as arrays of steps by features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.errors import DataError

__all__ = ["Steps", "read_series"]

LARGEST = 1e150
"""In magnitude, as of the numbers of other columns: squares can be added up."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Steps:
    """The known series of one column, one after the other.

    :param values: [total, F], NaN where a step lacks a value.
    :param lengths: steps of each row, [B]; 0 where the cell is missing.
    """

    values: Array
    lengths: NDArray[np.int64]

    @property
    def features(self) -> int:
        """F; 0 where no cell is known."""
        return int(self.values.shape[1])


def read_series(column: pd.Series, window: int | None = None, features: int = 0) -> Steps:
    """The cells of a column: arrays [T] or [T, F], or missing (None).

    :param window: only so many last steps are kept; None keeps all.
    :param features: F as training had it; 0 where it is not known yet.
    :raises DataError: a cell is no such array, has another number of features than the others, or holds a
        number that is not finite or too large (NaN is a missing value); column and row are named.

    >>> read_series(pd.Series([[1, 2, 3], None, [4]]), window=2).values.ravel().tolist()
    [2.0, 3.0, 4.0]
    """
    parts: list[Array] = []
    lengths = np.zeros(len(column), dtype=np.int64)
    for row, cell in enumerate(column.tolist()):
        if cell is None or (isinstance(cell, float) and np.isnan(cell)):
            continue
        part = _array(cell, column.name, row)
        features = features or part.shape[1]
        if part.shape[1] != features:
            raise DataError(
                "all series of a column have the same features",
                found=f"{_place(column.name, row)}: {part.shape[1]} a step, others have {features}",
                remedy="a cell is [steps], or [steps, features]; mend it, or leave it empty",
            )
        if window is not None:
            part = part[-window:]
        lengths[row] = len(part)
        parts.append(part)
    values = np.concatenate(parts) if parts else np.zeros((0, features))
    _check_numbers(values, lengths, column.name)
    return Steps(values, lengths)


def _place(name: Any, row: int) -> str:
    return f"column '{name}', row {row} (the first is 0)"


def _array(cell: Any, name: Any, row: int) -> Array:
    """One cell as [T, F]."""
    try:
        array = np.asarray(cell, dtype=np.float64)
    except (TypeError, ValueError):  # words, or steps of unequal length
        array = np.zeros(())
    if array.ndim not in (1, 2) or (array.ndim == 2 and not array.shape[1]):
        told = f"an array of shape {array.shape}" if isinstance(cell, np.ndarray) else repr(cell)[:40]
        raise DataError(
            "a series is an array of numbers, [steps] or [steps, features]",
            found=f"{_place(name, row)}: {told}",
            remedy="mend the cell, or give the column another type",
        )
    return array[:, None] if array.ndim == 1 else array


def _check_numbers(values: Array, lengths: NDArray[np.int64], name: Any) -> None:
    """:raises DataError: see :func:`read_series`."""
    bad = np.flatnonzero((np.abs(values) > LARGEST).any(axis=1))  # NaN is not above
    if len(bad):
        row = int(np.searchsorted(np.cumsum(lengths), bad[0], side="right"))
        worst = values[bad[0]][np.abs(values[bad[0]]) > LARGEST][0]
        raise DataError(
            f"numbers of a series must be finite, and below {LARGEST:g}",
            found=f"{_place(name, row)}: {worst}",
            remedy="write NaN where a step is unknown, or use other units",
        )
