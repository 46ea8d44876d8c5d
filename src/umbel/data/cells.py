"""Cells of input columns brought to one plain form per type, the same at training and at prediction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.marks import holds_media
from umbel.data.media import as_media
from umbel.data.schema import MEDIA_TYPES, Column
from umbel.errors import DataError

__all__ = [
    "as_category",
    "as_days",
    "as_number",
    "as_text",
    "blank",
    "clean",
    "codes_of",
    "is_listed",
    "label",
    "names_of",
    "rows_named",
]

LISTS = (list, tuple, set, frozenset, np.ndarray)
LARGEST = 1e150
"""Of the numbers of an input, in magnitude."""


def rows_named(positions: Iterable[int], *, count: int = 5) -> str:
    """Rows as a message names them.

    >>> rows_named([3]), rows_named(range(9), count=2)
    ('row 3 (the first is 0)', 'rows 0, 1 and 7 more (the first is 0)')
    """
    rows = [int(p) for p in positions]
    shown = ", ".join(map(str, rows[:count]))
    more = f" and {len(rows) - count} more" if len(rows) > count else ""
    return f"row{'s' if len(rows) > 1 else ''} {shown}{more} (the first is 0)"


def label(value: Any) -> str:
    """A cell as the name of a category: 1 and 1.0 are the same name, whatever a reader made of them.

    >>> label(1.0), label(1), label(True), label(" a"), label(0.5)
    ('1', '1', 'True', 'a', '0.5')
    """
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def is_listed(column: pd.Series) -> bool:
    """True when the cells are lists, sets or arrays of names."""
    if column.dtype != object:
        return False
    known = column.dropna()
    return len(known) > 0 and isinstance(known.iloc[0], LISTS)


def blank(column: pd.Series, missing: Sequence[str] = ()) -> pd.Series:
    """The column with empty cells, and texts that stand for a missing one, as missing.

    :param missing: texts that stand for a missing cell, e.g. ``["?"]``.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = pd.Series(np.asarray(column), index=column.index, name=column.name)
    if not missing or pd.api.types.is_numeric_dtype(column.dtype) or is_listed(column):
        return column
    if holds_media(column):
        told = np.array([isinstance(cell, str) and cell in missing for cell in column.tolist()], dtype=bool)
        return column.mask(told)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return column
    return column.mask(column.isin(list(missing)))


def as_number(column: pd.Series) -> pd.Series:
    """Numbers: true and false are 1 and 0, a date is days since 1970, a missing cell is NaN.

    :raises DataError: a cell is no number, or is infinite (column, row and value are named).
    """
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iu":
        return column
    if isinstance(dtype, np.dtype) and dtype.kind == "f":
        numbers: Any = column
    elif pd.api.types.is_datetime64_any_dtype(dtype):
        naive = column.dt.tz_localize(None) if isinstance(dtype, pd.DatetimeTZDtype) else column
        numbers = (naive - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
    elif pd.api.types.is_numeric_dtype(dtype):  # bool, and pandas' own nullable numbers
        numbers = pd.Series(column.to_numpy(np.float64, na_value=np.nan), name=column.name)
    else:
        numbers = pd.to_numeric(column, errors="coerce").astype(np.float64)
        unread = np.flatnonzero(numbers.isna().to_numpy() & column.notna().to_numpy())
        bad = [int(i) for i in unread if str(column.iloc[i]).strip()]  # an empty cell is a missing one
        if bad:
            raise DataError(
                "a number column holds numbers only",
                found=f"column '{column.name}', {rows_named(bad)}: {column.iloc[bad[0]]!r}",
                remedy="mend it, list the text under 'missing', or read the column as category",
            )
    infinite = np.flatnonzero(np.isinf(numbers.to_numpy()))
    if len(infinite):
        raise DataError(
            "numbers must be finite",
            found=f"column '{column.name}', {rows_named(infinite)}: {float(numbers.iloc[infinite[0]])}",
            remedy="leave the cell empty where the number is unknown",
        )
    values = numbers.to_numpy()
    large = np.flatnonzero(np.abs(values) > LARGEST if values.dtype.itemsize == 8 else [])
    if len(large):
        raise DataError(
            f"numbers must be below {LARGEST:g}, so that their squares can be added up",
            found=f"column '{column.name}', {rows_named(large)}: {float(numbers.iloc[large[0]])}",
            remedy="use other units, or leave the cell empty where it is a mistake",
        )
    named: pd.Series = numbers
    return named


def as_days(column: pd.Series) -> pd.Series:
    """Dates as days since 1970, in UTC where they have a zone; a missing or empty cell is NaN.

    :raises DataError: a cell is no date (column, row and value are named).
    """
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return as_number(column)
    texts = column.map(lambda cell: cell.strip() or None if isinstance(cell, str) else cell)
    plain = pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype)
    if plain:
        found = pd.Series(pd.NaT, index=column.index)
    else:
        found = pd.to_datetime(texts, errors="coerce", utc=True, format="mixed")
    bad = np.flatnonzero(found.isna().to_numpy() & texts.notna().to_numpy())
    if len(bad):
        raise DataError(
            "a date column holds dates only",
            found=f"column '{column.name}', {rows_named(bad)}: {column.iloc[bad[0]]!r}",
            remedy="write dates as 2026-11-24 or 2026-11-24 18:30, or give the column another type",
        )
    dated = pd.to_datetime(found, utc=True)
    dated.name = column.name
    return as_number(dated)


