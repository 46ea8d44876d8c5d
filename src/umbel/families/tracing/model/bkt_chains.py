"""Sequences of answers by chain, laid out so that one step of all chains is one slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Chains"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Chains:
    """M sequences of answers, the longest first, by position: all first answers, then all second ones.

    :param skill: number of each chain's skill, [M].
    :param answer: [L] in [0, 1].
    :param offsets: where each position begins, [T + 1]; the chains that reach it are the first ones.
    :param line: where each answer stood in the order it came in, [L].
    :param key: of each chain, [M].
    """

    skill: Ints
    answer: Floats
    offsets: Ints
    line: Ints
    key: Ints

    @staticmethod
    def of(key: Ints, skill: Ints, answer: Floats) -> Chains:
        """From lines in order of time.

        :param key: chain of each line, [L].
        :param skill: of each line, [L], the same for all lines of a chain.
        :param answer: [L].
        """
        keys, first, chain, lengths = np.unique(
            key, return_index=True, return_inverse=True, return_counts=True
        )
        rank = np.empty(len(keys), dtype=np.int64)
        order = np.argsort(-lengths, kind="stable")
        rank[order] = np.arange(len(keys))
        by_key = np.argsort(chain, kind="stable")
        place = np.empty(len(key), dtype=np.int64)
        place[by_key] = np.arange(len(key)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        line = np.lexsort((rank[chain], place))
        offsets = np.concatenate([[0], np.cumsum(np.bincount(place))]).astype(np.int64)
        return Chains(
            skill[first][order], np.asarray(answer[line], dtype=np.float64), offsets, line, keys[order]
        )

    @property
    def counts(self) -> Ints:
        """How many chains reach each position, [T]."""
        return np.diff(self.offsets)

    @property
    def chain(self) -> Ints:
        """Number of each answer's chain, [L]."""
        return np.arange(len(self.answer)) - np.repeat(self.offsets[:-1], self.counts)

    @property
    def ends(self) -> Ints:
        """Place of each chain's last answer, [M]."""
        lengths = (
            len(self.offsets) - 1 - np.searchsorted(self.counts[::-1], np.arange(len(self.skill)), "right")
        )
        return self.offsets[lengths - 1] + np.arange(len(self.skill))
