"""Numbers by key for keys of which few ever occur: a hash table for many keys at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["SparseCounts"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_EMPTY = np.int64(-1)
_MIX = np.uint64(0x9E3779B97F4A7C15)
"""Odd, and near 2^64 over the golden ratio: neighbouring keys fall far apart (Knuth, vol. 3, 6.4)."""


class SparseCounts:
    """A row of numbers for each key that was ever written; all others are zeros.

    Open addressing with linear probing, for arrays of keys: the cost of a call is a few array operations,
    whatever the number of keys kept.

    ``rows`` [places, width] holds them; see :meth:`claim`.

    :param width: numbers of a row.
    :param room: keys it starts with room for.

    >>> counts = SparseCounts(2)
    >>> counts.write(np.array([7, 3]), np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> counts.read(np.array([3, 5, 7])).tolist()
    [[3.0, 4.0], [0.0, 0.0], [1.0, 2.0]]
    """

    def __init__(self, width: int, room: int = 64) -> None:
        self.width, self.used = width, 0
        self._make(max(16, 1 << int(np.ceil(np.log2(2 * room)))))

    def _make(self, size: int) -> None:
        self._bits = np.uint64(64 - (size.bit_length() - 1))
        self._mask = np.int64(size - 1)
        self._keys = np.full(size, _EMPTY)
        self.rows = np.zeros((size, self.width))

    def __len__(self) -> int:
        return self.used

    @property
    def nbytes(self) -> int:
        """Bytes of the table."""
        return self._keys.nbytes + self.rows.nbytes

    def _slots(self, keys: Ints) -> Ints:
        """Where each key is, or the empty place where its search ends."""
        slot = ((keys.astype(np.uint64) * _MIX) >> self._bits).astype(np.int64)
        there = self._keys[slot]
        lost = np.flatnonzero((there != keys) & (there != _EMPTY))
        while len(lost):
            slot[lost] = (slot[lost] + 1) & self._mask
            there = self._keys[slot[lost]]
            lost = lost[(there != keys[lost]) & (there != _EMPTY)]
        return slot

    def read(self, keys: Ints) -> Floats:
        """Rows of keys >= 0, [L, width]; zeros where none was written."""
        slot = self._slots(keys)
        rows = self.rows[slot]
        rows[self._keys[slot] != keys] = 0.0
        return rows

    def claim(self, keys: Ints) -> Ints:
        """Places of keys in ``rows``, to be read and written there until the next claim.

        :param keys: [L], also several times the same; one that is new gets a row of zeros.
        """
        while 2 * (self.used + len(keys)) > len(self._keys):
            old_keys, old_rows = self.items()
            self._make(2 * len(self._keys))
            self.used = 0
            slot = self._put(old_keys)
            self.rows[slot] = old_rows
        return self._put(keys)

    def write(self, keys: Ints, rows: Floats) -> None:
        """Set the rows of distinct keys.

        :param keys: [L], each once.
        :param rows: [L, width].
        """
        slot = self.claim(keys)  # may make the table anew
        self.rows[slot] = rows

    def _put(self, keys: Ints) -> Ints:
        slot = self._slots(keys)
        left = np.flatnonzero(self._keys[slot] == _EMPTY)
        while len(left):
            at = slot[left]
            self._keys[at] = keys[left]  # of two that want one place, the last has it
            lost = self._keys[at] != keys[left]
            self.used += len(np.unique(at))
            left = left[lost]
            slot[left] = self._slots(keys[left])
        return slot

    def items(self) -> tuple[Ints, Floats]:
        """All keys and their rows, in no order."""
        full = self._keys != _EMPTY
        return self._keys[full], self.rows[full]
