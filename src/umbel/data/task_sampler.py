"""Which rows come when tasks know unequal numbers of them: as they are, tempered, evenly, in turn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from umbel.data.sampler import Sampler
from umbel.data.sources import How, shares, slots_of, take_turns
from umbel.errors import ConfigError, DataError
from umbel.seeding import torch_generator

__all__ = ["CarriedSampler", "TaskSampler", "inverse_frequency"]


def inverse_frequency(codes: NDArray[Any] | Tensor) -> Tensor:
    """Weights with which every class comes equally often.

    :param codes: [B] whole numbers, the class of each row; -1 (none) counts as a class too.
    :returns: [B] float64, 1 / rows of the row's class.

    >>> inverse_frequency(torch.tensor([0, 0, 0, 1]))
    tensor([0.3333, 0.3333, 0.3333, 1.0000], dtype=torch.float64)
    """
    found = torch.unique(_tensor(codes), return_inverse=True, return_counts=True)
    places, counts = found[1:]
    return torch.as_tensor(1 / counts[places].double())


class CarriedSampler(Sampler, ABC):
    """A sampler that goes through each pool of rows again and again, across the ends of epochs.

    A subclass says only ``_deal``, the rows of an epoch; batches, slices and the exact state follow from it.

    :param count: rows of an epoch, >= 1.
    :param batch_size: rows of a global batch, >= 1.
    :param seed: the run's seed.
    :param pools: number of pools.
    :param rank: number of this process, from 0.
    :param world: number of processes.
    :raises ConfigError: a number is out of its range.
    """

    def __init__(
        self, count: int, batch_size: int, seed: int, *, pools: int, rank: int = 0, world: int = 1
    ) -> None:
        super().__init__(count, batch_size, seed, rank=rank, world=world)
        self._before: tuple[int, list[int]] = (0, [0] * pools)
        self._after: tuple[int, list[int]] | None = None

    @abstractmethod
    def _deal(self, epoch: int, taken: list[int]) -> tuple[Tensor, list[int]]:
        """The rows of an epoch, [count] long, and how far each pool has come after it.

        :param taken: how far each pool had come before it.
        """

    @property
    def order(self) -> Tensor:
        """The rows in the order of the current epoch, [count] long."""
        if self._order is None or self._order[0] != self.epoch:
            rows, after = self._deal(self.epoch, self._taken())
            self._order, self._after = (self.epoch, rows), (self.epoch + 1, after)
        return self._order[1]

    def _taken(self) -> list[int]:
        """How far each pool had come before the current epoch."""
        if self._after is not None and self._after[0] == self.epoch:
            self._before = self._after
        at, taken = self._before
        if at > self.epoch:
            at, taken = 0, [0] * len(taken)
        while at < self.epoch:
            at, taken = at + 1, self._deal(at, taken)[1]
        self._before = (at, taken)
        return taken

    @property
    def state(self) -> dict[str, Any]:
        """Epoch, batches of it that were given out, and how far each pool had come before the epoch."""
        return {**super().state, "taken": list(self._taken())}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Stand where ``state`` was taken.

        :raises ConfigError: the state is of a sampler over other tasks.
        """
        taken = [int(n) for n in state.get("taken", [])]
        if len(taken) != len(self._before[1]):
            raise ConfigError(
                "the state of a sampler is restored into one over the same tasks",
                found=f"{len(taken)} tasks in the state, {len(self._before[1])} in the sampler",
                remedy="continue with the options the run began with",
            )
        super().restore(state)
        self._before, self._after, self._order = (self.epoch, taken), None, None


