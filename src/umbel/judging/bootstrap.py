"""The paired bootstrap: the same resampled entities for every model, task and metric."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from umbel.seeding import numpy_generator

__all__ = ["FEWEST_ENTITIES", "Interval", "IntervalRule", "Percentile", "Resamples"]

Interval = tuple[float, float]


class IntervalRule(Protocol):
    """How replicates of a number (bootstrap resamples, or splits) become its interval."""

    def __call__(self, replicates: NDArray[np.float64], units: int) -> Interval | None:
        """:param replicates: [R]; ``units``: entities behind them. None where no interval can be given."""
        ...

    def point(self, value: float, replicates: NDArray[np.float64]) -> float:
        """The number itself, from its value on the sample and its replicates."""
        ...


FEWEST_ENTITIES = 8
"""With fewer, all differences have one sign by chance too often (2 / 2**n) for a 95 % interval."""

_CELLS = 1 << 18
"""Counts that are read at a time: they stay in the processor's cache."""


class Resamples:
    """How often each entity stands in each resample; drawn once and read by all.

    :param entity: entity of each row, any integers, [B].
    :param count: number of resamples R >= 0.
    :param seed: the run's seed.

    Column 0 is the sample itself, so that the point value and its replicates come from one code.

    Source: Efron & Tibshirani 1993, ch. 8 (resampling whole units).
    """

    def __init__(self, entity: NDArray[np.int64], count: int, seed: int) -> None:
        names, self.entity = np.unique(entity, return_inverse=True)
        units = len(names)
        generator = numpy_generator(seed, "bootstrap")
        # an entity is drawn more than 255 times only with probability 0 for all purposes
        self.counts = np.ones((count + 1, units), dtype=np.uint8)
        for index in range(1, count + 1):
            drawn = np.bincount(generator.integers(units, size=units), minlength=units)
            self.counts[index] = np.minimum(drawn, 255)
        self.count = count

    def units(self, rows: NDArray[np.int64]) -> int:
        """How many entities stand behind some rows."""
        return len(np.unique(self.entity[rows]))

    def blocks(self, rows: NDArray[np.int64]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Counts of some rows, a block of resamples at a time.

        :param rows: positions, [N].
        :returns: (which of the 1 + R resamples, counts [N, block]); column 0 of the first is all ones.
        """
        width = max(16, _CELLS // max(1, len(rows)))
        entity = self.entity[rows]
        for begin in range(0, self.count + 1, width):
            span = slice(begin, min(begin + width, self.count + 1))
            yield span, np.ascontiguousarray(self.counts[span].T[entity], dtype=np.float64)


@dataclass(frozen=True)
class Percentile:
    """Interval between two quantiles of the replicates, widened as Student's t asks for few entities.

    With n entities the plain percentile interval is too short by about sqrt((n - 1) / n) and by the
    ratio of t to normal quantiles; taking the quantiles at ``Phi(-sqrt(n / (n - 1)) t)`` corrects both.
    For n above a few hundred nothing changes.

    :param level: confidence, in (0, 1).
    :param fewest: with fewer entities there is no interval.

    Source: Efron & Tibshirani 1993, ch. 13; Hesterberg 2015, "What teachers should know about the
    bootstrap" (expanded percentile interval).

    >>> low, high = Percentile()(np.linspace(-1, 1, 2001), 10**6)
    >>> round(low, 2), round(high, 2)
    (-0.95, 0.95)
    """

    level: float = 0.95
    fewest: int = FEWEST_ENTITIES

    def __call__(self, replicates: NDArray[np.float64], units: int) -> Interval | None:
        """:param replicates: [R], NaN where undefined; more than half must be defined."""
        from scipy.special import ndtr, stdtrit

        found = replicates[np.isfinite(replicates)]
        if units < self.fewest or not len(found) or 2 * len(found) <= len(replicates):
            return None
        tail = ndtr(np.sqrt(units / (units - 1)) * stdtrit(units - 1, (1 - self.level) / 2))
        low, high = np.quantile(found, [tail, 1 - tail])
        return float(low), float(high)

    def point(self, value: float, replicates: NDArray[np.float64]) -> float:
        """The value on the sample; resamples only say how sure it is."""
        return value
