"""Reading the cells of a target column, and the texts of what may be wrong with them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.errors import KindError, near

__all__ = [
    "Label",
    "as_labels",
    "bad_cells",
    "check_variety",
    "find_classes",
    "key_of",
    "read_classes",
    "read_numbers",
    "sort_labels",
]

Label = bool | int | float | str
"""A class as JSON can keep it."""


def canonical(value: Any) -> Label | None:
    """A cell as JSON can keep it: whole numbers without a point, text without outer blanks; None is missing.

    >>> canonical(np.float64(2.0)), canonical(" yes "), canonical("")
    (2, 'yes', None)
    """
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real | Decimal):
        number = float(value)
        return int(number) if number.is_integer() else number
    return str(value).strip() or None


def key_of(label: Any) -> str:
    """What tells two classes apart: their text, so that ``1``, ``1.0`` and ``"1"`` are one class.

    >>> key_of(1.0), key_of("1"), key_of(True)
    ('1', '1', 'True')
    """
    return str(canonical(label))


def bad_cells(column: pd.Series, positions: NDArray[Any] | Sequence[int], *, limit: int = 3) -> str:
    """The column, and the rows and values that break a rule, as the ``found`` of an error.

    :param positions: of the bad cells within the column.

    >>> bad_cells(pd.Series(["1", "x", "y"], name="age"), [1, 2], limit=1)
    "column 'age': row 1 is 'x' (and 1 row more)"
    """
    shown = [f"row {column.index[p]} is {_short(column.iloc[p])}" for p in list(positions)[:limit]]
    more = len(positions) - len(shown)
    rest = f" (and {more} {'row' if more == 1 else 'rows'} more)" if more else ""
    return f"column '{column.name}': {', '.join(shown)}{rest}"


def _short(value: Any) -> str:
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 60 else text[:57] + "..."


def read_numbers(column: pd.Series, kind: str) -> NDArray[np.float64]:
    """The cells as numbers, [B]; NaN is missing.

    :param kind: name of the kind, for messages.
    :raises KindError: a cell is no number, or is infinite.

    >>> read_numbers(pd.Series(["1", "", None, 2]), "regression")
    array([ 1., nan, nan,  2.])
    """
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        numbers = _parse(column, kind)
    infinite = np.flatnonzero(np.isinf(numbers))
    if len(infinite):
        raise KindError(
            f"a {kind} target must be finite",
            found=bad_cells(column, infinite),
            remedy="leave the cell empty where the value is unknown, or clip it",
        )
    return numbers


def _parse(column: pd.Series, kind: str) -> NDArray[np.float64]:
    cells = column.astype(object)
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or pd.api.types.is_complex_dtype(column.dtype):
        parsed = np.full(len(column), np.nan)
    else:
        try:
            parsed = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError):  # cells that are lists or other objects
            parsed = np.array([_number(cell) for cell in cells], dtype=np.float64)
    unread = np.flatnonzero(np.isnan(parsed) & column.notna().to_numpy())
    bad = [p for p in unread if not (isinstance(cells.iloc[p], str) and not cells.iloc[p].strip())]
    if bad:
        raise KindError(
            f"a {kind} target must hold numbers",
            found=bad_cells(column, np.array(bad)),
            remedy="mend or empty these cells, or give the target another kind (multiclass, multilabel)",
        )
    return parsed


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return math.nan


def read_classes(column: pd.Series) -> tuple[NDArray[np.int64], list[Label]]:
    """The cells as classes: an index for each, -1 where missing, and what the indices stand for.

    Empty text is missing. The classes stand in the order in which they are seen.

    :returns: codes [B], labels.
    :raises KindError: a cell is a list or an infinite number.

    >>> read_classes(pd.Series(["a", None, "b", "a"]))
    (array([ 0, -1,  1,  0]), ['a', 'b'])
    """
    try:
        codes, uniques = pd.factorize(column)
    except TypeError:
        odd = [i for i, cell in enumerate(column) if isinstance(cell, list | set | dict | np.ndarray)]
        raise KindError(
            "each cell of a class target must be one value",
            found=bad_cells(column, odd) if odd else f"column '{column.name}'",
            remedy="give the target the kind multilabel",
        ) from None
    labels: dict[str, tuple[int, Label]] = {}
    places = np.full(len(uniques) + 1, -1, dtype=np.int64)  # the last is the missing cell's
    for i, unique in enumerate(uniques):
        if isinstance(unique, Real) and math.isinf(unique):
            raise KindError(
                "a target must be finite",
                found=bad_cells(column, np.flatnonzero(codes == i)),
                remedy="leave the cell empty where the value is unknown, or clip it",
            )
        label = canonical(unique)
        if label is not None:
            places[i] = labels.setdefault(str(label), (len(labels), label))[0]
    return places[codes], [label for _, label in labels.values()]


def sort_labels(labels: Sequence[Label]) -> list[Label]:
    """Numbers by value, all else by text.

    >>> sort_labels([10, 9]), sort_labels(["b", "a", 1])
    ([9, 10], [1, 'a', 'b'])
    """
    if all(isinstance(label, int | float) for label in labels):
        return sorted(labels, key=lambda label: float(label))
    return sorted(labels, key=str)


def find_classes(
    column: pd.Series,
    places: Mapping[str, int],
    *,
    kind: str,
    others: str = "error",
) -> NDArray[np.int64]:
    """The index of each cell's class among those known, [B]; -1 where missing.

    :param places: index of each class by its :func:`key_of`.
    :param others: ``"missing"`` or ``"error"``: what a class that is not among them becomes.
    :raises KindError: a class is not among them (and ``others`` is ``"error"``).
    """
    codes, labels = read_classes(column)
    found = np.array([places.get(str(label), -2) for label in labels] + [-1], dtype=np.int64)[codes]
    strange = np.flatnonzero(found == -2)
    if len(strange) and others == "error":
        raise KindError(
            f"{'an' if kind == 'ordinal' else 'a'} {kind} target must hold the classes of the training rows",
            found=bad_cells(column, strange),
            remedy=near(key_of(column.iloc[strange[0]]), places)
            + "; or say others: missing, to leave these cells out",
        )
    return np.where(found == -2, -1, found)


def check_variety(column: pd.Series, known: int, distinct: int, example: object = None) -> None:
    """Hold a target against the two ways in which nothing can be learned from it.

    :param known: number of known cells.
    :param distinct: number of distinct values among them.
    :raises KindError: all cells are missing, or all are equal.
    """
    where = f"column '{column.name}' ({len(column)} training rows)"
    if known == 0:
        raise KindError(
            "a target must have known labels",
            found=f"{where}: every cell is missing",
            remedy="leave this target out, or check the column's name and the split",
        )
    if distinct < 2:
        raise KindError(
            "a target must not be constant",
            found=f"{where}: all {known} known cells are {_short(example)}",
            remedy="leave this target out; there is nothing to predict",
        )


def as_labels(labels: Sequence[Label], codes: NDArray[Any]) -> NDArray[Any]:
    """Class indices [B] back to the user's classes, with their own type where they share one.

    >>> as_labels(["a", "b"], np.array([1, 0]))
    array(['b', 'a'], dtype=object)
    """
    kinds = {type(label) for label in labels}
    plain = len(kinds) == 1 and kinds <= {bool, int, float}
    table = np.array(labels) if plain else np.array(labels, dtype=object)
    chosen: NDArray[Any] = table[codes]
    return chosen
