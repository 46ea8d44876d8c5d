"""A table that stays in its Parquet file: the side of each row by hash, and each side by itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import blank
from umbel.data.hashing import HashSplit
from umbel.data.parquet import Cells, ParquetFile, join
from umbel.data.problem import Problem
from umbel.errors import ConfigError, DataError

__all__ = ["SideRows", "StreamedTable"]

LEVELS = 1000
"""Values of a target up to which each gets a row in the sample."""
GROUPS = 10_000
"""Groups at most (rows layout); each gets a row in the sample."""

Rows = NDArray[np.int64]


class StreamedTable:
    """A Parquet file, the side of each of its rows, and how many each side has.

    Making one reads the columns of entities, targets and groups once. A row without any known target is on
    no side: nothing can be learned of it.

    :param path: the Parquet file.
    :param problem: what is asked; its split must be at random, by ``entity`` columns alone.
    :param valid: share of the entities for validation, in [0, 1); smaller, where ``most`` asks for it.
    :param test: share of the entities for test, in [0, 1).
    :param seed: the run's seed (the split's, unless the problem has its own).
    :param most: validation rows at most, about.
    :raises ConfigError: pyarrow is not there, or the problem asks for a split that needs the whole table.
    :raises DataError: no such file or column, or a side gets no row.
    """

    def __init__(
        self, path: str | Path, problem: Problem, *, valid: float, test: float, seed: int, most: int
    ) -> None:
        _check(problem)
        marks = [*problem.entity, *sorted(problem.sources), *([problem.by] if problem.by else [])]
        self.problem, self.seed = problem, seed if problem.split.seed is None else problem.split.seed
        self.file = ParquetFile(path)
        self.marks = ParquetFile(path, list(dict.fromkeys(marks)))
        self.rows = int(self.file.sizes.sum())
        """Rows of the file."""
        self.split = HashSplit(
            tuple(problem.entity), valid=min(valid, most / self.rows), test=test, seed=self.seed
        )
        self.counts = np.zeros((len(self.file.sizes), 3), dtype=np.int64)
        """Rows of each row group on each side, [G, 3]."""
        self.most = most
        self.levels: dict[str, dict[Any, int] | None] = {
            name: {} for name in self.marks.columns if name in problem.sources or name == problem.by
        }
        """Of each target, and of the groups, the first training row of each value; None where values have
        fractions, or are too many."""
        self.ungrouped: list[int] = []
        """Training rows without a group (rows layout)."""
        for group in range(len(self.file.sizes)):
            self._scan(group)
        for side, wanted in enumerate((True, valid > 0, test > 0)):
            if wanted and not self.counts[:, side].sum():
                raise DataError(
                    "each side of the split has at least one row with a known target",
                    found=f"none for {('train', 'valid', 'test')[side]}; {self.rows:,} rows",
                    remedy="give more rows, or other shares",
                )

    @property
    def sizes(self) -> dict[str, int]:
        """Rows with a known target on each side."""
        return dict(zip(("train", "valid", "test"), self.counts.sum(axis=0).tolist(), strict=True))

    def sides(self, group: int, cells: Cells) -> Rows:
        """The side of each row of a row group, [B]: 0 training, 1 validation, 2 test, -1 no target known.

        :param cells: its columns, those of entities and targets among them.
        """
        return self._sides(self._marked(group, cells))

    def _marked(self, group: int, cells: Cells) -> pd.DataFrame:
        places = np.arange(self.marks.sizes[group])
        marked = {name: cells[name] for name in self.marks.columns}
        return self.marks.frame(marked, places, places + self.marks.starts[group])

    def _sides(self, frame: pd.DataFrame) -> Rows:
        known = np.zeros(len(frame), dtype=bool)
        for name in self.problem.sources:
            known |= blank(frame[name], self.problem.missing).notna().to_numpy()
        return np.where(known, self.split.sides(frame, frame.index.to_numpy()), -1)

    def _scan(self, group: int) -> None:
        """Count the sides of a row group, and note where each value of a target is first learned from."""
        frame = self._marked(group, self.marks.read([group]))
        sides = self._sides(frame)
        self.counts[group] = np.bincount(sides[sides >= 0], minlength=3)
        taught = frame[sides == 0]
        for name, found in self.levels.items():
            if found is not None:
                most = GROUPS if name == self.problem.by else LEVELS
                self.levels[name] = _noted(found, blank(taught[name], self.problem.missing), most)
        by = self.problem.by
        if by is None:
            return
        self.ungrouped += taught.index[blank(taught[by], self.problem.missing).isna().to_numpy()].tolist()
        if self.levels[by] is None:
            raise ConfigError(
                f"a streamed table has at most {GROUPS:,} groups",
                found=f"more in column '{by}'",
                remedy="make the column an input, and the targets tasks of all rows",
            )

    def only(self, side: int, columns: Sequence[str]) -> SideRows:
        """The rows of one side.

        :param side: 0 training, 1 validation, 2 test.
        :param columns: those to read besides the columns of entities, targets and groups.
        """
        return SideRows(self, side, list(dict.fromkeys([*columns, *self.marks.columns])))


class SideRows(ParquetFile):
    """The rows of one side as a Parquet file of their own: what is read of a row group are these rows.

    :param table: whose rows.
    :param side: 0 training, 1 validation, 2 test.
    :param columns: the columns to read, with those of entities and targets.
    """

    def __init__(self, table: StreamedTable, side: int, columns: Sequence[str]) -> None:
        super().__init__(table.file.path, columns)
        self._table, self._side = table, side
        self._own = np.flatnonzero(table.counts[:, side])
        self._groups = self._groups[self._own]
        self.sizes = table.counts[self._own, side]
        self.starts = np.cumsum(self.sizes) - self.sizes

    def read(self, groups: Sequence[int]) -> Cells:
        """The side's rows of some row groups; see :meth:`ParquetFile.read`."""
        parts = []
        for group in groups:
            cells = super().read([group])
            kept = np.flatnonzero(self._table.sides(int(self._own[group]), cells) == self._side)
            parts.append({name: column.take(kept) for name, column in cells.items()})
        return join(parts)


def _check(problem: Problem) -> None:
    """:raises ConfigError: the split the problem asks for needs the whole table."""
    asked = {"group": problem.group, "duplicates": problem.duplicates}
    found = [f"{key}: {', '.join(names)}" for key, names in asked.items() if names]
    if problem.split.how != "random":
        found.append(f"split: {{how: {problem.split.how}}}")
    if found:
        raise ConfigError(
            "a streamed table is split at random, by its entity columns alone",
            found="; ".join(found),
            remedy="name the entity columns, or read the table as a whole",
        )


def _noted(found: dict[Any, int], column: pd.Series, most: int) -> dict[Any, int] | None:
    """With the first row of each new value; None where values have fractions, or are more than ``most``.

    :param column: some rows, the index tells their numbers.
    """
    try:
        codes, levels = pd.factorize(column)
    except TypeError:  # cells are lists: no single values
        return None
    if len(levels) > most or any(isinstance(v, float) and not v.is_integer() for v in levels):
        return None
    numbers, first = np.unique(codes, return_index=True)
    for code, place in zip(numbers.tolist(), first.tolist(), strict=True):
        if code >= 0:
            found.setdefault(levels[code], int(column.index[place]))
    return found if len(found) <= most else None
