"""Types of input columns by inference, each with its reason; ids and constants are recognised."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from umbel.data.cells import is_listed, names_of
from umbel.data.media import media_of
from umbel.data.schema import ColumnType

__all__ = ["COUNTS", "Inferred", "counts_rows", "find_separator", "infer_column"]

SAMPLE = 20_000
"""Known cells that text is judged by; numbers are judged by all."""
SEPARATORS = (", ", "; ", ";", "|", ",", " / ", "/")
NAMED_ID = re.compile(
    r"(^|[_\s\-.])(id|ids|uuid|guid|key|nbr|index)$|[a-z](ID|Id|Uuid|Key|Nbr)$|^unnamed: ?\d+$|^id"
)
DATE = re.compile(r"[12]\d{3}-[01]\d-[0-3]\d([T ][0-2]\d:[0-5]\d(:[0-5]\d(\.\d+)?)?( ?Z|[+-]\d\d:?\d\d)?)?$")
COUNTS = "counts the rows: consecutive numbers, each once"
LONG = 100
"""Rows from which consecutive numbers are taken for a count of the rows, not for a small table's input."""
FEW = 20
"""Codes whose name says that they name things are categories up to this many levels."""


@dataclass(frozen=True)
class Inferred:
    """What a column seems to be.

    :param type: None where it should be left out.
    :param separator: between the names of a ``set``; None when cells are lists.
    :param reason: why, in words.
    :param id: True when it names rows or entities.
    """

    type: ColumnType | None
    reason: str
    separator: str | None = None
    id: bool = False


