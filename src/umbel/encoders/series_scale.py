"""The scale of series over training rows, and their steps as standard scores with indicators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.data.series_steps import Steps

__all__ = ["Scaled"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scaled:
    """Means and deviations of each feature of each column, over the known steps of training rows.

    :param features: F of each column, [K]; 0 where training knew no cell.
    :param loc, scale: [K, F] for the widest column's F; 0 and 1 where there is nothing to learn from.
    :param gaps: [F] bool, features of which a training step lacked a value.
    """

    features: tuple[int, ...]
    loc: Array
    scale: Array
    gaps: NDArray[np.bool_]

    @staticmethod
    def of(columns: Sequence[Steps]) -> Scaled:
        """Learn from the training rows of K columns."""
        features = tuple(steps.features for steps in columns)
        widest = max((1, *features))
        loc, scale = np.zeros((len(columns), widest)), np.ones((len(columns), widest))
        gaps = np.zeros(widest, dtype=bool)
        for k, steps in enumerate(columns):
            for f in range(steps.features):
                x = steps.values[:, f]
                known = x[~np.isnan(x)]
                gaps[f] |= 0 < len(known) < len(x)
                if len(known):
                    loc[k, f], spread = known.mean(), known.std()
                    # a constant feature (up to rounding) stays at 0
                    scale[k, f] = spread if spread > 1e-12 * np.abs(known).max() else 1.0
        return Scaled(features, loc, scale, gaps)

    @property
    def channels(self) -> int:
        """Numbers of a step: F, and an indicator for each feature with gaps."""
        return len(self.gaps) + int(self.gaps.sum())

    def channels_of(self, column: int, steps: Steps, clip: float | None) -> NDArray[np.float32]:
        """Standard scores (0 where missing) and indicators of missing values, [total, C].

        :param clip: scores are held within plus and minus this; None leaves them be.
        """
        found = np.zeros((len(steps.values), self.channels), dtype=np.float32)
        count = steps.features
        score = (steps.values - self.loc[column, :count]) / self.scale[column, :count]
        empty = np.isnan(score)
        if clip is not None:
            score = np.clip(score, -clip, clip)
        found[:, :count] = np.where(empty, 0.0, score)
        told = np.zeros((len(score), len(self.gaps)), dtype=np.float32)
        told[:, :count] = empty
        found[:, len(self.gaps) :] = told[:, self.gaps]
        return found
