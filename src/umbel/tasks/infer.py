"""The kind that a target column looks like, with the reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.errors import KindError
from umbel.tasks.cells import read_classes
from umbel.tasks.parts import empty_cell

__all__ = ["infer"]

Inference = tuple[str, dict[str, Any], str]

SEPARATORS = (", ", "; ", ";", "|", ",", " / ")
SAMPLE = 20_000
"""Cells in which names between separators are looked for, evenly spread."""
FEW = 10
"""Whole numbers with at most so many values, from 0 or 1 upwards without a gap, could be grades; they are
taken for numbers all the same, and the reason says so."""


def infer(column: pd.Series) -> Inference:
    """Which kind a target column looks like.

    Cautious: numbers are regression unless there are two of them; what may be meant otherwise (grades,
    counts) is said in the reason, and the user decides.

    :param column: training rows of the target.
    :returns: name of the kind, its options, and one line of why.
    :raises KindError: every cell is missing, or text is neither repeated classes nor lists of names.

    >>> infer(pd.Series(["yes", "no", None]))
    ('binary', {}, 'two values: no, yes')
    >>> infer(pd.Series(["war, love", "love", "war", "love, crime, war"] * 3))[:2]
    ('multilabel', {'separator': ', '})
    """
    cells = column.tolist()
    filled = [cell for cell in cells if not empty_cell(cell)]
    if not filled:
        raise KindError(
            "a target must have known labels",
            found=f"column '{column.name}' ({len(cells)} rows): every cell is missing",
            remedy="leave this target out, or check the column's name and the split",
        )
    first = filled[0]
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        raise KindError(
            "a target must not be a time",
            found=f"column '{column.name}': {first}",
            remedy="make a number of it (days since an event), or make it an input",
        )
    if isinstance(first, dict):
        return _joined(filled)
    if isinstance(first, list | tuple | set | frozenset | np.ndarray):
        return "multilabel", {}, "cells are lists"
    _, seen = read_classes(column)
    if len(seen) == 2:
        shown = ", ".join(sorted(map(str, seen)))
        return "binary", {}, f"two values: {shown}"
    numbers = pd.to_numeric(pd.Series(filled), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if not np.isnan(numbers).any():
        return _numbers(numbers)
    return _texts(column, [str(cell) for cell in filled], len(seen))


def _joined(cells: list[dict[str, Any]]) -> Inference:
    values = {value for cell in cells for value in cell.values() if not empty_cell(value)}
    if values <= {0, 1}:
        return "multilabel", {}, "several columns of 0 and 1"
    return "distribution", {}, "several columns of numbers, taken as shares of their sum"


def _numbers(numbers: NDArray[np.float64]) -> Inference:
    distinct = np.unique(numbers)
    if (distinct != np.floor(distinct)).any():
        return "regression", {}, "numbers with a fraction"
    reason = f"whole numbers, {len(distinct)} values"
    if len(distinct) <= FEW and distinct[0] in (0, 1) and (np.diff(distinct) == 1).all():
        reason += "; say ordinal, count or multiclass if they are grades, counts or classes"
    return "regression", {}, reason


def _texts(column: pd.Series, cells: list[str], distinct: int) -> Inference:
    every = cells
    cells = cells[:: max(1, len(cells) // SAMPLE)]
    for separator in SEPARATORS:
        cut = [{name for part in cell.split(separator) if (name := part.strip())} for cell in cells]
        several = sum(len(names) > 1 for names in cut)
        names = set().union(*cut)
        # names that come again in other company, fewer than the whole texts they make
        if several >= 0.05 * len(cells) and len(names) <= distinct and len(names) <= 0.2 * len(cells) + 3:
            return "multilabel", {"separator": separator}, f"{len(names)} names between '{separator}'"
    if distinct <= max(20, 0.05 * len(every)) and distinct < len(every):
        return "multiclass", {}, f"text with {distinct} values in {len(every)} known cells"
    raise KindError(
        "a target must be numbers, classes that come again, or lists of names",
        found=f"column '{column.name}': text with {distinct} values in {len(every)} known cells, "
        f"such as {cells[0][:60]!r}",
        remedy="give the target a kind (multiclass, multilabel, ordinal, tokens), or make it an input",
    )
