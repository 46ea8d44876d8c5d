"""Numbers of concept sets, computed once for each set that occurs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["SetTable"]

Ints = NDArray[np.int64]

MOST = 4096
"""Sets that are kept; beyond them the table begins anew."""


class SetTable:
    """Rows of numbers by concept set, found for many sets at a time.

    A set is told by a whole number that no other set has, as long as (C + 1)^K fits 63 bits; wider sets are
    computed each time.

    :param concepts: C; a set is a row of numbers from 1 to C in ascending order, filled up with 0.
    :param make: sets [M, K] to their rows, arrays [M, ...] of any number.

    >>> table = SetTable(9, lambda sets: (sets.sum(axis=1),))
    >>> at = table.find(np.array([[1, 3], [2, 0], [1, 3]]))
    >>> table.rows[0][at].tolist(), len(table)
    ([4, 2, 4], 2)
    """

    def __init__(self, concepts: int, make: Callable[[Ints], tuple[NDArray[np.floating], ...]]) -> None:
        self.base, self.make = concepts + 1, make
        self._begin()

    def _begin(self) -> None:
        self._keys = np.zeros(0, dtype=np.int64)
        self.rows: tuple[NDArray[np.floating], ...] = ()

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, sets: Ints) -> Ints:
        """Where the rows of each set are in ``rows``, until the next call.

        :param sets: [B, K].
        """
        if self.base ** sets.shape[1] >= 2**62:
            self._begin()
            self.rows = self.make(sets)
            return np.arange(len(sets))
        key = sets[:, -1].copy()
        for column in range(sets.shape[1] - 2, -1, -1):
            key *= self.base
            key += sets[:, column]
        at = self._keys.searchsorted(key)
        if len(self._keys):
            known = self._keys.take(at, mode="clip") == key
            if known.all():
                return at
        else:
            known = np.zeros(len(key), dtype=bool)
        return self._grow(sets, key, known)

    def _grow(self, sets: Ints, key: Ints, known: NDArray[np.bool_]) -> Ints:
        if len(self._keys) >= MOST:
            self._begin()
            known = np.zeros(len(key), dtype=bool)
        fresh, first = np.unique(key[~known], return_index=True)
        made = self.make(sets[~known][first])
        keys = np.concatenate([self._keys, fresh])
        order = np.argsort(keys)
        old = self.rows if self.rows else tuple(row[:0] for row in made)
        self.rows = tuple(np.concatenate([a, b])[order] for a, b in zip(old, made, strict=True))
        self._keys = keys[order]
        return self._keys.searchsorted(key)
