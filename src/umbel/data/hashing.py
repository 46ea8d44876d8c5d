"""A split by hash: the side of a row follows from its entity alone, whichever row group it stands in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import as_number, label
from umbel.data.read import take_column
from umbel.seeding import derive

__all__ = ["HashSplit", "entity_hashes", "uniform"]

Hashes = NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MISSING = np.uint64(0x5851F42D4C957F2D)
_ROW = np.uint64(1 << 63)


@dataclass(frozen=True)
class HashSplit:
    """Training, validation and test rows of a table that is never held as a whole.

    :param entity: rows with the same values in all of these columns are one entity; each row is one of its
        own where none is given, and where all of them are missing.
    :param valid: share of the entities for validation, in [0, 1).
    :param test: share for test, in [0, 1).
    :param seed: another one gives another split.

    >>> split = HashSplit(("name",), valid=0.2, test=0.1, seed=0)
    >>> whole = split.sides(pd.DataFrame({"name": range(1000)}), np.arange(1000))
    >>> np.bincount(whole).tolist()
    [705, 193, 102]
    >>> part = split.sides(pd.DataFrame({"name": [700.0, 3.0]}), np.arange(2))
    >>> bool((part == whole[[700, 3]]).all())
    True
    """

    entity: tuple[str, ...]
    valid: float
    test: float
    seed: int

    def sides(self, frame: pd.DataFrame, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The side of each row, [B]: 0 training, 1 validation, 2 test.

        :param frame: some rows, with the entity columns.
        :param rows: [B] their numbers in the file.
        """
        place = uniform(entity_hashes(frame, self.entity, rows), derive(self.seed, "sides"))
        return np.where(place < self.test, 2, np.where(place < self.test + self.valid, 1, 0))


def entity_hashes(frame: pd.DataFrame, names: Sequence[str], rows: NDArray[np.int64]) -> Hashes:
    """A number for each row's entity, the same in every part of a table, [B].

    Numbers and dates are hashed by their value, whatever their width, and all else by its text. Two entities
    may have the same number by chance, which puts them on one side.

    :param names: the entity columns.
    :param rows: [B] numbers of the rows in the file.
    """
    total = _mixed(rows.astype(np.uint64) + _ROW)
    if not names:
        return total
    found, lone = np.zeros(len(frame), dtype=np.uint64), np.ones(len(frame), dtype=bool)
    for name in names:
        column = take_column(frame, name, "entity column")
        missing = column.isna().to_numpy()
        found = _mixed(found * _STEP + np.where(missing, _MISSING, _cells(column)))
        lone &= missing
    return np.where(lone, total, found)


def uniform(hashes: Hashes, seed: int) -> NDArray[np.float64]:
    """Numbers spread evenly over [0, 1), one for each hash.

    :param seed: another one gives others, as if independent.
    """
    return (_mixed(hashes ^ np.uint64(seed)) >> np.uint64(11)).astype(np.float64) / 2.0**53


def _cells(column: pd.Series) -> Hashes:
    """A number for each cell of a column; what stands for a missing one does not matter."""
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype):
        numbers = as_number(column).to_numpy(np.float64, na_value=np.nan) + 0.0  # -0.0 becomes 0.0
        return _mixed(numbers.view(np.uint64))
    codes, levels = pd.factorize(column)
    names = np.array([label(level) for level in levels], dtype=object)
    hashed = pd.util.hash_array(names, categorize=False) if len(names) else np.empty(0, dtype=np.uint64)
    return np.append(hashed, _MISSING)[codes]


def _mixed(values: Hashes) -> Hashes:
    """Bits that no longer tell how near the values were.

    Source: Steele, Lea & Flood 2014, the finaliser of SplitMix64.
    """
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Hashes = values ^ (values >> np.uint64(31))
    return mixed
