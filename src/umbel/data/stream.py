"""A table that is larger than memory: batches from a Parquet file, some row groups at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from umbel.data.parquet import Cells, ParquetFile, join
from umbel.errors import ConfigError
from umbel.seeding import torch_generator

__all__ = ["RowGroups"]

Rows = NDArray[np.int64]


@dataclass
class _Pool:
    """Rows of an epoch that wait for their turn.

    :param rows: numbers of the rows in the order they will come.
    :param groups: how many of the epoch's row groups went in.
    :param cells: the columns that lie in memory, with rows that were given out already among them; none
        where no row waits.
    :param places: where each of ``rows`` lies in the columns.
    """

    rows: Rows
    groups: int
    cells: Cells
    places: Rows


class RowGroups:
    """Batches of a Parquet file as data frames, epoch after epoch, without holding the file.

    The row groups of an epoch come in random order into a buffer, which is shuffled whenever groups join and
    takes the next when it has fewer rows than it may; its rows make the batches. So memory holds fewer rows
    than the buffer and one row group together (and one column twice, while it is packed). Rows mix over as
    many groups as fit into the buffer: write small ones.

    Processes share the row groups: each group is read by one of them, and they are as even in rows as whole
    groups allow. All have the same number of batches, with each one's rows cut evenly, so all stay in step.

    Iterating gives the batches that are left of the epoch, then moves on to the next; ``state`` may be taken
    at any moment, and a stream that is given it back reads only the groups that its buffer needs.

    :param path: the Parquet file, or one that is open already, such as the rows of one side.
    :param columns: the columns to read, by default all (but for one that is pandas' index).
    :param batch_size: rows of a batch over all processes, at most (rounded up in each process), >= 1.
    :param seed: the run's seed.
    :param buffer: rows that are shuffled together, at least a process's part of a batch.
    :param shuffle: else groups and rows as they stand, and no buffer.
    :param rank: number of this process, from 0.
    :param world: number of processes.
    :raises ConfigError: pyarrow is not there, an option is out of its range, or there are fewer row groups
        than processes.
    :raises DataError: no such file, no such column, no row, or the file is not whole.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "rows.parquet"
    ...     pd.DataFrame({"x": range(10)}).to_parquet(path, row_group_size=3)
    ...     batches = list(RowGroups(path, batch_size=4, seed=0))
    >>> [len(batch) for batch in batches], sorted(pd.concat(batches)["x"]) == list(range(10))
    ([3, 3, 4], True)
    """

    def __init__(
        self,
        path: str | Path | ParquetFile,
        columns: Sequence[str] | None = None,
        *,
        batch_size: int,
        seed: int,
        buffer: int = 65_536,
        shuffle: bool = True,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        if batch_size < 1 or not 0 <= rank < world or buffer < -(-batch_size // world):
            raise ConfigError(
                "a stream has batches of at least one row, a rank below the number of processes, and a "
                "buffer of at least a process's part of a batch",
                found=f"batch_size {batch_size}, rank {rank} of {world}, buffer {buffer}",
            )
        self.batch_size, self.seed, self.buffer, self.shuffle = batch_size, seed, buffer, shuffle
        self.rank, self.world = rank, world
        self.file = path if isinstance(path, ParquetFile) else ParquetFile(path, columns)
        """The file, with the names of its columns and the sizes of its row groups."""
        if len(self.file.sizes) < world:
            raise ConfigError(
                "each process has at least one row group",
                found=f"{len(self.file.sizes)} row groups in {self.file.path.name} for {world} processes",
                remedy="write the file in smaller ones, to_parquet(row_group_size=...)",
            )
        self.epoch = 0
        self.position = 0
        self._pool: _Pool | None = None
        self._plan: tuple[int, Rows] | None = None
        # who reads which group changes from epoch to epoch, the numbers of rows do not
        self._length = max(-(-int(rows) * world // batch_size) for rows in self._dealt()[1])

    def __len__(self) -> int:
        """Batches of an epoch, the same in every process."""
        return self._length

    @property
    def held(self) -> int:
        """Rows that lie in memory now."""
        cells = self._pool.cells if self._pool is not None else {}
        return max(map(len, cells.values()), default=0)

    # ---- which rows come: numbers alone, nothing is read ----

    def _dealt(self) -> tuple[list[Rows], Rows]:
        """The row groups of each process in the order of the epoch, and the rows of each process."""
        count, sizes = len(self.file.sizes), self.file.sizes
        chance = torch_generator(self.seed, "row groups", self.epoch)
        order = torch.randperm(count, generator=chance).numpy() if self.shuffle else np.arange(count)
        owner, loads = np.empty(count, dtype=np.int64), np.zeros(self.world, dtype=np.int64)
        # the largest first, each to the process with the fewest rows; among equal ones chance decides
        for group in order[np.argsort(-sizes[order], kind="stable")]:
            owner[group] = np.argmin(loads)
            loads[owner[group]] += sizes[group]
        return [order[owner[order] == rank] for rank in range(self.world)], loads

    @property
    def plan(self) -> Rows:
        """This process's row groups in the order of the current epoch."""
        if self._plan is None or self._plan[0] != self.epoch:
            self._plan = (self.epoch, self._dealt()[0][self.rank])
        return self._plan[1]

    def _cut(self, position: int) -> int:
        """Rows of this process's part of a batch."""
        rows = int(self.file.sizes[self.plan].sum())
        return rows * (position + 1) // len(self) - rows * position // len(self)

    def _fill(self, pool: _Pool, position: int) -> tuple[Rows, Rows]:
        """Let the numbers of the next row groups join where rows are wanted.

        :returns: the groups, and the new order as places among the old rows and the new ones behind them.
        """
        begin, count = pool.groups, len(pool.rows)
        want = self.buffer if self.shuffle else max(self._cut(position), 1)
        while count < want and pool.groups < len(self.plan):
            count += int(self.file.sizes[self.plan[pool.groups]])
            pool.groups += 1
        joined, order = self.plan[begin : pool.groups], np.arange(count)
        if len(joined):
            new = [np.arange(self.file.sizes[g]) + self.file.starts[g] for g in joined]
            if self.shuffle:
                chance = torch_generator(self.seed, "row groups", self.epoch, begin, self.rank)
                order = torch.randperm(count, generator=chance).numpy()
            pool.rows = np.concatenate([pool.rows, *new])[order]
        return joined, order

    # ---- what they hold ----

    def _join(self, pool: _Pool, groups: Rows, order: Rows) -> None:
        """Pack the columns, so that rows that were given out leave memory, then read the new groups."""
        for name in pool.cells:
            pool.cells[name] = pool.cells[name].take(pool.places)
        kept = [pool.cells] if pool.cells else []
        pool.cells = join([*kept, self.file.read(groups.tolist())])
        pool.places = order

    def _begin(self) -> _Pool:
        """The pool as it is before the current position: numbers by replay, then the groups they are of."""
        none = np.empty(0, dtype=np.int64)
        pool = _Pool(none, 0, {}, none)
        for position in range(self.position):
            self._fill(pool, position)
            pool.rows = pool.rows[self._cut(position) :]
        rows = np.sort(pool.rows)
        group = np.searchsorted(self.file.starts, rows, side="right") - 1
        parts = [self._taken(g, rows[group == g] - self.file.starts[g]) for g in np.unique(group)]
        pool.cells = join(parts) if parts else {}
        pool.places = np.searchsorted(rows, pool.rows)
        return pool

    def _taken(self, group: int, rows: Rows) -> Cells:
        """Some rows of a row group."""
        return {name: column.take(rows) for name, column in self.file.read([group]).items()}

    def __iter__(self) -> Iterator[pd.DataFrame]:
        """The batches that are left of the epoch; the index ``row`` is the rows' numbers in the file."""
        while self.position < len(self):
            pool = self._pool = self._pool or self._begin()
            joined, order = self._fill(pool, self.position)
            if len(joined):
                self._join(pool, joined, order)
            count = self._cut(self.position)
            batch = self.file.frame(pool.cells, pool.places[:count], pool.rows[:count])
            pool.rows, pool.places = pool.rows[count:], pool.places[count:]
            self.position += 1
            yield batch
        self.epoch, self.position, self._pool = self.epoch + 1, 0, None

    @property
    def state(self) -> dict[str, Any]:
        """Where it stands: epoch, and batches of it that were given out."""
        return {"epoch": self.epoch, "position": self.position}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Stand where ``state`` was taken."""
        self.epoch, self.position = int(state["epoch"]), int(state["position"])
        self._pool = None