class TaskSampler(CarriedSampler):
    """Positions of each batch's rows, drawn task by task.

    Each slot of a batch (or each batch, when not ``mixed``) is one task's turn and is filled with the next of
    its rows: a task goes through its rows in a random order of its own, all of them before any comes again,
    across the ends of epochs. ``turns`` says which task each slot of the epoch belongs to; a row that knows
    further tasks brings their labels along. Proportional and mixed has no turns: rows come as they are, each
    once per epoch, as from :class:`Sampler`.

    With classes or weights a task's rows are drawn **with replacement**, each as often as its weight says.

    :param known: bool [B, P], which rows know which task; or long [B], the task of each row (-1 for none).
    :param batch_size: rows of a global batch, >= 1.
    :param seed: the run's seed.
    :param how: proportional, tempered, uniform or round_robin (one after the other), see
        :func:`~umbel.data.sources.shares`.
    :param alpha: exponent of tempered, in [0, 1].
    :param mixed: several tasks in a batch; else each batch is of one task (and repeats rows of a task that
        has fewer than a batch).
    :param class_codes: [B] or [B, P] whole numbers: every class of a task comes equally often.
    :param class_weights: [B] or [B, P], >= 0: how often a row comes, relative to the task's others.
    :param rank: number of this process, from 0.
    :param world: number of processes.
    :param length: batches of an epoch; by default as many as hold every row once.
    :raises ConfigError: an option is out of its range.
    :raises DataError: a task is known in no row, or only in rows of weight 0.

    >>> sampler = TaskSampler(torch.tensor([0, 0, 0, 0, 0, 1]), 4, seed=0, how="round_robin", length=1)
    >>> [sorted(batch.tolist()) for batch in sampler][0][-2:]
    [5, 5]
    >>> sampler.state
    {'epoch': 1, 'position': 0, 'taken': [2, 2]}
    """

    def __init__(
        self,
        known: NDArray[Any] | Tensor,
        batch_size: int,
        seed: int,
        *,
        how: How = "proportional",
        alpha: float = 0.5,
        mixed: bool = True,
        class_codes: NDArray[Any] | Tensor | None = None,
        class_weights: NDArray[Any] | Tensor | None = None,
        rank: int = 0,
        world: int = 1,
        length: int | None = None,
    ) -> None:
        shares([1], how, alpha)
        if length is not None and length < 1:
            raise ConfigError("an epoch has at least one batch", found=f"length {length}")
        given = _tensor(known)
        pools = _pools(given, apart=not mixed or how != "proportional")
        self.rows = len(given)
        """Rows of the table, B."""
        count = len(torch.unique(torch.cat(pools)))
        self.pools, self._weights = _weigh(pools, self.rows, class_codes, class_weights)
        """The rows of each task, long; of all tasks as one where rows come as they are."""
        self.how, self.alpha, self.mixed = how, float(alpha), mixed
        if length is not None or not mixed:
            count = (length or -(-count // max(batch_size, 1))) * batch_size
        super().__init__(count, batch_size, seed, pools=len(self.pools), rank=rank, world=world)

    def turns(self, epoch: int) -> Tensor:
        """Which pool each slot of an epoch belongs to, [count] long."""
        chance = torch_generator(self.seed, "task sampler", "turns", epoch)
        count, sizes = self.count if self.mixed else len(self), [len(pool) for pool in self.pools]
        turns = take_turns(sizes, count, epoch, how=self.how, alpha=self.alpha, chance=chance)
        return turns if self.mixed else turns.repeat_interleave(self.batch_size)

    def passing(self, pool: int, number: int) -> Tensor:
        """The order of a pool's rows in its pass of that number: places in the pool, as many as it has."""
        chance = torch_generator(self.seed, "task sampler", pool, number)
        size = len(self.pools[pool])
        if not self._weights:
            return torch.randperm(size, generator=chance)
        ends = self._weights[pool].cumsum(0)
        points = torch.rand(size, generator=chance, dtype=torch.float64) * ends[-1]
        return torch.searchsorted(ends, points, right=True).clamp_(max=size - 1)

    def _deal(self, epoch: int, taken: list[int]) -> tuple[Tensor, list[int]]:
        rows, after = torch.empty(self.count, dtype=torch.long), list(taken)
        for number, slots in enumerate(slots_of(self.turns(epoch), len(self.pools))):
            pool = self.pools[number]
            first, start = divmod(taken[number], len(pool))
            passes = range(first, first - (-(start + len(slots)) // len(pool)))
            places = [self.passing(number, n) for n in passes]
            rows[slots] = pool[torch.cat(places)[start : start + len(slots)]] if places else pool[:0]
            after[number] += len(slots)
        return rows, after


def _tensor(values: Any) -> Tensor:
    """A tensor; of an array a copy, since torch warns of one that must not be written to."""
    return values if isinstance(values, Tensor) else torch.from_numpy(np.array(values))


def _pools(known: Tensor, *, apart: bool) -> list[Tensor]:
    """The rows of each task from either layout, or, not ``apart``, of all tasks as one."""
    if known.dtype == torch.bool and known.ndim == 2 and known.shape[1]:
        pools = [torch.nonzero(column).squeeze(1) for column in known.T]
    elif known.ndim == 1 and len(known) and not known.is_floating_point() and known.dtype != torch.bool:
        # a table of rows by tasks would be too large: there may be thousands of tasks
        tasks = int(known.max()) + 1
        pools = list(slots_of(known.long().where(known >= 0, tasks), tasks + 1)[:tasks])
    else:
        raise ConfigError(
            "known is bool [B, P] or the task of each row, long [B]",
            found=f"{known.dtype} {list(known.shape)}",
            remedy="one task alone is known[:, None]",
        )
    empty = [str(number) for number, pool in enumerate(pools) if not len(pool)]
    if empty or not pools:
        raise DataError(
            "each task is known in at least one row",
            found=f"none for task {', '.join(empty)} of {len(pools)}" if pools else "no task in any row",
            remedy="leave the task out, or give it rows",
        )
    return pools if apart else [torch.unique(torch.cat(pools))]


def _weigh(pools: list[Tensor], rows: int, codes: Any, weights: Any) -> tuple[list[Tensor], list[Tensor]]:
    """The rows of each task that come at all, and how often: no weights where each comes alike."""
    if codes is None and weights is None:
        return pools, []
    if codes is not None and weights is not None:
        raise ConfigError(
            "rows are weighted by their classes or outright", found="both", remedy="leave one out"
        )
    given = _tensor(codes if weights is None else weights)
    if given.shape not in ((rows,), (rows, len(pools))):
        raise ConfigError(
            "classes and weights are [B], or [B, P] where each task has its turns",
            found=f"{list(given.shape)} for {rows} rows and {len(pools)} tasks",
            remedy="proportional and mixed has no turns; tempered with alpha 1 has",
        )
    if bad := torch.nonzero(~(given.isfinite() & ((given >= 0) | (weights is None)))).tolist():
        found = f"{given[tuple(bad[0])]:g} in row {bad[0][0]}"
        raise ConfigError("a weight is a finite number, at least 0", found=found)
    columns = given.unbind(1) if given.ndim == 2 else [given] * len(pools)
    own = [column[pool] for column, pool in zip(columns, pools, strict=True)]
    own = [w.double() for w in own] if codes is None else [inverse_frequency(c) for c in own]
    if none := [str(number) for number, w in enumerate(own) if not w.any()]:
        raise DataError("each task has a row of weight above 0", found=f"none for task {', '.join(none)}")
    return [pool[w > 0] for pool, w in zip(pools, own, strict=True)], [w[w > 0] for w in own]
