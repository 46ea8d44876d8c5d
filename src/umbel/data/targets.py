"""Answers of a target: its column, or several columns joined into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import blank, rows_named
from umbel.data.problem import Problem, make_kind
from umbel.data.read import take_column
from umbel.errors import DataError
from umbel.tasks import Kind
from umbel.tasks.infer import infer

__all__ = ["choose_kind", "join_columns", "target_column"]


def join_columns(frame: pd.DataFrame, name: str, columns: Sequence[str]) -> pd.Series:
    """Several columns as one, whose cells are ``{column: number or None}``.

    :param frame: the table; a column that is not there is unknown in every row.
    :param name: the name of the joined column.
    :param columns: source columns of numbers (0/1 for labels, shares for a distribution).
    :returns: [B] dicts; None where every source cell is missing.
    :raises DataError: a cell is no number (column, row and value are named).

    >>> table = pd.DataFrame({"a": [1, None], "b": [0, None]})
    >>> join_columns(table, "ab", ["a", "b"]).tolist()
    [{'a': 1.0, 'b': 0.0}, None]
    """
    numbers = np.full((len(frame), len(columns)), np.nan)
    for j, column in enumerate(columns):
        if column not in frame.columns:
            continue
        source = frame[column]
        read = pd.to_numeric(source, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        bad = np.flatnonzero(np.isnan(read) & source.notna().to_numpy())
        if len(bad):
            raise DataError(
                "columns that are joined into one target hold numbers",
                found=f"target '{name}', column '{column}', {rows_named(bad)}: {source.iloc[bad[0]]!r}",
                remedy="mend the cell, or make 0 and 1 of the column's values",
            )
        numbers[:, j] = read
    known = ~np.isnan(numbers)
    cells: NDArray[Any] = numbers.astype(object)
    cells[~known] = None
    joined = [
        dict(zip(columns, row, strict=True)) if any_ else None
        for row, any_ in zip(cells.tolist(), known.any(1), strict=True)
    ]
    return pd.Series(joined, index=frame.index, name=name, dtype=object)


def target_column(frame: pd.DataFrame, problem: Problem, name: str, *, required: bool = True) -> pd.Series:
    """The answers of a target in the user's own terms, [B].

    :param required: else a column that is not there counts as wholly missing.
    :raises DataError: a source column is not there (near names are given).
    """
    sources = problem.targets[name].columns or [name]
    absent = [c for c in sources if c not in frame.columns]
    if required and absent:
        take_column(frame, absent[0], "target")
    if len(absent) == len(sources):
        return pd.Series([None] * len(frame), index=frame.index, name=name, dtype=object)
    if len(sources) == 1:
        return blank(frame[sources[0]], problem.missing).rename(name)
    cleaned = pd.DataFrame({c: blank(frame[c], problem.missing) for c in sources if c not in absent})
    return join_columns(cleaned, name, sources)


def choose_kind(problem: Problem, name: str, column: pd.Series) -> tuple[Kind, str]:
    """The kind of a target, not yet fitted, and why it has it.

    :param column: training rows of the target.
    :raises ConfigError: an option that the kind has not.
    """
    spec = problem.targets[name]
    where = f"targets.{name}"
    if spec.kind is not None:
        return make_kind(spec.kind, spec.options, where), "as given"
    kind, options, reason = infer(column)
    return make_kind(kind, {**options, **spec.options}, where), reason
