"""The best split of a small table, by mixed-integer linear programming."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from umbel.data.balance_goal import Goal

__all__ = ["Alike", "cover", "solve"]

NODES, SECONDS = 100, 60.0
"""Of one program. Nodes are the limit that counts: they are the same on any machine. A program that needs
longer than the seconds has no answer at all, and the search's stands."""
MOST_UNKNOWNS, MOST_ENTRIES = 240, 6_000
SCARCE, COVER_NODES, COVER_ENTITIES = 30, 10_000, 2_000
"""Entities that carry a stratum which is hard to have on each side; nodes and entities of that program."""


class Alike:
    """Entities with the same counts, which a program need not tell apart.

    :param goal: what is to be reached.
    """

    def __init__(self, goal: Goal) -> None:
        counts = goal.counts.toarray()
        self.counts, self.kind, self.many = np.unique(counts, axis=0, return_inverse=True, return_counts=True)
        self.kind = self.kind.ravel()
        self.unknowns = len(self.many) * len(goal.shares)
        entries = int((self.counts != 0).sum()) * len(goal.shares)
        self.small = self.unknowns <= MOST_UNKNOWNS and entries <= MOST_ENTRIES

    def sides(self, dealt: NDArray[np.int64], chance: np.random.Generator) -> NDArray[np.int64]:
        """A side for each entity, by chance among those alike.

        :param dealt: entities of each kind on each side, [kinds, S].
        """
        order = chance.permutation(len(self.kind))
        order = order[np.argsort(self.kind[order], kind="stable")]
        found = np.empty(len(order), dtype=np.int64)
        found[order] = np.repeat(np.tile(np.arange(dealt.shape[1]), len(dealt)), dealt.ravel())
        return found


def solve(goal: Goal, alike: Alike, chance: np.random.Generator) -> list[NDArray[np.int64]]:
    """Splits that minimise the largest deviation, the promises and the required strata kept.

    The largest deviation M is minimised under: within one entity wherever that is promised. Where that is
    impossible, or M exceeds the goal's bound, the promises broken are minimised under that bound.

    :returns: the splits found, each [K]; none where nothing was found within the limits.
    """
    found: list[NDArray[np.int64]] = []
    if not goal.judged.any():
        return found
    strict = _program(goal, alike, keep=True)
    if strict is not None:
        found.append(alike.sides(strict, chance))
    if strict is None or goal.key(found[-1])[1] > 0:
        loose = _program(goal, alike, keep=False)
        if loose is not None:
            found.append(alike.sides(loose, chance))
    return found


def _program(goal: Goal, alike: Alike, *, keep: bool) -> NDArray[np.int64] | None:
    """One program over y [kinds, S], then M, then a slack per stratum and side.

    :param keep: promises are constraints, and M is minimised; else the slacks beyond them are, M after them,
        and M has the goal's bound.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, eye_array, hstack, kron

    kinds, sides = len(alike.many), len(goal.shares)
    judged = np.flatnonzero(goal.judged)
    strata, total, carriers = len(judged), goal.total[judged], goal.carriers[judged]
    part = csr_array(alike.counts.T[judged] / total[:, None])  # of each stratum's rows, [F, kinds]
    reach = kron(part, eye_array(sides), format="csr")  # strata and sides, over kinds and sides
    cells = strata * sides
    wish = (goal.wish - goal.placed)[judged].ravel() / np.repeat(total, sides)
    one = np.ones((cells, 1))
    none = csr_array((cells, cells))
    slack = eye_array(cells, format="csr")
    rules = [
        LinearConstraint(hstack([reach, -one, none]), -np.inf, wish),
        LinearConstraint(hstack([reach, one, none]), wish, np.inf),
    ]
    room = np.where(goal.promised[judged], 1 / carriers, np.inf).repeat(sides)
    if keep:
        rules.append(LinearConstraint(hstack([reach, 0 * one, none]), wish - room, wish + room))
    else:
        rules.append(LinearConstraint(hstack([reach, 0 * one, -slack]), -np.inf, wish + room))
        rules.append(LinearConstraint(hstack([reach, 0 * one, slack]), wish - room, np.inf))
    whole = kron(eye_array(kinds), np.ones((1, sides)), format="csr")
    rules.append(LinearConstraint(hstack([whole, csr_array((kinds, 1 + cells))]), alike.many, alike.many))
    asked = np.flatnonzero((goal.required & (goal.placed == 0))[judged].ravel())
    if len(asked):
        carried = kron(part != 0, eye_array(sides), format="csr")[asked]
        rules.append(LinearConstraint(hstack([carried, csr_array((len(asked), 1 + cells))]), 1, np.inf))
    unknowns = kinds * sides
    cost = np.concatenate([np.zeros(unknowns), [0.0], np.zeros(cells)])
    cost[unknowns] = 1 if keep else 1e-3
    if not keep:
        cost[unknowns + 1 :] = carriers.repeat(sides)
    top = np.concatenate([np.repeat(alike.many, sides), [np.inf if keep else goal.bound + 1e-9]])
    found = milp(
        cost,
        integrality=np.concatenate([np.ones(unknowns), np.zeros(1 + cells)]),
        bounds=Bounds(np.zeros(len(cost)), np.concatenate([top, np.full(cells, np.inf)])),
        constraints=rules,
        options={"node_limit": NODES, "time_limit": SECONDS, "mip_rel_gap": 1e-6},
    )
    if found.x is None or "ime limit" in str(found.message):
        return None
    dealt = np.round(found.x[:unknowns]).astype(np.int64).reshape(kinds, sides)
    return dealt if np.array_equal(dealt.sum(1), alike.many) and (dealt >= 0).all() else None


def cover(goal: Goal, sides: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """A split that leaves no required stratum absent, with the fewest entities moved.

    Only entities that carry a scarce required stratum are moved; the others stay.

    :param sides: of the entities, [K], some required stratum absent.
    :returns: the sides, [K]; None where there is no such split, or none within the limits.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, eye_array, kron

    number = len(goal.shares)
    strata = np.flatnonzero(goal.required.any(1) & (goal.carriers <= max(SCARCE, 3 * number)))
    carries = csr_array(goal.counts[:, strata] != 0).astype(float)
    free = np.flatnonzero(np.asarray(carries.sum(1)).ravel())
    if not 0 < len(free) <= COVER_ENTITIES:
        return None
    one_hot = (sides[:, None] == np.arange(number)).astype(float)
    every = np.flatnonzero(goal.required.any(1))
    whole = csr_array(goal.counts[:, every] != 0).astype(float)
    moved = one_hot.copy()
    moved[free] = 0
    there = whole.T @ moved + (goal.placed[every] > 0)  # of entities that stay, [strata, S]
    asked = np.flatnonzero((goal.required[every] & (there == 0)).ravel())
    found = milp(
        1 - one_hot[free].ravel(),
        integrality=np.ones(len(free) * number),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(kron(eye_array(len(free)), np.ones((1, number)), format="csr"), 1, 1),
            LinearConstraint(kron(whole[free].T, eye_array(number), format="csr")[asked], 1, np.inf),
        ],
        options={"node_limit": COVER_NODES, "time_limit": SECONDS, "mip_rel_gap": 1e-6},
    )
    if found.x is None or "ime limit" in str(found.message):
        return None
    covered = sides.copy()
    covered[free] = np.argmax(found.x.reshape(len(free), number), axis=1)
    return None if goal.missing(covered).any() else covered
