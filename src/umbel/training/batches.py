"""Where a fit's batches come from: positions in a table that is held, or batches of a file that is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import pandas as pd
import torch
from torch import Tensor

from umbel.data.batch import Batch
from umbel.data.parquet import ParquetFile
from umbel.data.stream import RowGroups

__all__ = ["BatchStream", "Order"]

_AHEAD = 32
"""Batches that are encoded together at most: one by one most of the time goes into small calls."""


class Order(Protocol):
    """The batches of a fit, epoch after epoch, with an exact state; a ``Sampler`` is one."""

    epoch: int
    batch_size: int

    def __len__(self) -> int:
        """Batches of an epoch, the same in every process."""
        ...

    def __iter__(self) -> Iterator[Tensor | Batch]:
        """The batches that are left of the epoch: positions of the rows, or the rows themselves."""
        ...

    @property
    def state(self) -> Mapping[str, Any]:
        """Where it stands."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Stand where ``state`` was taken."""
        ...


class BatchStream:
    """Encoded batches of a Parquet file, which is read some row groups at a time (see ``RowGroups``).

    Up to 32 batches are read and encoded together, and then given out one by one: rows are shuffled before.
    So what lies in memory is the buffer, one row group, and so many encoded batches.

    :param file: the training rows.
    :param encode: from rows, their columns as the file has them, to a batch.
    :param batch_size: rows of a batch over all processes, at most (rounded up in each process).
    :param seed: the run's seed.
    :param buffer: rows that are shuffled together.
    :param shuffle: else rows as they stand.
    :param ahead: batches that are encoded together, at most; fewer where the buffer is small.
    :param rank: number of this process, from 0.
    :param world: number of processes.
    :raises ConfigError: an option is out of its range, or there are fewer row groups than processes.
    """

    def __init__(
        self,
        file: ParquetFile,
        encode: Callable[[pd.DataFrame], Batch],
        *,
        batch_size: int,
        seed: int,
        buffer: int,
        shuffle: bool = True,
        ahead: int = _AHEAD,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.batch_size, self.epoch, self.position = batch_size, 0, 0
        steps = -(-int(file.sizes.sum()) // batch_size)
        reads = -(-steps // max(1, min(ahead, buffer // (2 * batch_size))))
        self._parts = -(-steps // reads)
        self._encode = encode
        self.groups = RowGroups(
            file,
            batch_size=batch_size * self._parts,
            seed=seed,
            buffer=buffer,
            shuffle=shuffle,
            rank=rank,
            world=world,
        )
        """The rows as they are read: ``held`` tells how many lie in memory."""

    def __len__(self) -> int:
        """Batches of an epoch, the same in every process."""
        return len(self.groups) * self._parts

    def __iter__(self) -> Iterator[Batch]:
        """The batches that are left of the epoch; then it moves on to the next."""
        for frame in self.groups:
            batch = self._encode(frame)
            while True:
                part = self.position % self._parts
                ends = [len(batch) * k // self._parts for k in (part, part + 1)]
                self.position += 1
                yield batch.take(torch.arange(*ends))
                if part + 1 == self._parts:
                    break
        self.epoch, self.position = self.epoch + 1, 0

    @property
    def state(self) -> dict[str, Any]:
        """Where it stands: epoch, and batches of it that were given out."""
        return {"epoch": self.epoch, "position": self.position}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Stand where ``state`` was taken."""
        self.epoch, self.position = int(state["epoch"]), int(state["position"])
        self.groups.restore({"epoch": self.epoch, "position": self.position // self._parts})
