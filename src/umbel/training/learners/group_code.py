"""A group as numbers for trees: its shrunken mean answer, out of fold on training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.training.learners.classic import Answers, entity_folds

__all__ = ["GroupCode"]

Array = NDArray[np.float64]

SHRINK = 10.0
"""So many rows of the mean of all groups are added to each group."""


@dataclass(frozen=True)
class GroupCode:
    """Mean answers of P groups, shrunken to the mean of all.

    :param means: [P + 1, K]; the last row stands for a group never seen.

    Source: Micci-Barreca 2001, eq. 3, with cross-fitting.
    """

    means: Array

    @staticmethod
    def fit(
        own: Answers, group: NDArray[np.int64], entities: NDArray[np.int64], count: int
    ) -> tuple[GroupCode, Array]:
        """The code for new rows, and the out-of-fold code of the training rows [N, K].

        A training row's own answer never enters its code, or trees would read it back.

        :param group: [N] in [0, P), or -1.
        :param count: P.
        """
        named = own.kind.response in ("categorical", "simplex")
        y, w = (own.shares(), own.weights[:, None]) if named else own.columns()
        y, w = np.broadcast_arrays(y, w)
        fold = entity_folds(entities, 5, "group code")
        inner = np.empty(y.shape)
        for k in range(5):
            held = fold == k
            if held.all():
                inner[held] = _means(y, w, group, count)[-1]
            elif held.any():
                inner[held] = _means(y[~held], w[~held], group[~held], count)[group[held]]
        return GroupCode(_means(y, w, group, count)), inner

    def transform(self, group: NDArray[np.int64]) -> Array:
        """The codes [B, K] of new rows; group -1 is unseen."""
        return self.means[group]

    def state(self) -> dict[str, Any]:
        """All of it as arrays."""
        return {"means": self.means}

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> GroupCode:
        """The code that :meth:`state` tells of."""
        return GroupCode(np.asarray(state["means"]))


def _means(y: Array, w: Array, group: NDArray[np.int64], count: int) -> Array:
    overall = (w * y).sum(axis=0) / np.maximum(w.sum(axis=0), 1e-12)
    found = np.empty((count + 1, y.shape[1]))
    seen = group >= 0
    for k in range(y.shape[1]):
        total = np.bincount(group[seen], (w[:, k] * (y[:, k] - overall[k]))[seen], minlength=count)
        size = np.bincount(group[seen], w[seen, k], minlength=count)
        found[:count, k] = overall[k] + total / (size + SHRINK)
    found[count] = overall
    return found
