"""Input columns as plain numbers for the cheap classifier of an audit."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import as_number, clean, names_of
from umbel.data.schema import MEDIA_TYPES, Schema

__all__ = ["LEVELS", "encode_inputs"]

LEVELS = 60
"""Commonest levels of a category that keep a number of their own; the others share one."""
NAMES = 20
"""Commonest names of a set, or words of a text, that are looked for."""

Numbers = NDArray[np.float64]


def encode_inputs(
    frame: pd.DataFrame, schema: Schema, missing: list[str]
) -> tuple[Numbers, list[str], NDArray[np.bool_]]:
    """Numbers as they are, categories as codes, sets and texts as sizes and their commonest names.

    Of images, sounds and series it is what is known without opening a file: whether there is one, and of
    arrays the shape, the mean and the deviation.

    No answer takes part, so that codes may be made from all rows alike.

    :param frame: rows that are looked at.
    :param schema: the input columns.
    :param missing: texts that stand for a missing cell.
    :returns: [B, D] numbers (NaN where missing), the input column of each of the D, and which are codes.
    """
    found: list[Numbers] = []
    owners: list[str] = []
    coded: list[bool] = []

    def add(owner: str, values: NDArray[Any], *, codes: bool = False) -> None:
        found.append(values.astype(np.float64))
        owners.append(owner)
        coded.append(codes)

    for column in schema.columns:
        cells = clean(frame[column.name], column, missing)
        if column.type in ("number", "date"):
            add(column.name, as_number(cells).to_numpy(dtype=np.float64, na_value=np.nan))
        elif column.type == "category":
            levels = {name: place for place, name in enumerate(cells.value_counts().index[:LEVELS])}
            rest = len(levels)
            codes = cells.map(lambda cell, at=levels, rest=rest: at.get(cell, rest), na_action="ignore")
            add(column.name, codes.to_numpy(dtype=np.float64, na_value=np.nan), codes=True)
        elif column.type in MEDIA_TYPES:
            for values in _of_media(cells):
                add(column.name, values)
        else:
            if column.type == "set":
                names = names_of(cells, column.separator)
            else:
                names = [text.split() for text in cells]
                add(column.name, cells.str.len().to_numpy(dtype=np.float64))
            add(column.name, np.array([len(one) for one in names], dtype=np.float64))
            counts = Counter(name for one in names for name in set(one))
            sets = [set(one) for one in names]
            for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:NAMES]:
                if 0.01 * len(sets) <= count <= 0.99 * len(sets):
                    add(column.name, np.array([name in one for one in sets], dtype=np.float64))
    return np.stack(found, axis=1), owners, np.array(coded)


def _of_media(cells: pd.Series) -> list[Numbers]:
    """Whether a cell is filled; of arrays their axes, mean and deviation, of bytes how many, [B] each."""
    filled = cells.notna().to_numpy(dtype=np.float64)
    found = np.full((len(cells), 5), np.nan)
    for row, cell in enumerate(cells.tolist()):
        if isinstance(cell, tuple):  # a sound with its sampling rate
            cell = np.asarray(cell[0])
        if isinstance(cell, bytes):
            found[row, 0] = len(cell)
        elif isinstance(cell, np.ndarray):
            sizes = cell.shape[:3]
            found[row, : len(sizes)] = sizes
            known = cell[np.isfinite(cell)]
            found[row, 3:] = (known.mean(), known.std()) if known.size else np.nan
    told = ~np.isnan(found).all(axis=0)
    return [filled, *found[:, told].T]
