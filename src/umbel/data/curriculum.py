"""From easy rows to hard ones: which rows may come yet, and a sampler that keeps to them."""

from __future__ import annotations

import math
from copy import copy
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from umbel.data.sampler import Sampler
from umbel.data.sources import slots_of
from umbel.data.task_sampler import CarriedSampler, TaskSampler
from umbel.errors import ConfigError, DataError, near
from umbel.seeding import torch_generator

__all__ = ["Curriculum", "Pace", "competence"]

Pace = Literal["quantile", "competence"]
PASSES = 1000
"""Passes through a task without one allowed row after which it is said that none will come."""


def competence(time: float, end: float, start: float = 0.3, *, how: Pace = "competence") -> float:
    """The share of the easiest rows that may come.

    ``quantile`` grows along a line, ``min(1, start + (1 - start) t / T)``; ``competence`` along a root,
    ``min(1, sqrt(t (1 - start^2) / T + start^2))``: ever fewer rows are added as there are more to learn, so
    that each new row gets as much time.

    :param time: t, >= 0, in the unit of ``end``.
    :param end: T > 0, when all rows may come.
    :param start: the share at t = 0, in (0, 1].
    :param how: quantile or competence.
    :returns: a share in [start, 1].
    :raises ConfigError: no such way, or a number is out of its range.

    Source: Platanios et al. 2019, section 2: linear and square root competence.

    >>> [round(competence(t, 4, 0.5), 2) for t in range(6)]
    [0.5, 0.66, 0.79, 0.9, 1.0, 1.0]
    >>> [competence(t, 4, 0.5, how="quantile") for t in range(6)]
    [0.5, 0.625, 0.75, 0.875, 1.0, 1.0]
    """
    if how not in get_args(Pace):
        raise ConfigError(
            "a curriculum grows in one of the ways there are",
            found=repr(how),
            remedy=near(how, get_args(Pace)),
        )
    if not (0 < start <= 1 and end > 0 and time >= 0):
        raise ConfigError(
            "a curriculum starts with a share of the rows in (0, 1] and has all of them at a time above 0",
            found=f"start {start}, end {end}, time {time}",
        )
    if time >= end:
        return 1.0
    if how == "quantile":
        return min(1.0, start + (1 - start) * time / end)
    return min(1.0, math.sqrt(time * (1 - start**2) / end + start**2))


