"""Rows whose images look the same, or whose sounds or series are the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import rows_named
from umbel.data.duplicates_images import near_images
from umbel.data.images import BrokenImageError, read_image
from umbel.data.marks import comparable
from umbel.data.media import as_media
from umbel.data.schema import Column, ColumnType
from umbel.errors import DataError

__all__ = ["same_media"]


def same_media(column: pd.Series, kind: ColumnType, folder: Path | None = None) -> NDArray[np.int64]:
    """Cells that are alike have the same number.

    Images are alike where they look alike (:func:`~umbel.data.duplicates_images.near_images`); sounds and
    series where their bytes, arrays or paths are equal.

    :param column: [B], paths, bytes or arrays.
    :param kind: ``image``, ``audio`` or ``series``.
    :param folder: where relative paths start.
    :returns: [B], numbers from 0 in order of first sight; -1 where a cell is missing.
    :raises DataError: a cell is no image that can be read (row and path are named).
    :raises ConfigError: the extra ``duplicates`` is absent.

    >>> same_media(pd.Series([np.zeros(3), np.ones(3), None, np.zeros(3)]), "series")
    array([ 0,  1, -1,  0])
    """
    name = str(column.name)
    cells = as_media(column, Column(name, kind), folder)
    if kind == "image":
        return near_images(_pictures(cells, name))
    return pd.factorize(comparable(cells))[0].astype(np.int64)


def _pictures(cells: pd.Series, name: str) -> Iterator[Any]:
    """One image after the other as bytes [H, W] or [H, W, 3]: not all of them are held at once."""
    for row, cell in enumerate(cells.tolist()):
        if cell is None:
            yield None
            continue
        try:
            pixels = read_image(cell)
        except BrokenImageError as error:
            raise DataError(
                "an image must be one that can be read",
                found=f"column '{name}', {rows_named([row])}: {error}",
                remedy="mend the cell, or leave it empty",
            ) from None
        yield pixels[0] if len(pixels) == 1 else np.ascontiguousarray(np.moveaxis(pixels, 0, 2))
