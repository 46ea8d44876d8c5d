"""The frozen numbers of the simulated class, and how skill becomes an answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

__all__ = ["RULES", "Rules", "right"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rules:
    """The numbers of the simulated world.

    :param guess: probability that a question is answered right without any skill.
    :param slip: probability that it is answered wrong in spite of all skill.
    :param start: mean skill before any practice, of an average student.
    :param spread: spread of the start between the concepts of one student.
    :param lift: what one unit of ability adds to the start of each concept.
    :param rise: share of the way to ``ceiling`` that one practice goes.
    :param ceiling: the skill that practice leads to.
    :param forgetting: share of what was gained that a step takes away.
    :param gate: steepness of the logistic of the prerequisite's skill that multiplies the rise.
    :param deeper: how much harder the questions of a ``chain`` are with each prerequisite below them.
    """

    guess: float = 0.1
    slip: float = 0.05
    start: float = -1.0
    spread: float = 0.5
    lift: float = 0.5
    rise: float = 0.15
    ceiling: float = 3.0
    forgetting: float = 0.01
    gate: float = 2.0
    deeper: float = 0.3


RULES = Rules()
"""Frozen: figures of different days are figures of the same world."""


def right(gap: Floats) -> Floats:
    """Probability of a right answer: guess + (1 - guess - slip) * logistic(gap).

    :param gap: skill less difficulty, any shape.
    :returns: in [guess, 1 - slip], the shape of the gap.

    >>> right(np.array([-np.inf, 0.0, np.inf])).round(3).tolist()
    [0.1, 0.525, 0.95]
    """
    found: Floats = RULES.guess + (1 - RULES.guess - RULES.slip) * expit(gap)
    return found