def as_category(column: pd.Series) -> pd.Series:
    """Names of levels as text (see :func:`label`); an empty cell is missing."""
    codes, levels = pd.factorize(column)
    names = np.array([label(level) for level in levels] + [None], dtype=object)  # the last is for -1
    names[names == ""] = None
    return pd.Series(names[codes], index=column.index, name=column.name)


def as_text(column: pd.Series) -> pd.Series:
    """Free words; a missing cell is the empty string."""
    if column.dtype == object:
        column = column.map(str, na_action="ignore")
    elif not pd.api.types.is_string_dtype(column.dtype):
        return as_text(as_category(column))
    return column.fillna("")


def _listed(cell: Any) -> list[str]:
    """The names in a cell of a list column; a lone text is one name, a missing cell none."""
    if isinstance(cell, LISTS):
        return [str(name) for name in cell]
    return [cell] if isinstance(cell, str) and cell else []


def _as_set(column: pd.Series, separator: str | None) -> pd.Series:
    """Names of a set: lists stay lists (missing: an empty one), delimited text stays text."""
    if not is_listed(column):
        return as_text(column)
    if separator is not None:
        raise DataError(
            "a set column with a separator holds text",
            found=f"column '{column.name}' holds lists",
            remedy=f"leave out the separator of '{column.name}'",
        )
    cells = [
        sorted(map(str, cell)) if isinstance(cell, set | frozenset) else _listed(cell) for cell in column
    ]
    return pd.Series(cells, index=column.index, name=column.name, dtype=object)


def clean(
    column: pd.Series, spec: Column, missing: Sequence[str] = (), folder: Path | None = None
) -> pd.Series:
    """An input column in the plain form of its type.

    :param spec: its type.
    :param missing: texts that stand for a missing cell.
    :param folder: where relative paths of images and sounds start.
    :returns: ``number``: finite numbers or NaN; ``date``: days since 1970 or NaN; ``category``: text or
        missing; ``set``: delimited text or lists, empty where missing; ``text``: text, empty where missing;
        ``image``, ``audio`` and ``series``: paths, bytes or arrays, None where missing.
    :raises DataError: a cell does not fit the type.
    """
    column = blank(column, missing)
    if spec.type in MEDIA_TYPES:
        return as_media(column, spec, folder)
    if spec.type == "number":
        return as_number(column)
    if spec.type == "date":
        return as_days(column)
    if spec.type == "category":
        return as_category(column)
    if spec.type == "set":
        return _as_set(column, spec.separator)
    return as_text(column)


def names_of(cells: Iterable[Any], separator: str | None) -> list[list[str]]:
    """The names in each cell of a set column."""
    if separator is None:
        return [_listed(cell) for cell in cells]
    split = re.compile(re.escape(separator.strip() or separator) + r"\s*").split
    return [[n.strip() for n in split(c) if n.strip()] if isinstance(c, str) else [] for c in cells]


def codes_of(columns: Sequence[pd.Series]) -> NDArray[np.int64]:
    """One number per distinct combination of cells; a missing cell counts as a value of its own.

    :param columns: at least one column, [B] each.
    :returns: [B], numbers from 0 in order of first sight.
    """
    total: NDArray[np.int64] = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        codes, levels = pd.factorize(column, use_na_sentinel=True)
        # combine pairwise and renumber, so that the product never overflows
        total = pd.factorize(total * (len(levels) + 1) + (codes + 1))[0].astype(np.int64)
    return total
