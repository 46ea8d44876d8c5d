"""Batches of one table each, where the rows of several tables stand in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from umbel.data.sampler import Sampler
from umbel.data.sources import How, SourceSampler
from umbel.seeding import derive

__all__ = ["TableSampler"]


class TableSampler(Sampler):
    """Positions of each batch's rows, all of one table; whose turn it is says :class:`SourceSampler`.

    So a batch has the inputs and the tasks of its table, and an encoder that the table does not use is not
    asked.

    :param tables: the table of each row, [count] long.
    :param batch_size: rows of a global batch, >= 1.
    :param seed: the run's seed.
    :param how: proportional, tempered, uniform or round_robin over the tables' batches.
    :param alpha: exponent of tempered, in [0, 1].
    :param rank: number of this process, from 0.
    :param world: number of processes.
    :raises ConfigError: an option is out of its range.

    >>> sampler = TableSampler(torch.tensor([0, 1, 0, 1, 0]), 2, seed=0)
    >>> [sorted(batch.tolist()) for batch in sampler]
    [[0, 2], [1, 3], [4]]
    """

    def __init__(
        self,
        tables: Tensor,
        batch_size: int,
        seed: int,
        *,
        how: How = "proportional",
        alpha: float = 0.5,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        super().__init__(len(tables), batch_size, seed, rank=rank, world=world)
        self.places = {f"{k:06d}": (tables == k).nonzero()[:, 0] for k in torch.unique(tables).tolist()}
        self.source = SourceSampler(
            {
                name: Sampler(len(rows), batch_size, derive(seed, "table", name), rank=rank, world=world)
                for name, rows in self.places.items()
            },
            seed,
            how=how,
            alpha=alpha,
        )

    def __len__(self) -> int:
        """Batches of an epoch."""
        return len(self.source)

    def __iter__(self) -> Iterator[Tensor]:
        """The batches that are left of the current epoch."""
        for name, batch in self.source:
            self.epoch, self.position = self.source.epoch, self.source.position
            yield self.places[name][batch]
        self.epoch, self.position = self.source.epoch, self.source.position

    @property
    def state(self) -> dict[str, Any]:
        """Where it and the samplers of its tables stand."""
        return self.source.state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Stand where ``state`` was taken."""
        self.source.restore(state)
        self.epoch, self.position = self.source.epoch, self.source.position
