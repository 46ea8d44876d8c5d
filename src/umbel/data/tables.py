"""Several tables as one: columns of the same name are shared, those a table lacks are missing in it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from umbel.errors import DataError

__all__ = ["TABLE", "join_tables"]

TABLE = "table"
"""The column that says which table each row is of."""


def join_tables(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of all tables, one table after another.

    :param tables: by name, at least one, each with its own inputs and targets; a column that several have
        must mean the same in all of them: they share its encoder, or its task.
    :returns: the union of the columns (in order of first sight) and the column ``table`` with the name of
        each row's table; a column that a table lacks is missing in its rows.
    :raises DataError: no table, or one that has a column called ``table`` already.

    >>> one, other = pd.DataFrame({"x": [1.0], "y": [0]}), pd.DataFrame({"x": [2.0], "z": ["a"]})
    >>> join_tables({"one": one, "other": other})
       table    x    y     z
    0    one  1.0  0.0  None
    1  other  2.0  NaN     a
    """
    if not tables:
        raise DataError("at least one table is given", remedy="name some tables")
    names = list(dict.fromkeys(str(column) for frame in tables.values() for column in frame.columns))
    if TABLE in names:
        raise DataError(
            f"no table has a column called '{TABLE}': it will say which table a row is of",
            found=f"'{next(n for n, f in tables.items() if TABLE in f.columns)}' has one",
            remedy="rename the column",
        )
    columns = {TABLE: np.repeat(np.array(list(tables), dtype=object), [len(f) for f in tables.values()])}
    joined: dict[str, object] = dict(columns)
    for name in names:
        parts = [f[name] if name in f.columns else _nothing(name, tables, len(f)) for f in tables.values()]
        joined[name] = pd.concat(parts, ignore_index=True)
    frame = pd.DataFrame(joined)
    frame.attrs["tables"] = TABLE
    folders = {frame.attrs.get("folder") for frame in tables.values()}
    if len(folders) == 1 and None not in folders:
        frame.attrs["folder"] = folders.pop()
    return frame


def _nothing(name: str, tables: Mapping[str, pd.DataFrame], rows: int) -> pd.Series:
    """A column of missing cells that goes with those of the tables that have it."""
    having = next(frame[name] for frame in tables.values() if name in frame.columns)
    if pd.api.types.is_numeric_dtype(having.dtype) or pd.api.types.is_bool_dtype(having.dtype):
        return pd.Series(np.full(rows, np.nan), name=name)
    if pd.api.types.is_datetime64_any_dtype(having.dtype):
        return pd.Series(np.full(rows, np.datetime64("NaT")), name=name).astype(having.dtype)
    return pd.Series(np.full(rows, None, dtype=object), name=name)
