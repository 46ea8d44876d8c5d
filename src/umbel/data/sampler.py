"""The order of rows: global batches that every process sees alike, with an exact state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from umbel.errors import ConfigError
from umbel.seeding import torch_generator

__all__ = ["Sampler"]


class Sampler:
    """Positions of each batch's rows, epoch after epoch.

    The global batches depend on seed, epoch, count and batch size alone; a process takes its even slice
    of each, so that W processes together see exactly what one would see. A last batch with fewer rows than
    processes leaves some of them an empty slice, which keeps all in step.

    Iterating gives the batches that are left of the epoch, then moves on to the next epoch; ``state`` may
    be taken at any moment, and a sampler that is given it back continues with the very next batch.

    :param count: number of rows, B of the training set.
    :param batch_size: rows of a global batch, >= 1.
    :param seed: the run's seed.
    :param rank: number of this process, from 0.
    :param world: number of processes.
    :param shuffle: a new random order each epoch; else rows as they stand.
    :raises ConfigError: a number is out of its range.

    >>> sampler = Sampler(5, 2, seed=0, shuffle=False)
    >>> [batch.tolist() for batch in sampler]
    [[0, 1], [2, 3], [4]]
    >>> sampler.state
    {'epoch': 1, 'position': 0}
    """

    def __init__(
        self, count: int, batch_size: int, seed: int, *, rank: int = 0, world: int = 1, shuffle: bool = True
    ) -> None:
        if count < 1 or batch_size < 1 or not 0 <= rank < world:
            raise ConfigError(
                "a sampler needs rows, batches of at least one row, and a rank below the number of processes",
                found=f"{count} rows, batch_size {batch_size}, rank {rank} of {world}",
            )
        self.count, self.batch_size, self.seed = count, batch_size, seed
        self.rank, self.world, self.shuffle = rank, world, shuffle
        self.epoch = 0
        self.position = 0
        self._order: tuple[int, Tensor] | None = None

    def __len__(self) -> int:
        """Batches of an epoch."""
        return -(-self.count // self.batch_size)

    @property
    def order(self) -> Tensor:
        """The rows in the order of the current epoch, [count] long."""
        if self._order is None or self._order[0] != self.epoch:
            if self.shuffle:
                chance = torch_generator(self.seed, "sampler", self.epoch)
                rows = torch.randperm(self.count, generator=chance)
            else:
                rows = torch.arange(self.count)
            self._order = (self.epoch, rows)
        return self._order[1]

    def whole(self, position: int) -> Tensor:
        """A global batch of the current epoch, over all processes."""
        return self.order[position * self.batch_size : (position + 1) * self.batch_size]

    def __iter__(self) -> Iterator[Tensor]:
        """The batches that are left of the current epoch, [about batch_size / world] long each."""
        while self.position < len(self):
            batch = self.whole(self.position)
            self.position += 1
            cut = [len(batch) * r // self.world for r in (self.rank, self.rank + 1)]
            yield batch[cut[0] : cut[1]]
        self.epoch, self.position = self.epoch + 1, 0

    @property
    def state(self) -> dict[str, int]:
        """Where it stands: epoch, and batches of it that were given out."""
        return {"epoch": self.epoch, "position": self.position}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Stand where ``state`` was taken."""
        self.epoch, self.position = int(state["epoch"]), int(state["position"])
