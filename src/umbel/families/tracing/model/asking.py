"""Questions put to students at the end of their answers, for models whose state there is a table of sums."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.probes import Probes

__all__ = ["as_log", "looked_up"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def as_log(log: AnswerLog, probes: Probes) -> AnswerLog:
    """The probes as K steps of one student, so that they are coded as steps are.

    :param log: whose names the probes refer to.
    :param probes: the questions.
    """
    count = len(probes)
    return AnswerLog(
        students=("",),
        questions=log.questions,
        concepts=log.concepts,
        offsets=np.array([0, count], dtype=np.int64),
        question=probes.question,
        sets=np.arange(count, dtype=np.int64),
        concept_sets=probes.concepts,
        correct=np.zeros(count),
        about=log.about,
    )


def looked_up(keys: Ints, values: Floats, wanted: Ints, default: Floats | float) -> Floats:
    """The value of each wanted key.

    :param keys: [G], ascending, distinct.
    :param values: [G].
    :param wanted: keys, any shape.
    :param default: for a key that is not there, broadcast to the shape of ``wanted``.

    >>> looked_up(np.array([2, 5]), np.array([0.2, 0.5]), np.array([5, 3]), 1.0).tolist()
    [0.5, 1.0]
    """
    if not len(keys):
        return np.broadcast_to(np.asarray(default, dtype=np.float64), wanted.shape).copy()
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], default)