class Curriculum(CarriedSampler):
    """A sampler whose rows become harder: each waits until its difficulty's rank is in the allowed share.

    Ranks are taken **within each task** of a :class:`TaskSampler` that has turns (losses of different tasks
    are not to be compared), so that every task has its easiest rows from the first batch on and keeps its
    share of the slots. Rows that may not come yet are passed over in their task's order, and the next that
    may takes the slot: batches stay full, epochs keep their number of batches, and while the share stays as
    it is all rows that are allowed come before one comes again. With start 1 they come just as without a
    curriculum.

    :param sampler: whose rows, tasks, batches, seed and processes these are; it is not moved itself.
    :param difficulty: [B] for each of the sampler's rows, finite, larger is harder (the negative for hard
        rows first); e.g. the out-of-fold loss of a cheap model. Equal ones are ranked by chance.
    :param how: quantile (the share grows along a line) or competence (a root), see :func:`competence`.
    :param start: the share at first, in (0, 1].
    :param epochs: all rows come from this epoch on; the share stays as it is within an epoch.
    :param steps: or all rows come from this step on; the share grows at each step.
    :raises ConfigError: an option is out of its range, not one of epochs and steps is given, or the sampler
        is none of :class:`Sampler` and :class:`TaskSampler`.
    :raises DataError: a difficulty per row is missing or not finite.

    Source: Platanios et al. 2019, algorithm 1.

    >>> sampler = Curriculum(Sampler(4, 2, seed=0), torch.tensor([0.1, 9.0, 0.2, 5.0]), start=0.5, epochs=2)
    >>> [sorted(batch.tolist()) for batch in sampler]
    [[0, 2], [0, 2]]
    """

    def __init__(
        self,
        sampler: Sampler,
        difficulty: NDArray[Any] | Tensor,
        *,
        how: Pace = "quantile",
        start: float = 0.3,
        epochs: int | None = None,
        steps: int | None = None,
    ) -> None:
        if type(sampler) not in (Sampler, TaskSampler):
            raise ConfigError(
                "a curriculum is laid over a Sampler or a TaskSampler", found=type(sampler).__name__
            )
        if (epochs is None) == (steps is None):
            raise ConfigError(
                "the end of a curriculum is told by epochs or by steps",
                found=f"epochs {epochs}, steps {steps}",
            )
        self.how, self.start, self.epochs, self.steps = how, start, epochs, steps
        self._sampler = copy(sampler)
        pools = sampler.pools if isinstance(sampler, TaskSampler) else [torch.arange(sampler.count)]
        super().__init__(
            sampler.count,
            sampler.batch_size,
            sampler.seed,
            pools=len(pools),
            rank=sampler.rank,
            world=sampler.world,
        )
        self.share(0, 0)
        rows = sampler.rows if isinstance(sampler, TaskSampler) else sampler.count
        values = _finite(difficulty, rows)
        self.pools = pools
        """The rows of each task, long, as the sampler has them."""
        self._ranks = [self._rank(number, values[pool.numpy()]) for number, pool in enumerate(pools)]
        self._passing: dict[int, tuple[int, Tensor]] = {}

    def share(self, epoch: int, position: int) -> float:
        """The share of each task's easiest rows that may come in a batch of an epoch."""
        if self.epochs is not None:
            return competence(epoch, self.epochs, self.start, how=self.how)
        assert self.steps is not None
        return competence(epoch * len(self) + position, self.steps, self.start, how=self.how)

    def _rank(self, number: int, values: NDArray[np.float64]) -> Tensor:
        """Ranks [rows of the pool] from 0, the easiest first."""
        chance = torch_generator(self.seed, "curriculum", number)
        ties = torch.randperm(len(values), generator=chance).numpy()
        ranks = torch.empty(len(values), dtype=torch.long)
        ranks[torch.from_numpy(np.lexsort((ties, values)))] = torch.arange(len(values))
        return ranks

    def _turns(self, epoch: int) -> Tensor:
        if isinstance(self._sampler, TaskSampler):
            return self._sampler.turns(epoch)
        return torch.zeros(self.count, dtype=torch.long)

    def _pass(self, number: int, turn: int) -> Tensor:
        """The order of a pool's rows in its pass of that number, kept until the next is asked for."""
        if number not in self._passing or self._passing[number][0] != turn:
            if isinstance(self._sampler, TaskSampler):
                found = self._sampler.passing(number, turn)
            else:
                self._sampler.epoch = turn
                found = self._sampler.order
            self._passing[number] = (turn, found)
        return self._passing[number][1]

    def _deal(self, epoch: int, taken: list[int]) -> tuple[Tensor, list[int]]:
        turns, rows, after = self._turns(epoch), torch.empty(self.count, dtype=torch.long), list(taken)
        batches = len(self)
        shares = [self.share(epoch, position) for position in range(batches)]
        begin = 0
        for position in range(1, batches + 1):
            # batches of one share are dealt together
            if position < batches and shares[position] == shares[begin]:
                continue
            offset = begin * self.batch_size
            part = turns[offset : position * self.batch_size]
            for number, slots in enumerate(slots_of(part, len(self.pools))):
                if len(slots):
                    places, after[number] = self._allowed(number, after[number], len(slots), shares[begin])
                    rows[offset + slots] = self.pools[number][places]
            begin = position
        return rows, after

    def _allowed(self, number: int, at: int, count: int, share: float) -> tuple[Tensor, int]:
        """The next allowed rows of a pool, and how far it has come then.

        :param at: rows of the pool's endless order that were passed or taken.
        :raises ConfigError: none comes, since all that are allowed have next to no weight.
        """
        size, ranks = len(self.pools[number]), self._ranks[number]
        most = max(1, math.ceil(share * size - 1e-9))
        found: list[Tensor] = []
        last = at + PASSES * size
        while count:
            turn, start = divmod(at, size)
            # as far as the rows wanted are likely to lie, and not beyond the pass
            stretch = self._pass(number, turn)[start : start + 16 + math.ceil(1.1 * count * size / most)]
            places = torch.nonzero(ranks[stretch] < most).squeeze(1)[:count]
            at += int(places[-1]) + 1 if len(places) == count else len(stretch)
            found.append(stretch[places])
            count -= len(places)
            last = at + PASSES * size if len(places) else last
            if at > last:
                raise ConfigError(
                    "the easiest rows of each task come at all",
                    found=f"the {most} easiest rows of task {number} have next to no weight among {size}",
                    remedy="start with a larger share, or weight the rows less",
                )
        return torch.cat(found), at


def _finite(difficulty: NDArray[Any] | Tensor, rows: int) -> NDArray[np.float64]:
    """
    :raises DataError: not one finite number per row; rows are named.
    """
    given = difficulty.detach().cpu().numpy() if isinstance(difficulty, Tensor) else difficulty
    values = np.array(given, dtype=np.float64)
    if values.shape != (rows,):
        raise DataError(
            "each row of the sampler has a difficulty",
            found=f"{list(values.shape)} for {rows} rows",
            remedy="difficulties of the training rows alone, in their order",
        )
    if len(bad := np.flatnonzero(~np.isfinite(values))):
        shown = ", ".join(map(str, bad[:5].tolist())) + (", ..." if len(bad) > 5 else "")
        raise DataError(
            "a difficulty is a finite number",
            found=f"{values[bad[0]]} in row {shown}",
            remedy="a rank or a large number for a row that could not be judged",
        )
    return values
