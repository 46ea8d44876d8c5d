"""Whose turn it is: shares of tasks or tables of unequal size, and batches from several tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from umbel.data.sampler import Sampler
from umbel.errors import ConfigError, near
from umbel.seeding import torch_generator

__all__ = ["How", "SourceSampler", "shares", "slots_of", "take_turns"]

How = Literal["proportional", "tempered", "uniform", "round_robin"]


def shares(sizes: Sequence[int], how: str, alpha: float = 0.5) -> Tensor:
    """The share of the draws that each task gets.

    :param sizes: [P] rows of each task, >= 1.
    :param how: proportional to the sizes, tempered (to ``size ** alpha``), uniform, round_robin (all alike).
    :param alpha: in [0, 1]; 1 is proportional, 0 uniform.
    :returns: [P] float64 that sum to 1.
    :raises ConfigError: no such way, or alpha out of its range.

    Source: Arivazhagan et al. 2019, sampling by temperature, which is 1 / alpha.

    >>> shares([100, 25], "tempered", 0.5)
    tensor([0.6667, 0.3333], dtype=torch.float64)
    """
    if how not in get_args(How):
        raise ConfigError(
            "rows are sampled in one of the ways there are", found=repr(how), remedy=near(how, get_args(How))
        )
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 <= alpha <= 1:
        raise ConfigError(
            "alpha is a number in [0, 1]", found=repr(alpha), remedy="1 is proportional, 0 is uniform"
        )
    power = {"proportional": 1.0, "tempered": float(alpha)}.get(how, 0.0)
    scaled = torch.tensor(sizes, dtype=torch.float64) ** power
    return scaled / scaled.sum()


def take_turns(
    sizes: Sequence[int], count: int, epoch: int, *, how: str, alpha: float, chance: torch.Generator
) -> Tensor:
    """Whose turn it is at each draw of an epoch.

    In turn, the round goes on from epoch to epoch. Otherwise a share of s has floor or ceil of ``count * s``
    draws, ``count * s`` on average, in random order: the numbers hardly vary and no share is rounded away.

    :param sizes: [P] rows of each task, see :func:`shares`.
    :param count: draws of an epoch.
    :param epoch: its number, from 0.
    :param chance: the epoch's own generator.
    :returns: [count] long, numbers of tasks.
    :raises ConfigError: see :func:`shares`.

    Source: systematic sampling with unequal probabilities, Madow 1949.

    >>> take_turns([9, 1, 5], 4, 1, how="round_robin", alpha=0.5, chance=torch.Generator()).tolist()
    [1, 2, 0, 1]
    """
    wanted = shares(sizes, how, alpha)
    if how == "round_robin":
        return (torch.arange(count) + epoch * count) % len(sizes)
    ends = (wanted.cumsum(0) * count + torch.rand((), generator=chance, dtype=torch.float64)).floor().long()
    ends[-1] = count  # the sum of the shares may miss 1 by a rounding
    draws = torch.repeat_interleave(torch.arange(len(sizes)), ends.diff(prepend=ends.new_zeros(1)))
    return draws[torch.randperm(count, generator=chance)]


def slots_of(turns: Tensor, pools: int) -> tuple[Tensor, ...]:
    """The slots of each pool, in order.

    :param turns: [slots] long, the pool each belongs to.
    :param pools: how many there are.

    >>> [slots.tolist() for slots in slots_of(torch.tensor([1, 0, 1]), 2)]
    [[1], [0, 2]]
    """
    sizes: list[int] = torch.bincount(turns, minlength=pools).tolist()
    return torch.split(turns.argsort(stable=True), sizes)


class SourceSampler:
    """Batches of several tables, each with its own tasks and its own sampler; one batch is of one table.

    A table's size is the number of its batches, so that proportional passes once through every table in each
    epoch. The tables' own epochs go on where the last batch ended, however often or seldom their turn comes.
    The turns depend on the seed, the epoch and the sizes alone: every process is at the same table.

    :param samplers: by name of the table; their seeds, batch sizes and kinds are their own. Names are taken
        in sorted order.
    :param seed: the run's seed.
    :param how: proportional, tempered, uniform or round_robin, see :func:`shares`.
    :param alpha: exponent of tempered, in [0, 1].
    :param length: batches of an epoch; by default the sum over the tables.
    :raises ConfigError: no table, one sampler twice, samplers of different processes, or an option is out of
        its range.

    >>> both = SourceSampler({"a": Sampler(4, 2, 0), "b": Sampler(1, 2, 0)}, 0, how="round_robin")
    >>> [(name, len(batch)) for name, batch in both]
    [('a', 2), ('b', 1), ('a', 2)]
    """

    def __init__(
        self,
        samplers: Mapping[str, Sampler],
        seed: int,
        *,
        how: How = "proportional",
        alpha: float = 0.5,
        length: int | None = None,
    ) -> None:
        self.samplers = {name: samplers[name] for name in sorted(samplers)}
        if not self.samplers or len({id(s) for s in self.samplers.values()}) < len(self.samplers):
            raise ConfigError(
                "each of at least one table has a sampler of its own", found=f"{list(self.samplers)}"
            )
        places = {name: f"{s.rank} of {s.world}" for name, s in self.samplers.items()}
        if len(set(places.values())) > 1:
            raise ConfigError("the samplers of all tables are of the same process", found=f"ranks {places}")
        self.sizes = [len(s) for s in self.samplers.values()]
        """Batches of each table, [number of tables]."""
        shares(self.sizes, how, alpha)
        self._length = sum(self.sizes) if length is None else length
        if self._length < 1:
            raise ConfigError("an epoch has at least one batch", found=f"length {length}")
        self.seed, self.how, self.alpha = seed, how, alpha
        self.epoch = 0
        self.position = 0
        self._turns: tuple[int, list[str]] | None = None

    def __len__(self) -> int:
        """Batches of an epoch."""
        return self._length

    @property
    def turns(self) -> list[str]:
        """The table of each batch of the current epoch."""
        if self._turns is None or self._turns[0] != self.epoch:
            chance = torch_generator(self.seed, "source sampler", self.epoch)
            found = take_turns(
                self.sizes, len(self), self.epoch, how=self.how, alpha=self.alpha, chance=chance
            )
            names = list(self.samplers)
            self._turns = (self.epoch, [names[k] for k in found.tolist()])
        return self._turns[1]

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        """Table and positions of the batches that are left of the current epoch."""
        while self.position < len(self):
            name = self.turns[self.position]
            self.position += 1
            yield name, _next(self.samplers[name])
        self.epoch, self.position = self.epoch + 1, 0

    @property
    def state(self) -> dict[str, Any]:
        """Epoch, batches of it that were given out, and the state of each table's sampler."""
        own = {name: sampler.state for name, sampler in self.samplers.items()}
        return {"epoch": self.epoch, "position": self.position, "sources": own}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Stand where ``state`` was taken.

        :raises ConfigError: the state is of other tables.
        """
        own = state.get("sources", {})
        if set(own) != set(self.samplers):
            raise ConfigError(
                "the state of a sampler is restored into one over the same tables",
                found=f"{sorted(own)} in the state, {list(self.samplers)} in the sampler",
                remedy="continue with the options the run began with",
            )
        for name, sampler in self.samplers.items():
            sampler.restore(own[name])
        self.epoch, self.position = int(state["epoch"]), int(state["position"])


def _next(sampler: Sampler) -> Tensor:
    """The next batch of a sampler, of its next epoch where this one is over."""
    for batch in sampler:
        return batch
    return next(iter(sampler))
