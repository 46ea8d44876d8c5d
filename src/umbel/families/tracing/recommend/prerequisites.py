"""Concepts that may be practised now: those whose prerequisites are mastered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from umbel.errors import ConfigError, DataError, ShapeError

__all__ = ["Prerequisites"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Prerequisites:
    """A rule of what is offered: a concept whose prerequisites are all mastered.

    Where that leaves nothing, everything is offered: a student is never sent away.

    :param graph: [C, C] bool, true where the concept of the row needs the concept of the column.
    :param mastered: mastery from which a concept counts as known, (0, 1).
    :raises ShapeError: the graph is not square, or not of truth values.
    :raises DataError: a concept needs itself, be it by way of others.
    :raises ConfigError: ``mastered`` is out of range.

    >>> chain = np.array([[False, False], [True, False]])
    >>> Prerequisites(chain, mastered=0.7)(np.array([[0.5, 0.2], [0.8, 0.2]])).tolist()
    [[True, False], [True, True]]
    """

    def __init__(self, graph: Bools, *, mastered: float = 0.7) -> None:
        self.graph = np.asarray(graph)
        if self.graph.ndim != 2 or len(set(self.graph.shape)) != 1 or self.graph.dtype != np.bool_:
            raise ShapeError(
                "a graph of prerequisites is a square matrix of truth values, row needs column",
                found=f"shape {self.graph.shape}, {self.graph.dtype}",
                remedy="a bool array [C, C]; cut weights at a threshold first",
            )
        if not 0 < mastered < 1:
            raise ConfigError(
                "'mastered' of prerequisites is in (0, 1)", found=repr(mastered), remedy="mastered: 0.7"
            )
        self.mastered = mastered
        self._refuse_circles()

    def _refuse_circles(self) -> None:
        left = np.arange(len(self.graph))
        while len(left):
            needing = self.graph[left][:, left].sum(axis=1) > 0
            if needing.all():
                raise DataError(
                    "prerequisites lead back to a concept that has none",
                    found=f"a circle among the concepts {left.tolist()}",
                    remedy="take one of its edges away",
                )
            left = left[needing]

    def __call__(self, mastery: Floats) -> Bools:
        """Which concepts are offered, [S, C].

        :param mastery: [S, C].
        """
        lacking = (mastery < self.mastered).astype(np.int64) @ self.graph.T.astype(np.int64)  # [S, C]
        ready: Bools = lacking == 0
        ready[~ready.any(axis=1)] = True
        return ready
