"""A balanced split found by dealing the rare first and by moving and swapping entities afterwards."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from umbel.data.balance_goal import Goal

__all__ = ["Search"]

ROUNDS, WORK = 14, 4e8
"""Rounds of raised weights, and steps of arithmetic (moves times counts) that all of them may take."""
CANDIDATES, SWEEPS = 48, 3


class Search:
    """Greedy dealing and local improvement of one goal.

    The cost is the sum over strata and sides of the squared deviation in entities, (deviation * carriers)^2,
    times (1 / carriers + 0.1): between the chi-square of a table and the promise of one entity.
    """

    def __init__(self, goal: Goal, chance: np.random.Generator) -> None:
        self.goal, self.chance = goal, chance
        self.weight = (goal.carriers / goal.total) ** 2 * (1 / goal.carriers + 0.1)
        self.squares = goal.counts.power(2)
        self.required = np.flatnonzero(goal.required.any(1))
        self.carries = (goal.counts[:, self.required] != 0).astype(float)

    def greedy(self) -> NDArray[np.int64]:
        """Each entity to the side that wants it most, those of rare strata and heavy ones first; then again.

        What is dealt first has not seen the rest, so each is taken back and dealt once more in its turn.

        Source: Sechidis, Tsoumakas & Vlahavas 2011 (iterative stratification), here over entities with
        all their counts at once.
        """
        goal, counts = self.goal, self.goal.counts
        size, sides = counts.shape[0], np.full(counts.shape[0], -1, dtype=np.int64)
        rarity = np.full(size, np.inf)
        owner = np.repeat(np.arange(size), np.diff(counts.indptr))
        np.minimum.at(rarity, owner, goal.carriers[counts.indices])
        order = np.lexsort((self.chance.random(size), -(self.squares @ self.weight), rarity))
        # rows above the share of what has been dealt so far: no side is filled before the others
        over = (goal.placed - goal.placed.sum(1, keepdims=True) * goal.shares).T.copy()
        shares = goal.shares[:, None]
        begins, places, rows = counts.indptr.tolist(), counts.indices, counts.data
        priced = rows * self.weight[places]
        own = (self.squares @ self.weight)[:, None] * goal.shares
        for _ in range(SWEEPS):
            moved = 0
            for entity in order.tolist():
                here = slice(begins[entity], begins[entity + 1])
                held, brought, old = places[here], rows[here], int(sides[entity])
                if old >= 0:
                    over[:, held] += shares * brought
                    over[old, held] -= brought
                cost = (over[:, held] * priced[here]).sum(1) - own[entity]
                side = int(np.argmin(np.round(cost, 7)))
                over[:, held] -= shares * brought
                over[side, held] += brought
                sides[entity] = side
                moved += side != old
            if not moved:
                break
        return sides

    def repair(self, sides: NDArray[np.int64], *, tries: int = 200) -> NDArray[np.int64]:
        """Entities moved to where a required stratum is absent; some may stay absent."""
        goal = self.goal
        sides = sides.copy()
        for _ in range(tries):
            absent = np.argwhere(goal.missing(sides)[self.required])
            if not len(absent):
                break
            stratum, side = absent[int(self.chance.integers(len(absent)))]
            able = np.flatnonzero(self.carries[:, [stratum]].toarray().ravel() * (sides != side))
            if not len(able):
                break
            breaks = self._last(sides)[able]
            linear = goal.counts[able] @ (self.weight[:, None] * goal.excess(sides))
            gain = linear[:, side] - linear[np.arange(len(able)), sides[able]]
            sides[able[np.lexsort((np.round(gain, 7), breaks))[0]]] = side
        return sides

    def _last(self, sides: NDArray[np.int64], held: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """How many required strata an entity is the last of on its side, [K].

        :param held: entities with each required stratum on each side; counted where None.
        """
        held = self.goal.carried(sides)[self.required] if held is None else held
        alone = self.goal.required[self.required] & (held == 1)
        if not alone.any():
            return np.zeros(len(sides))
        last: NDArray[np.float64] = (self.carries @ alone.astype(float))[np.arange(len(sides)), sides]
        return last

    def improve(self, sides: NDArray[np.int64], weight: NDArray[np.float64], moves: int) -> NDArray[np.int64]:
        """The best move, or swap where no move helps, again and again, until neither does.

        :param weight: [F], of the strata in the cost.
        :param moves: the most that are made.
        """
        goal, counts = self.goal, self.goal.counts
        sides, every = sides.copy(), np.arange(len(sides))
        excess = goal.excess(sides)
        pull = counts @ (weight[:, None] * excess)
        own = self.squares @ weight
        small = 1e-7 * max(1.0, float(own.max(initial=0)))
        held = goal.carried(sides)[self.required]
        for _ in range(moves):
            change = pull - pull[every, sides][:, None] + own[:, None]
            change[every, sides] = np.inf
            change[self._last(sides, held) > 0] = np.inf
            best = int(np.argmin(np.round(change, 7)))
            moved = [divmod(best, len(goal.shares))]
            if change.flat[best] >= -small:
                moved = self._swap(sides, change, own, weight, small)
                if not moved:
                    break
            for entity, side in moved:
                row = counts[[entity]].toarray().ravel()
                along = counts @ (weight * row)
                pull[:, side] += along
                pull[:, sides[entity]] -= along
                carried = self.carries[[entity]].toarray().ravel()
                held[:, side] += carried
                held[:, sides[entity]] -= carried
                sides[entity] = side
        return sides

    def _swap(
        self,
        sides: NDArray[np.int64],
        change: NDArray[np.float64],
        own: NDArray[np.float64],
        weight: NDArray[np.float64],
        small: float,
    ) -> list[tuple[int, int]]:
        """The best exchange of two entities among those that alone cost least, and some by chance."""
        counts, found, least = self.goal.counts, [], -small
        number = len(self.goal.shares)
        at = [np.flatnonzero(sides == side) for side in range(number)]
        for a in range(number):
            for b in range(a + 1, number):
                one = self._some(at[a], change[at[a], b])
                two = self._some(at[b], change[at[b], a])
                if not len(one) or not len(two):
                    continue
                cross = (counts[one].multiply(weight[None, :]).tocsr() @ counts[two].T).toarray()
                total = np.round(change[one, b][:, None] + change[two, a][None, :] - 2 * cross, 7)
                best = int(np.argmin(total))
                if total.flat[best] < least:
                    least = float(total.flat[best])
                    i, j = divmod(best, len(two))
                    found = [(int(one[i]), b), (int(two[j]), a)]
        return found

    def _some(self, entities: NDArray[np.int64], cost: NDArray[np.float64]) -> NDArray[np.int64]:
        """Candidates of a swap: the cheapest, and as many by chance."""
        entities, cost = entities[np.isfinite(cost)], cost[np.isfinite(cost)]
        if len(entities) <= 2 * CANDIDATES:
            return entities
        order = np.argsort(np.round(cost, 7), kind="stable")
        drawn = self.chance.choice(order[CANDIDATES:], CANDIDATES, replace=False)
        return np.asarray(entities[np.concatenate([order[:CANDIDATES], drawn])])

    def run(self, sides: NDArray[np.int64]) -> NDArray[np.int64]:
        """The best split by :meth:`Goal.key` on the way of a search that starts here.

        After each round the strata whose promise is broken, and the one with the largest deviation, weigh
        more in the next.
        """
        goal, raised = self.goal, self.weight.copy()
        best, best_key, stale = sides, goal.key(sides), 0
        moves = int(np.clip(WORK / (goal.counts.nnz + 8 * len(sides) + 1000), 40, 4000))
        for _ in range(ROUNDS):
            sides = self.improve(sides, raised, moves)
            key = goal.key(sides)
            stale = 0 if key < best_key else stale + 1
            if key < best_key:
                best, best_key = sides, key
            if stale > 4:
                break
            deviation = np.abs(goal.excess(sides)).max(1) / goal.total
            broken = goal.promised & (deviation * goal.carriers > 1 + 1e-9)
            raised = raised * np.where(broken, np.where(goal.judged, 3.0, 1.5), 1.0)
            raised[int(np.argmax(deviation * goal.judged))] *= 2.0
        return best
