"""Cells that are images, sounds or series: paths, bytes or arrays, in one plain form."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from umbel.data.schema import Column
from umbel.data.series_steps import read_series
from umbel.errors import DataError

__all__ = ["as_media", "mark", "media_of"]

_FILES = {
    "image": (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"),
    "audio": (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff"),
}
_STARTS = {
    "image": (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"P5", b"P6", b"II*\x00", b"MM\x00*"),
    "audio": (b"RIFF", b"fLaC", b"OggS", b"ID3", b"FORM"),
}


def media_of(cell: Any) -> str | None:
    """What a cell of an unknown column holds: ``image``, ``audio``, ``series`` or None.

    A path is judged by its ending, bytes by how they begin, an array of numbers by its shape: one axis is
    a series; two or three axes are an image. An array with its sampling rate is a sound.

    >>> media_of("a/b.PNG"), media_of(b"RIFF...."), media_of(np.zeros(5)), media_of("a word")
    ('image', 'audio', 'series', None)
    """
    if _rated(cell) is not None:
        return "audio"
    if isinstance(cell, Mapping) and set(cell) <= {"bytes", "path", "array", "sampling_rate"}:
        cell = next((cell[key] for key in ("bytes", "array", "path") if cell.get(key) is not None), None)
    if isinstance(cell, str):
        ending = Path(cell).suffix.lower()
        return next((kind for kind, endings in _FILES.items() if ending in endings), None)
    if isinstance(cell, bytes):
        if cell[:4] == b"RIFF" and cell[8:12] == b"WEBP":  # its file begins as that of a sound
            return "image"
        return next((kind for kind, starts in _STARTS.items() if cell.startswith(starts)), None)
    if isinstance(cell, np.ndarray) and cell.dtype.kind in "iufb":
        return "series" if cell.ndim == 1 else "image" if cell.ndim in (2, 3) else None
    return None


def as_media(column: pd.Series, spec: Column, folder: Path | None = None) -> pd.Series:
    """The column with each cell a path (text), bytes or an array, and None where nothing is there.

    A sound may also be an array with its sampling rate: a pair of both, which stays a pair. A mapping with
    ``bytes``, ``array`` or ``path`` (as Parquet files of data sets have it) is opened. Text of a series is
    its numbers, separated by spaces, commas or semicolons.

    :param folder: relative paths start here; the working folder where None.
    :raises DataError: a cell is of another type, a series' text is no row of numbers, or a series breaks the
        rules of :func:`~umbel.data.series_steps.read_series`.
    """
    found = np.empty(len(column), dtype=object)
    for row, cell in enumerate(column.tolist()):
        found[row] = _plain(cell, row, spec, folder)
    cells = pd.Series(found, index=column.index, name=column.name, dtype=object)
    if spec.type == "series":
        read_series(cells)  # what is wrong is told by the table's own rows, before it is split
    return cells


def _rated(cell: Any) -> tuple[Any, Any] | None:
    """The array and the sampling rate of a cell that has both, as a pair or as a mapping."""
    if isinstance(cell, Mapping):
        array, rate = cell.get("array"), cell.get("sampling_rate")
        return None if array is None or rate is None else (array, rate)
    if isinstance(cell, tuple) and len(cell) == 2 and isinstance(cell[0], np.ndarray | list):
        return cell if np.ndim(cell[1]) == 0 else None
    return None


def _plain(cell: Any, row: int, spec: Column, folder: Path | None) -> Any:
    if spec.type == "audio" and (rated := _rated(cell)) is not None:
        array = _plain(rated[0], row, spec, folder)
        return None if array is None else (array, rated[1])
    if isinstance(cell, Mapping):
        cell = next((cell[key] for key in ("bytes", "array", "path") if cell.get(key) is not None), None)
    if cell is None or (isinstance(cell, float) and np.isnan(cell)) or cell is pd.NA:
        return None
    if isinstance(cell, str):
        text = cell.strip()
        if not text:
            return None
        if spec.type == "series":
            return _numbers(text, row, spec)
        return text if folder is None or Path(text).is_absolute() else str(folder / text)
    if isinstance(cell, bytes | bytearray) and spec.type != "series":
        return bytes(cell)
    if isinstance(cell, list | tuple | np.ndarray):
        try:
            array = np.asarray(cell, dtype=None if isinstance(cell, np.ndarray) else np.float64)
            if array.dtype == object:  # an array of arrays, as Parquet gives nested lists
                array = np.stack([np.asarray(part, dtype=np.float64) for part in array])
        except (TypeError, ValueError):
            array = np.empty(0, dtype=object)
        if array.dtype.kind in "iufb":
            return array if array.size else None
    raise DataError(
        f"a cell of type '{spec.type}' is "
        + ("a list or array of numbers" if spec.type == "series" else "a path, bytes or an array of numbers"),
        found=f"column '{spec.name}', row {row} (the first is 0): {type(cell).__name__} {str(cell)[:40]!r}",
        remedy="mend the cell, or give the column another type",
    )


def _numbers(text: str, row: int, spec: Column) -> Any:
    parts = text.strip("[]()").replace(",", " ").replace(";", " ").split()
    try:
        return np.array([float(part) for part in parts])
    except ValueError:
        raise DataError(
            "the text of a series is its numbers, separated by spaces, commas or semicolons",
            found=f"column '{spec.name}', row {row} (the first is 0): {text[:40]!r}",
            remedy="mend the cell, or read the column as text",
        ) from None


def mark(cell: Any) -> str | None:
    """A short text that is equal for cells of the same content; None for an empty cell.

    A path stands for itself: the file is not opened.

    >>> mark(np.arange(3)) == mark(np.arange(3)), mark(np.arange(3)) == mark(np.arange(4)), mark(None)
    (True, False, None)
    """
    if cell is None or isinstance(cell, float):
        return None
    if isinstance(cell, str):
        return cell
    if isinstance(cell, np.ndarray):
        told = str((cell.shape, cell.dtype.str)).encode() + np.ascontiguousarray(cell).tobytes()
        return hashlib.sha256(told).hexdigest()
    if isinstance(cell, tuple) and len(cell) == 2:  # a sound with its sampling rate
        return f"{mark(cell[0])} {cell[1]}"
    return hashlib.sha256(cell if isinstance(cell, bytes) else repr(cell).encode()).hexdigest()
