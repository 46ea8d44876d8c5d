"""Two ways to a balanced split: every entity by search, or most by dealing and the rest by search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.data.balance_exact import Alike, cover, solve
from umbel.data.balance_goal import Goal
from umbel.data.balance_search import Search
from umbel.data.balance_strata import Strata
from umbel.data.dealing import counts_of
from umbel.seeding import numpy_generator

__all__ = ["CORE", "RANDOM", "Found", "large", "largest_of", "random_sides", "small"]

RANDOM = 20
"""Random splits that a balanced one is never worse than."""
CORE, RESERVE, EXACT_ENTITIES = 20_000, (4_000, 100_000), 3_000
"""Entities that are all searched; those kept back for the search of a larger table; those of a program."""
STARTS = 4
"""Searches of a small table, as long as a promise is broken."""


def random_sides(count: int, shares: Sequence[float], seed: int, number: int) -> NDArray[np.int64]:
    """One of the random splits by entity that a balanced one is compared with.

    :param count: entities.
    :param shares: [S], they sum to 1.
    :param number: which one, from 0.
    :returns: the side of each entity, [count].
    """
    sizes = counts_of(count, tuple(shares))
    chance = numpy_generator(seed, "split", "balanced", "random", number)
    return chance.permutation(np.repeat(np.arange(len(sizes)), sizes))


Found = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]


def small(
    strata: Strata,
    shares: NDArray[np.float64],
    required: NDArray[np.bool_],
    *,
    seed: int,
    exact: bool | str,
) -> Found:
    """Every entity is placed by search; the best of greedy, exact and, where these lose, random.

    :param shares: [S], each above 0.
    :param required: [F, S], where a stratum has to stand.
    :param seed: of all chance.
    :param exact: as :func:`umbel.data.balance.split_balanced` has it.
    :returns: the side of each entity; rows above the wish [F, S]; where a required stratum is absent [F, S].
    """
    chance = numpy_generator(seed, "split", "balanced")
    counts = strata.counts(np.arange(strata.count))
    placed = np.zeros((len(strata.total), len(shares)))
    goal = _goal(strata, counts, shares, required, placed)
    drawn = [random_sides(strata.count, shares.tolist(), seed, number) for number in range(RANDOM)]
    keys = [goal.key(sides) for sides in drawn]
    covered = [key[4] for key in keys if key[0] == 0]
    goal.bound = min(covered, default=np.inf)
    search = Search(goal, chance)
    found = [search.run(search.repair(search.greedy()))]
    while len(found) < STARTS and goal.key(found[-1])[:4] > (0, 0, 0, 0):  # from another order
        found.append(search.run(search.repair(search.greedy())))
    found = [min(found, key=goal.key)]
    absent, above, broken, _, most, _ = goal.key(found[0])
    optimal = absent == 0 and above == 0 and broken == 0 and most <= goal.floor + 1e-9
    if exact is True or (exact == "auto" and strata.count <= EXACT_ENTITIES and not optimal):
        alike = Alike(goal)
        if exact is True or alike.small:
            found.extend(search.run(sides) for sides in solve(goal, alike, chance))
    best = _covered(search, min(found, key=goal.key))
    if goal.key(best)[1] > 0 and covered:  # worse than a random one: start from that
        start = next(s for s, key in zip(drawn, keys, strict=True) if key[0] == 0 and key[4] == goal.bound)
        best = min([best, search.run(start)], key=goal.key)
    return best, goal.excess(best), goal.missing(best)


def large(
    strata: Strata,
    shares: NDArray[np.float64],
    required: NDArray[np.bool_],
    *,
    seed: int,
) -> Found:
    """Most entities are dealt in one go; those that matter one by one afterwards. As :func:`small`."""
    chance = numpy_generator(seed, "split", "balanced")
    # dealt by chance, a stratum is off by about the root of its entities; F of them at once need F times it
    reserve = int(np.clip(len(strata.total) * strata.count**0.5 / 2, *RESERVE))
    # and of each stratum the reserve needs enough that a side can give back what it has above its share
    wanted = np.sqrt(9 * strata.carriers * (1 / shares.min() - 1)) + 10
    wanted *= min(1.0, RESERVE[1] / wanted.sum())
    likely = strata.likely(np.minimum(1, wanted / strata.carriers), reserve / strata.count)
    special = strata.special | (chance.random(strata.count) < likely)
    dealt, core = np.flatnonzero(~special), np.flatnonzero(special)
    # entities alike stand together, in the order of their size, so each side gets as many of them
    size = np.bincount(strata.entities, minlength=strata.count)[dealt]
    order = np.lexsort((chance.random(len(dealt)), strata.signatures(chance)[dealt], size))
    sides = np.full(strata.count, -1, dtype=np.int8)
    sizes = counts_of(len(dealt), tuple(shares.tolist()))
    places = np.concatenate([(np.arange(n) + 0.5) / n for n in sizes if n])
    sides[dealt[order]] = np.repeat(np.arange(len(sizes)), sizes)[np.argsort(places, kind="stable")]
    del size, order, places
    placed = np.concatenate(list(strata.reached(sides, len(shares))))
    goal = _goal(strata, strata.counts(core), shares, required, placed)
    search = Search(goal, chance)
    best = _covered(search, search.run(search.repair(search.greedy())))
    excess, missing = goal.excess(best), goal.missing(best)
    sides[core] = best
    most = largest_of(strata, excess)
    for number in range(RANDOM):
        other = random_sides(strata.count, shares.tolist(), seed, number).astype(np.int8)
        ahead = _ahead(strata, other, shares, most)
        if (
            ahead is not None
            and not (absent := required & (ahead + strata.total[:, None] * shares == 0)).any()
        ):
            sides, missing, excess = other, absent, ahead
            most = largest_of(strata, excess)
    return sides.astype(np.int64), excess, missing


def _covered(search: Search, best: NDArray[np.int64]) -> NDArray[np.int64]:
    """The split, or one without an absent stratum where the search has left one and there is another."""
    if not search.goal.missing(best).any():
        return best
    found = cover(search.goal, best)
    return best if found is None else search.run(found)


def _goal(
    strata: Strata,
    counts: Any,
    shares: NDArray[np.float64],
    required: NDArray[np.bool_],
    placed: NDArray[np.float64],
) -> Goal:
    """The goal for some of the entities."""
    about = (strata.total, strata.carriers, strata.heaviest)
    return Goal(counts, *about, shares, required, placed, strata.judged)


def largest_of(strata: Strata, excess: NDArray[np.float64]) -> float:
    """The largest deviation of what is judged.

    :param excess: rows above the wish, [F, S].
    :returns: a part of a stratum's rows, in [0, 1]; 0 where nothing is judged.
    """
    return float((np.abs(excess) / strata.total[:, None])[strata.judged].max(initial=0))


def _ahead(
    strata: Strata, sides: NDArray[np.int8], shares: NDArray[np.float64], most: float
) -> NDArray[np.float64] | None:
    """Rows above the wish [F, S] of a split whose largest deviation is below another; None of others.

    Told apart at the first column of strata that is worse, so that few are counted.
    """
    parts: list[NDArray[np.float64]] = []
    begin = 0
    for part in strata.reached(sides, len(shares)):
        total = strata.total[begin : begin + len(part), None]
        begin += len(part)
        parts.append(part - total * shares)
        far = np.abs(parts[-1]) >= (most - 1e-12) * total
        if far[strata.judged[begin - len(part) : begin]].any():
            return None
    return np.concatenate(parts)
