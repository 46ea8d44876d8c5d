"""Row groups of a Parquet file: their sizes, their columns, and data frames of one type throughout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.read import check_columns
from umbel.errors import ConfigError, DataError, near

__all__ = ["Cells", "ParquetFile", "join"]

Cells = dict[str, Any]
"""Columns by name, each a ``pyarrow.ChunkedArray`` of plain values."""


class ParquetFile:
    """What is needed of a Parquet file to read it in parts; it is open only while it is read.

    Frames of any of its rows have the same types: whole numbers are floats, and truth values objects, where
    the column misses a value anywhere in the file, just as if it were read as a whole. Columns of levels
    (Arrow dictionaries) come as plain values.

    :param path: the file.
    :param columns: the columns to read, by default all (but for one that is pandas' index).
    :raises ConfigError: pyarrow is not there.
    :raises DataError: no such file, no such column, no row or column, a name twice, or the file is not whole.
    """

    def __init__(self, path: str | Path, columns: Sequence[str] | None = None) -> None:
        self.path = Path(path)
        self._meta: Any = None
        with self._open() as file:
            schema, self._meta = file.schema_arrow, file.metadata
            self._pandas = schema.metadata
            kept = (schema.pandas_metadata or {}).get("index_columns", [])
            self.columns = self._choose([name for name in schema.names if name not in kept], columns)
            """Names of the columns, in the order asked for."""
            sizes = [self._meta.row_group(k).num_rows for k in range(self._meta.num_row_groups)]
            self._groups = np.flatnonzero(sizes)
            self.sizes: NDArray[np.int64] = np.array(sizes, dtype=np.int64)[self._groups]
            """Rows of each row group that has any."""
            self.starts: NDArray[np.int64] = np.cumsum(self.sizes) - self.sizes
            """Number of each one's first row in the file."""
            if not len(self.sizes) or not self.columns:
                raise DataError(
                    "a table has at least one row and one column",
                    found=f"{sum(sizes)} rows, {len(self.columns)} columns in {self.path.name}",
                )
            self._casts = {
                name: cast
                for name in self.columns
                if (cast := _cast(schema.field(name).type)) is not None and self._misses(file, name)
            }

    def _choose(self, names: list[str], columns: Sequence[str] | None) -> list[str]:
        check_columns(names)
        for name in columns or ():
            if name not in names:
                raise DataError(
                    "each column of a stream is a column of the file",
                    found=f"no column '{name}' in {self.path.name}",
                    remedy=near(name, names),
                )
        check_columns(list(columns or ()))
        return list(names if columns is None else columns)

    def _misses(self, file: Any, name: str) -> bool:
        """Whether a column misses a value anywhere; a group without statistics is read."""
        names = [self._meta.row_group(0).column(k).path_in_schema for k in range(self._meta.num_columns)]
        for group in self._groups.tolist():
            told = self._meta.row_group(group).column(names.index(name)).statistics
            if told is not None and told.has_null_count:
                missing = told.null_count
            else:
                missing = file.read_row_group(group, columns=[name]).column(name).null_count
            if missing:
                return True
        return False

    @contextmanager
    def _open(self) -> Iterator[Any]:
        """
        :raises ConfigError: pyarrow is not there.
        :raises DataError: no such file, or it is not whole.
        """
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise ConfigError(
                "streaming a Parquet file needs pyarrow",
                found=str(self.path),
                remedy="pip install 'umbel[tables]'",
            ) from None
        if not self.path.is_file():
            raise DataError("the file of a table must exist", found=str(self.path), remedy="check the path")
        try:
            with pyarrow.parquet.ParquetFile(self.path, metadata=self._meta) as file:
                yield file
        except (pyarrow.ArrowInvalid, OSError) as error:
            raise DataError(
                "the file must be whole", found=f"{self.path}: {error}", remedy="fetch or write it again"
            ) from None

    def read(self, groups: Sequence[int]) -> Cells:
        """All columns of some row groups (numbers among those with rows), one after the other.

        :raises DataError: the file is not whole any more.
        """
        import pyarrow

        found: Cells = {}
        with self._open() as file:
            table = file.read_row_groups([int(self._groups[g]) for g in groups], columns=self.columns)
            for name in self.columns:
                column = table.column(name)
                levels = pyarrow.types.is_dictionary(column.type)
                found[name] = column.cast(column.type.value_type) if levels else column
        return found

    def frame(self, cells: Cells, places: NDArray[np.int64], rows: NDArray[np.int64]) -> pd.DataFrame:
        """A data frame of some rows.

        :param cells: columns, as :meth:`read` gives them.
        :param places: [B] where the rows lie in them.
        :param rows: [B] their numbers in the file, which become the index.
        """
        import pyarrow

        table = pyarrow.table({name: cells[name] for name in self.columns}).take(pyarrow.array(places))
        frame: pd.DataFrame = table.replace_schema_metadata(self._pandas).to_pandas()
        # a type of pandas' own, such as Int64, holds missing values and stays
        casts = {n: cast for n, cast in self._casts.items() if isinstance(frame[n].dtype, np.dtype)}
        frame = frame.astype(casts) if casts else frame
        frame.index = pd.Index(rows, name="row")
        frame.attrs["folder"] = str(self.path.absolute().parent)
        return frame


def join(parts: Sequence[Mapping[str, Any]]) -> Cells:
    """Columns of several parts, one after the other; nothing is copied."""
    import pyarrow

    return {
        name: pyarrow.chunked_array([c for part in parts for c in part[name].chunks], column.type)
        for name, column in parts[0].items()
    }


def _cast(kind: Any) -> str | None:
    """The numpy type a column of this Arrow type takes where values are missing, if it is another."""
    import pyarrow

    kind = kind.value_type if pyarrow.types.is_dictionary(kind) else kind
    if pyarrow.types.is_integer(kind):
        return "float64"
    return "object" if pyarrow.types.is_boolean(kind) else None
