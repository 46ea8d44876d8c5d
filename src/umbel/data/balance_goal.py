"""What a balanced split shall reach, and how near one has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Goal"]

_BROUGHT = 1e6
"""Stands for the entities of a stratum on a side to which others have brought it: it is never the last."""


@dataclass
class Goal:
    """What a split shall reach, and how near one has come.

    :param counts: rows of each stratum in each entity that is placed, sparse [K, F].
    :param total, carriers, heaviest: [F], of all entities, as :class:`~umbel.data.balance_strata.Strata`.
    :param shares: [S], each above 0.
    :param required: [F, S], where at least one entity with this stratum must stand.
    :param placed: [F, S], rows that other entities have brought already.
    :param judged: [F], strata whose largest deviation counts; the others pull, and keep their promise.
    :param bound: a largest deviation that is not to be exceeded where that can be avoided.
    """

    counts: Any
    total: NDArray[np.float64]
    carriers: NDArray[np.float64]
    heaviest: NDArray[np.float64]
    shares: NDArray[np.float64]
    required: NDArray[np.bool_]
    placed: NDArray[np.float64]
    judged: NDArray[np.bool_]
    bound: float = np.inf
    promised: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        # no entity is heavier than 1 / carriers of the stratum: it can be split to within that
        self.promised = self.heaviest * self.carriers <= self.total * (1 + 1e-9)

    def excess(self, sides: NDArray[np.int64]) -> NDArray[np.float64]:
        """Rows reached above those wished, [F, S]."""
        one_hot = sides[:, None] == np.arange(len(self.shares))
        return np.asarray(self.placed + self.counts.T @ one_hot.astype(float) - self.wish)

    @property
    def wish(self) -> NDArray[np.float64]:
        """Rows wished, [F, S]."""
        return self.total[:, None] * self.shares

    @property
    def floor(self) -> float:
        """A largest deviation that no split goes below: of the equal entities of one stratum alone.

        Largest remainders have the least largest deviation (Hamilton's apportionment).
        """
        number = self.carriers[self.promised & self.judged, None]
        quota = number * self.shares
        whole = np.floor(quota + 1e-9)
        more = (number - whole.sum(1, keepdims=True)).astype(np.int64)
        rank = np.argsort(np.argsort(whole - quota, axis=1, kind="stable"), axis=1, kind="stable")
        return float((np.abs(whole + (rank < more) - quota) / number).max(initial=0))

    def carried(self, sides: NDArray[np.int64]) -> NDArray[np.float64]:
        """Entities with each stratum on each side, [F, S]; a large number where others have brought it."""
        one_hot = sides[:, None] == np.arange(len(self.shares))
        return np.asarray((self.counts != 0).T @ one_hot.astype(float) + _BROUGHT * (self.placed > 0))

    def missing(self, sides: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Where a required stratum is absent, [F, S]."""
        return np.asarray(self.required & (self.carried(sides) == 0))

    def key(self, sides: NDArray[np.int64]) -> tuple[float, ...]:
        """Less is better: what is absent; what is above the bound; promises broken, of what is judged and of
        the rest; the largest deviation; the sum of all."""
        deviation = np.abs(self.excess(sides)) / self.total[:, None]
        most = float(deviation[self.judged].max(initial=0))
        broken = np.maximum(0, deviation * self.carriers[:, None] - 1).sum(1) * self.promised
        absent = float(self.missing(sides).sum())
        promises = (float(broken[self.judged].sum()), float(broken[~self.judged].sum()))
        figures = (max(0.0, most - self.bound), *promises, most, float(deviation.sum()))
        return (absent, *(round(figure, 9) for figure in figures))