def _spread(column: pd.Series) -> pd.Series:
    """At most ``SAMPLE`` cells, evenly spread."""
    step = max(1, len(column) // SAMPLE)
    return column.iloc[::step][:SAMPLE]


def find_separator(cells: pd.Series) -> str | None:
    """What stands between names, where cells hold several and the names repeat.

    :param cells: known text cells.

    >>> find_separator(pd.Series(["Drama, Comedy", "Comedy", "Drama, War", "War, Comedy"]))
    ', '
    >>> find_separator(pd.Series(["The good, the bad", "Here, there", "Once upon a time"])) is None
    True
    """
    for separator in SEPARATORS:
        several = cells.str.contains(separator, regex=False)
        if several.mean() < 0.05:
            continue
        # distinct cells only: a level with a comma in its name comes again, but not its parts alone
        cut = [set(names) for names in names_of(cells.unique(), separator)]
        seen = Counter(name for names in cut for name in names)
        names = [name for names in cut if len(names) > 1 for name in names]
        again = sum(seen[name] > 1 for name in names)
        if names and again >= 0.35 * len(names) and np.median([len(name) for name in names]) <= 30:
            return separator
    return None


def counts_rows(column: pd.Series) -> bool:
    """True when the cells are consecutive whole numbers, each once: they name the rows.

    :param column: all rows; a sample of them would have gaps. Short ones are given the benefit.
    """
    if len(column) < LONG or not pd.api.types.is_integer_dtype(column.dtype) or bool(column.isna().any()):
        return False
    return bool(column.max() - column.min() + 1 == len(column)) and bool(column.is_unique)


def infer_column(column: pd.Series) -> Inferred:
    """The type of an input column.

    :param column: training rows of it, empty cells missing.
    :returns: its type or None, and why.

    >>> infer_column(pd.Series([1.5, 2.5, None])).type
    'number'
    >>> infer_column(pd.Series(["x", "x"])).reason
    'all known cells are the same'
    """
    name = str(column.name)
    known = column.dropna()
    if len(known) == 0:
        return Inferred(None, "every cell is missing")
    media = _infer_media(known)
    if media is not None:
        return media
    if is_listed(column):
        return Inferred("set", "cells are lists")
    if pd.api.types.is_bool_dtype(known.dtype):
        return _or_constant(known, Inferred("number", "true or false"))
    if pd.api.types.is_numeric_dtype(known.dtype):
        return _infer_numbers(known, name)
    if pd.api.types.is_datetime64_any_dtype(known.dtype):
        return _or_constant(known, Inferred("date", "dates"))
    cells = _spread(known).astype(str).str.strip()
    cells = cells[cells != ""]
    if len(cells) == 0:
        return Inferred(None, "every cell is missing")
    numbers = pd.to_numeric(cells, errors="coerce")
    if bool(numbers.notna().all()) and bool(pd.to_numeric(known, errors="coerce").notna().all()):
        return _infer_numbers(pd.to_numeric(known), name)
    return _infer_text(cells, known, name)


def _infer_media(known: pd.Series) -> Inferred | None:
    """Images, sounds and series; None where the cells are of other types."""
    if not (known.dtype == object or pd.api.types.is_string_dtype(known.dtype)):
        return None
    cells = _spread(known).tolist()
    found = {media_of(cell) for cell in cells if not isinstance(cell, str) or cell.strip()}
    texts = sum(isinstance(cell, str) for cell in cells)
    kind = found.pop() if len(found) == 1 else None
    if kind is not None and texts == 0:
        form = "bytes" if any(isinstance(cell, bytes) for cell in cells) else "arrays"
        words = {
            "image": f"{form} of images" if form == "bytes" else "arrays of two or three axes",
            "audio": f"{form} of sounds",
            "series": "arrays of numbers, in their order",
        }
        return Inferred(cast(ColumnType, kind), f"cells are {words[kind]}")
    if kind is not None and not any("://" in cell for cell in cells if isinstance(cell, str)):
        return Inferred(cast(ColumnType, kind), f"paths of {'images' if kind == 'image' else 'sounds'}")
    if any(isinstance(cell, bytes | bytearray) for cell in cells):
        return Inferred(None, "bytes that are neither images nor sounds")
    return None


def _or_constant(known: pd.Series, found: Inferred) -> Inferred:
    first = known.iloc[0]
    return Inferred(None, "all known cells are the same") if bool((known == first).all()) else found


def _infer_numbers(known: pd.Series, name: str) -> Inferred:
    values = known.to_numpy(dtype=float)
    low, high = values.min(), values.max()
    if low == high:
        return Inferred(None, "all known cells are the same")
    whole = bool(np.isfinite([low, high]).all()) and bool((values == np.round(values)).all())
    if not whole:
        return Inferred("number", "numbers with fractions")
    named = bool(NAMED_ID.search(name)) or bool(NAMED_ID.search(name.lower()))
    if counts_rows(known):
        return Inferred(None, COUNTS, id=True)
    if not named:
        return Inferred("number", "whole numbers")
    distinct = len(np.unique(values))
    if distinct <= FEW:
        return Inferred("category", f"whole numbers that name {distinct} things, as the column's name says")
    if distinct > 0.2 * len(values):
        return Inferred(None, f"an id by its name, {distinct} distinct in {len(values)} known cells", id=True)
    return Inferred("category", "whole numbers that name things, as the column's name says")


def _infer_text(cells: pd.Series, known: pd.Series, name: str) -> Inferred:
    distinct = cells.nunique()
    if distinct == 1 and known.nunique() == 1:
        return Inferred(None, "all known cells are the same")
    if bool(cells.str.match(DATE).all()):
        return Inferred("date", "dates, year first")
    share = distinct / len(cells)
    separator = find_separator(cells)
    if separator is not None and distinct > 2:
        return Inferred("set", f"names between '{separator}' that come again", separator)
    words = cells.str.count(r"\s+").mean() + 1
    long = cells.str.len().mean()
    if words < 1.2 and share > 0.9 and len(cells) > FEW and (long < 40 or NAMED_ID.search(name.lower())):
        return Inferred(None, f"an id: single words, {share:.0%} of them distinct", id=True)
    if share <= 0.2 or (words < 3 and share <= 0.5) or distinct <= FEW:
        return Inferred("category", f"{distinct} distinct texts in {len(cells)} known cells")
    return Inferred("text", f"free words, about {words:.0f} per cell, {share:.0%} of the cells distinct")
