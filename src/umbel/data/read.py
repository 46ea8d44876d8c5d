"""Tables from files, data frames and Arrow, as one plain data frame."""

from __future__ import annotations

import gzip
import itertools
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from umbel.data.lines import broken, check_lines, lines_of, open_text
from umbel.data.tables import join_tables
from umbel.errors import DataError, near

__all__ = ["check_columns", "check_table", "read_table", "take_column"]

LARGE = 256 * 2**20
"""Bytes of text from which floats are kept as float32."""
CHUNK = 100_000
AT_ONCE = 8
"""Columns of a Parquet file that are read together."""
DELIMITERS = ",\t;|"


def check_columns(names: Sequence[Any]) -> None:
    """:raises DataError: two columns have the same name, or one has none."""
    twice = [str(name) for name, count in Counter(map(str, names)).items() if count > 1]
    if twice:
        places = [i for i, name in enumerate(names) if str(name) == twice[0]]
        raise DataError(
            "each column has a name of its own",
            found=f"'{twice[0]}' names columns {', '.join(map(str, places))} (the first is 0)",
            remedy="rename or drop one of them",
        )


def check_table(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame with plain text names and rows numbered from 0; no cell is copied.

    :raises DataError: duplicate column names, no rows or no columns.
    """
    if isinstance(frame.columns, pd.MultiIndex):
        raise DataError(
            "columns have one name each",
            found=f"{frame.columns.nlevels} levels of names",
            remedy="flatten frame.columns",
        )
    check_columns(list(frame.columns))
    if frame.shape[0] == 0 or frame.shape[1] == 0:
        raise DataError(
            "a table has at least one row and one column",
            found=f"{frame.shape[0]} rows, {frame.shape[1]} columns",
            remedy="check the file, or the filter that made the table",
        )
    frame = frame.set_axis(list(map(str, frame.columns)), axis=1)
    return frame.reset_index(drop=True)


def take_column(frame: pd.DataFrame, name: str, role: str) -> pd.Series:
    """A column by name.

    :param role: what it is wanted for, as the error says it: ``"target"``, ``"input"``.
    :raises DataError: there is none of that name; near names are given.
    """
    if name not in frame.columns:
        raise DataError(
            f"each {role} must be a column of the table",
            found=f"no column '{name}'",
            remedy=near(name, frame.columns),
        )
    return frame[name]


def _is_table(one: Any) -> bool:
    """True for what :func:`read_table` reads as a table by itself."""
    return isinstance(one, pd.DataFrame | str | Path) or hasattr(one, "to_pandas")


def read_table(source: Any, *, float32: bool | None = None) -> pd.DataFrame:
    """A table from a file (CSV, TSV, gzipped or not; Parquet, Feather), a data frame or an Arrow table.

    :param source: a path, a ``pandas.DataFrame``, a ``pyarrow.Table``, a mapping of columns, or a mapping of
        names to tables (any of these), which become one: see :func:`umbel.data.tables.join_tables`.
    :param float32: keep floats of a text file as float32; by default when it is large (256 MiB of
        text), so that a million rows of a hundred columns fit well into memory.
    :returns: the table, rows numbered from 0; of a file, ``attrs["folder"]`` is its folder. Categorical
        columns become plain ones where they are used.
    :raises DataError: no such file, a format that is not known, a broken line (its number is given),
        duplicate column names, an empty table.

    >>> read_table({"a": [1, 2], "b": ["x", None]}).shape
    (2, 2)
    """
    if isinstance(source, pd.DataFrame):
        return check_table(source)
    if hasattr(source, "to_pandas") and hasattr(source, "column_names"):  # Arrow, Polars
        check_columns(list(source.column_names))
        return check_table(source.to_pandas())
    if isinstance(source, dict) and source and all(map(_is_table, source.values())):
        return check_table(join_tables({str(k): read_table(v, float32=float32) for k, v in source.items()}))
    if isinstance(source, dict):
        try:
            return check_table(pd.DataFrame(source))
        except ValueError as error:
            raise DataError(
                "columns have equal lengths", found=str(error), remedy="give each column one cell per row"
            ) from None
    if not isinstance(source, str | Path):
        raise DataError(
            "a table is a path, a pandas or Arrow table, or a mapping of columns",
            found=type(source).__name__,
            remedy="give the path of a file, or pandas.DataFrame(...) of it",
        )
    path = Path(source)
    if not path.is_file():
        place = path if path.is_dir() else path.parent
        beside = sorted(p.name for p in place.iterdir() if p.is_file()) if place.is_dir() else []
        raise DataError(
            "the file of a table must exist",
            found=f"'{path}' is a folder" if path.is_dir() else str(path),
            remedy=near(path.name, beside) if beside else "check the path",
        )
    kinds = [s.lower() for s in path.suffixes if s.lower() != ".gz"]
    kind = kinds[-1] if kinds else ""
    if kind in (".parquet", ".pq", ".feather", ".arrow"):
        return _at(_read_arrow(path, kind), path)
    if kind in (".csv", ".tsv", ".tab", ".txt"):
        return _at(_read_text(path, kind, float32), path)
    raise DataError(
        "a table file is .csv, .tsv (both also .gz), .parquet or .feather",
        found=str(path),
        remedy="convert it",
    )


def _at(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The frame, which knows its folder: paths of images and sounds in its cells start there."""
    frame.attrs["folder"] = str(path.absolute().parent)
    return frame


def _read_arrow(path: Path, kind: str) -> pd.DataFrame:
    try:
        import pyarrow.feather
        import pyarrow.parquet
    except ImportError:
        raise DataError(
            "reading Parquet and Arrow files needs pyarrow",
            found=str(path),
            remedy="pip install 'umbel[tables]'",
        ) from None
    try:
        if kind in (".parquet", ".pq"):
            with pyarrow.parquet.ParquetFile(path) as file:
                return check_table(_by_columns(file))
        return read_table(pyarrow.feather.read_table(path))
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise DataError(
            "the file must be whole", found=f"{path}: {error}", remedy="fetch or write it again"
        ) from None


def _by_columns(file: Any) -> pd.DataFrame:
    """A Parquet file as a frame, some columns at a time: read as a whole it stands in memory thrice.

    :param file: an open ``pyarrow.parquet.ParquetFile``.
    """
    names = file.schema_arrow.names
    check_columns(names)
    found: dict[str, pd.Series] = {}
    for start in range(0, len(names), AT_ONCE):
        part = file.read(columns=names[start : start + AT_ONCE])
        frame: pd.DataFrame = part.to_pandas(split_blocks=True, self_destruct=True).reset_index(drop=True)
        if isinstance(frame.columns, pd.MultiIndex):
            return frame
        found |= {str(name): frame[name] for name in frame.columns}
    # a column that pandas wrote as its index is no column; "a" may have brought "a.b" along
    return pd.DataFrame({name: found[name] for name in names if name in found}, copy=False)


def _read_text(path: Path, kind: str, float32: bool | None) -> pd.DataFrame:
    try:
        with open_text(path) as file:
            head = file.readline()
        delimiter = "\t" if kind in (".tsv", ".tab") else max(DELIMITERS, key=head.count)
        lines = lines_of(path, delimiter)
        header = next((cells for _, cells in lines), [])
        if not header:
            raise DataError(
                "a table has at least one row and one column",
                found=f"{path} is empty",
                remedy="check the file, or the filter that made the table",
            )
        # pandas takes a surplus first cell for an index, in silence
        check_lines(path, itertools.islice(lines, 1), len(header))
        check_columns([name or f"Unnamed: {i}" for i, name in enumerate(header)])
        if float32 is None:
            float32 = path.stat().st_size * (4 if path.suffix.lower() == ".gz" else 1) > LARGE
        frame = _parse(path, delimiter, float32)
    except pd.errors.ParserError as error:
        seen = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if seen:
            raise broken(path, seen[2], f"{seen[3]} cells where there are {seen[1]} columns") from None
        row = re.search(r"row (\d+)", str(error))
        raise broken(path, int(row[1]) + 1 if row else "?", str(error).split("C error: ")[-1]) from None
    except UnicodeDecodeError as error:
        raise DataError(
            "a text table is UTF-8", found=f"{path}: byte {error.start}", remedy="save it as UTF-8"
        ) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            "the file must be whole", found=f"{path}: {error}", remedy="fetch or write it again"
        ) from None
    # pandas fills short lines up, in silence
    if len(frame) and bool(frame.iloc[:, -1].isna().any()):
        check_lines(path, lines_of(path, delimiter), len(header))
    return check_table(frame)


def _parse(path: Path, delimiter: str, float32: bool) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.DtypeWarning)  # mixed columns are told of by their type
        if not float32:
            return pd.read_csv(path, sep=delimiter, encoding="utf-8-sig")
        with pd.read_csv(path, sep=delimiter, encoding="utf-8-sig", chunksize=CHUNK) as chunks:
            return pd.concat([_shrunk(chunk) for chunk in chunks], ignore_index=False)


def _shrunk(chunk: pd.DataFrame) -> pd.DataFrame:
    """Floats as float32, but for whole numbers that float32 cannot tell apart (ids with gaps)."""
    floats = chunk.select_dtypes(np.float64)
    small = {}
    for name in floats.columns:
        values = floats[name].to_numpy()
        known = values[np.isfinite(values)]
        if len(known) and np.abs(known).max() >= 2**24 and np.array_equal(known, np.round(known)):
            continue
        small[name] = np.float32
    return chunk.astype(small)
