"""Scales on which a number may be Gaussian, each with its way back and its mean. Pure numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCALES", "Scale"]

Array = NDArray[np.float64]
LIMIT = 700.0  # e^700 is the largest power that float64 holds


@dataclass(frozen=True)
class Scale:
    """A monotone change of scale.

    :param forward: user's units to the Gaussian's scale; NaN stays NaN.
    :param back: the inverse (so a median stays a median).
    :param mean: the mean in the user's units, from mean and standard deviation on the Gaussian's scale.
    :param above: numbers must be greater than this.
    """

    forward: Callable[[Array], Array]
    back: Callable[[Array], Array]
    mean: Callable[[Array, Array], Array]
    above: float


def _exp(x: Array) -> Array:
    result: Array = np.exp(np.minimum(x, LIMIT))
    return result


def _log(factor: float, shift: float) -> Scale:
    """factor * ln(x + shift); the mean of a log-normal is exp(m + s^2 / 2)."""

    def forward(x: Array) -> Array:
        result: Array = factor * (np.log1p(x) if shift == 1 else np.log(x))
        return result

    def back(y: Array) -> Array:
        result: Array = np.expm1(np.minimum(y / factor, LIMIT)) if shift == 1 else _exp(y / factor)
        return result

    def mean(y: Array, sd: Array) -> Array:
        return _exp(y / factor + 0.5 * (sd / factor) ** 2) - shift

    return Scale(_known(forward), back, mean, -shift)


def _known(forward: Callable[[Array], Array]) -> Callable[[Array], Array]:
    def apply(x: Array) -> Array:
        result = np.full(len(x), np.nan)
        known = ~np.isnan(x)
        result[known] = forward(x[known])
        return result

    return apply


SCALES: dict[Any, Scale] = {
    False: Scale(lambda x: x, lambda y: y, lambda y, sd: y, -np.inf),
    True: _log(1.0, 0.0),
    "log10": _log(1 / np.log(10.0), 0.0),
    "log1p": _log(1.0, 1.0),
}
"""By the value of the option ``log``."""
