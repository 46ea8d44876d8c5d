"""A hand-made model of knowledge whose growth is known, for tests of what is planned with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from umbel.families.tracing.model.pool import Pool
from umbel.families.tracing.source.codes import Codes

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Garden(Pool):
    """Levels in (0, 1): an answer moves its concept's level by its surprise, then practice raises it.

    :param level: [S, C].
    :param rates: share of the way to 1 that one practice goes, [C].
    :param needs: [C, C] bool; growth is 0 while a needed level is below a half.
    :param told: how far a surprise of 1 moves the level.
    """

    def __init__(self, level: Floats, rates: Floats, needs: NDArray[np.bool_], told: float = 0.2) -> None:
        self.level, self.rates, self.needs, self.told = level.copy(), rates, needs, told

    def __len__(self) -> int:
        return len(self.level)

    def update(self, students: Ints, question: Ints, concepts: Ints, correct: Floats) -> None:
        assert len(np.unique(students)) == len(students)
        c = concepts[:, 0] - 1
        level = self.level[students].copy()
        each = np.arange(len(students))
        held = (self.needs[c] & (level < 0.5)).any(axis=1)
        moved = level[each, c] + self.told * level[each, c] * (correct - level[each, c])
        level[each, c] = moved + np.where(held, 0.0, self.rates[c]) * (1 - moved)
        self.level[students] = level

    def forecast(self, students: Ints, question: Ints, concepts: Ints) -> Floats:
        return self.level[students, concepts[:, 0] - 1]

    def take(self, students: Ints) -> Garden:
        return Garden(self.level[students], self.rates, self.needs, self.told)


class Gardener:
    """Follows students in gardens that all begin alike.

    :param codes: the names it knows.
    """

    def __init__(self, codes: Codes, start: Floats, rates: Floats, needs: NDArray[np.bool_]) -> None:
        self.codes, self.start, self.rates, self.needs = codes, start, rates, needs

    def pool(self, students: int) -> Garden:
        return Garden(np.tile(self.start, (students, 1)), self.rates, self.needs)


def garden(students: int = 5, concepts: int = 3, *, seed: int = 0, chain: bool = False) -> Garden:
    """A drawn one."""
    chance = np.random.default_rng(seed)
    needs = np.eye(concepts, k=-1, dtype=np.bool_) & chain
    return Garden(chance.uniform(0.1, 0.8, (students, concepts)), chance.uniform(0.05, 0.3, concepts), needs)
