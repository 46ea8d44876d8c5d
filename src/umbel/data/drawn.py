"""Rows of a streamed table that are held: a sample of the training rows, and the validation rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import blank, rows_named
from umbel.data.hashing import entity_hashes, uniform
from umbel.data.infer import LONG
from umbel.data.parquet import ParquetFile
from umbel.data.split import Split
from umbel.data.streamed import StreamedTable
from umbel.errors import DataError
from umbel.seeding import derive

__all__ = ["Sample", "counters", "draw"]

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """Rows that are held in memory.

    :param frame: in the order of the file; the index ``row`` is their number in it.
    :param split: its training and validation rows, and no test row.
    """

    frame: pd.DataFrame
    split: Split


def draw(table: StreamedTable, rows: int) -> Sample:
    """About so many training rows, drawn over all row groups, and the validation rows.

    Every value of a target that has up to 1,000 (no fractions among them), and every group, stands in at
    least one of them. The file is read once, and of it again what such values need.

    :param rows: training rows to draw, about; all of them where there are not more.
    :raises DataError: a training row has no group.
    """
    if table.ungrouped:
        raise DataError(
            "each training row belongs to a group",
            found=f"column '{table.problem.by}' is missing in {rows_named(table.ungrouped)}",
            remedy="fill it in, or leave these rows out",
        )
    file, total = table.file, table.counts.sum(axis=0)
    # of the sides: training, validation, test, and last (-1) the rows without a known target
    shares = np.array([rows / max(total[0], 1), table.most / max(total[1], 1), 0.0, 0.0])
    frames, chosen = [], []
    for group in range(len(file.sizes)):
        cells = file.read([group])
        sides = table.sides(group, cells)
        numbers = np.arange(len(sides)) + file.starts[group]
        place = uniform(entity_hashes(pd.DataFrame(), (), numbers), derive(table.seed, "sample"))
        taken = np.flatnonzero(place < shares[sides])
        frames.append(file.frame(cells, taken, numbers[taken]))
        chosen.append(sides[taken])
    frame, side = pd.concat(frames), np.concatenate(chosen)
    more = _unseen(table, frame[side == 0])
    if len(more):
        frame = pd.concat([frame, *_of(file, more)])
        side = np.concatenate([side, np.zeros(len(more), dtype=np.int64)])
        order = np.argsort(frame.index.to_numpy(), kind="stable")
        frame, side = frame.iloc[order], side[order]
    frame.attrs["folder"] = str(file.path.parent)  # of media that are told by their paths
    return Sample(frame, Split.of(side))


def _unseen(table: StreamedTable, taught: pd.DataFrame) -> Rows:
    """Numbers of the rows that bring the values which none of these rows has, ascending."""
    found: set[int] = set()
    for name, levels in table.levels.items():
        if levels is not None:
            seen = set(blank(taught[name], table.problem.missing).dropna().unique())
            found |= {row for value, row in levels.items() if value not in seen}
    return np.array(sorted(found), dtype=np.int64)


def _of(file: ParquetFile, rows: Rows) -> Iterator[pd.DataFrame]:
    """Some rows by their numbers, ascending."""
    groups = np.searchsorted(file.starts, rows, side="right") - 1
    for group in np.unique(groups).tolist():
        here = rows[groups == group]
        yield file.frame(file.read([group]), here - file.starts[group], here)


def counters(table: StreamedTable, taught: pd.DataFrame) -> list[str]:
    """Columns that count the rows of the file, which a sample of it no longer tells, as it has gaps.

    :param taught: training rows; no number comes twice in such a column.
    """
    if table.rows < LONG:
        return []
    spans = _spans(table.file)
    return [name for name, span in spans.items() if span == table.rows and taught[name].is_unique]


def _spans(file: ParquetFile) -> dict[str, int]:
    """How far the whole numbers of each column reach, largest minus smallest plus 1, as the file tells."""
    import pyarrow
    import pyarrow.parquet

    meta = pyarrow.parquet.read_metadata(file.path)
    whole = {field.name for field in meta.schema.to_arrow_schema() if pyarrow.types.is_integer(field.type)}
    found = {}
    for place in range(meta.num_columns):
        parts = [meta.row_group(k).column(place) for k in range(meta.num_row_groups)]
        told = [part.statistics for part in parts if part.num_values]
        name = meta.schema.column(place).path
        if name not in whole or name not in file.columns or not told:
            continue
        if all(t is not None and t.has_min_max for t in told):
            found[name] = max(t.max for t in told) - min(t.min for t in told) + 1
    return found
