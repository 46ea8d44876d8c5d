"""Accuracies on MultiMNIST held against each other: a paired bootstrap by test image, and all seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from multimnist_data import Pictures
from numpy.typing import NDArray
from over_seeds import over_seeds

from umbel.judging.bootstrap import Percentile, Resamples
from umbel.judging.verdict import verdict

__all__ = ["COVERS", "Difference", "by_image", "difference"]

COVERS = (
    "The intervals (95 %) cover the test images, by a paired bootstrap of the image that shows the digit "
    "asked for, the same for all seeds, and the chance of pairs, parameters and batches, by the spread over "
    "the seeds (degrees of freedom after Welch and Satterthwaite). They are not corrected for how many "
    "models are looked at."
)
RESAMPLES = 2000

Right = Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class Difference:
    """The accuracy of one model less that of another.

    :param mean, low, high: over all seeds.
    :param each: difference and interval by seed; these cover the test images alone.
    """

    mean: float
    low: float
    high: float
    each: list[list[float]]

    @property
    def verdict(self) -> str:
        """gains, no evidence, loses."""
        return verdict(self.low, self.high)


def by_image(correct: Right, data: Pictures) -> dict[str, NDArray[np.float64]]:
    """Right answers by task, in the order of the images that show the digit, 0 or 1 each, [N].

    Each test image shows the left digit of one pair and the right digit of one pair, whatever the seed.
    """
    return {task: right[np.argsort(data.images[task])].astype(float) for task, right in correct.items()}


def difference(
    mine: Sequence[NDArray[np.float64]], theirs: Sequence[NDArray[np.float64]], seed: int = 0
) -> Difference:
    """Mean difference over seeds, with its interval, and that of each seed.

    :param mine, theirs: right answers by image of each seed, [N].
    """
    gaps = np.array(mine) - np.array(theirs)  # [S, N]
    rows = np.arange(gaps.shape[1])
    drawn, rule = Resamples(rows, RESAMPLES, seed), Percentile()
    replicates = np.empty((len(gaps), RESAMPLES + 1))
    for span, counts in drawn.blocks(rows):
        replicates[:, span] = gaps @ counts / counts.sum(axis=0)

    def told(values: NDArray[np.float64]) -> list[float]:
        ends = rule(values[1:], len(rows))
        assert ends is not None
        return [float(values[0]), *ends]

    mean, low, high = over_seeds(gaps.mean(axis=1), replicates[:, 1:].mean(axis=0))
    return Difference(mean, low, high, [told(line) for line in replicates])
