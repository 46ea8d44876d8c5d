"""The learning rate over time, as a pure function of the step: nothing to save, nothing to drift."""

from __future__ import annotations

import math
from collections.abc import Callable

from umbel.errors import ConfigError, near

__all__ = ["SCHEDULES", "Schedule", "constant", "cosine", "one_cycle", "schedule"]

Schedule = Callable[[int, int], float]
"""``(step, steps)`` to the share of the full learning rate in [0, 1]; ``step`` counts from 0."""


def constant(step: int, steps: int) -> float:
    """The full rate throughout."""
    return 1.0


def cosine(step: int, steps: int) -> float:
    """Down a half cosine, from the full rate to 0 (Loshchilov & Hutter 2017, eq. 5, one period).

    >>> cosine(0, 10), round(cosine(5, 10), 3)
    (1.0, 0.5)
    """
    return 0.5 * (1 + math.cos(math.pi * min(step, steps) / max(steps, 1)))


def one_cycle(step: int, steps: int, *, rise: float = 0.1) -> float:
    """Up a line for the first tenth of the steps, then down a half cosine (Smith & Topin 2017)."""
    top = max(1, round(rise * steps))
    return (step + 1) / top if step < top else cosine(step - top, steps - top)


SCHEDULES: dict[str, Schedule] = {"constant": constant, "cosine": cosine, "one_cycle": one_cycle}
"""Schedules by name."""


def schedule(name: str) -> Schedule:
    """The schedule called ``name``.

    :raises ConfigError: there is none.
    """
    if name not in SCHEDULES:
        raise ConfigError("a schedule must be one there is", found=f"'{name}'", remedy=near(name, SCHEDULES))
    return SCHEDULES[name]
