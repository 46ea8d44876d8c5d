"""Which of two concepts must be known first: gates of both ways compared, and a model asked by clamping."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from umbel.families.tracing.graph.influence import some_students
from umbel.families.tracing.graph.practice import Practice
from umbel.families.tracing.model.tracer import Tracer
from umbel.families.tracing.source.log import AnswerLog
from umbel.seeding import numpy_generator
from umbel.sharing.options import whole

__all__ = ["clamped_growth", "first_known"]

Floats = NDArray[np.float64]


def first_known(z: Floats) -> Floats:
    """How sure it is that the column's concept is needed for the row's, and not the other way round.

    A prerequisite gates the gain of what is built on it, not the other way round: the two ways differ. Their
    difference is told in its standard error, the two taken for independent.

    :param z: evidence of the gates, [C, C]; NaN counts as none.
    :returns: [C, C] in (0, 1), .5 on the diagonal; the two ways of a pair sum to 1.

    >>> first_known(np.array([[np.nan, 0.0], [3.0, np.nan]])).round(3).tolist()
    [[0.5, 0.017], [0.983, 0.5]]
    """
    known = np.where(np.isfinite(z), z, 0.0)
    np.fill_diagonal(known, 0.0)
    return np.asarray(ndtr((known - known.T) / np.sqrt(2.0)), dtype=np.float64)


def clamped_growth(tracer: Tracer, log: AnswerLog, *, students: int = 1000, seed: int = 0) -> Floats:
    """How much faster a model sees i grow when all answers on j are right than when all are wrong.

    In real sequences every answer on j is set right, then wrong. The difference of the two forecasts on i,
    once j was practised, is fitted by a line in the practices of i so far: its level is what the answers on j
    say of the student, its slope is what they say of growth. Where the row's concept needs the column's, the
    slope is high; the other way round the model sees the level at once, and less growth. A network sees this
    through what it has learned, so it is a weaker witness than the gates of the data, and another one.

    :param tracer: a fitted model of knowledge; only its ``predict`` is used.
    :param log: sequences to ask it about.
    :param students: that are drawn, at most.
    :param seed: of the students.
    :returns: [C, C], of the column's concept on the row's: probability per practice; NaN on the diagonal and
        where i is nowhere practised twice after j.
    :raises ConfigError: ``students`` is below 1.
    :raises DataError: no student has two answers.
    """
    whole("clamped_growth", "students", students, least=1)
    own = some_students(log, students, numpy_generator(seed, "clamped"))
    seen = Practice(own)
    step, concept = seen.lines
    done = seen.done(step)
    practised = done[np.arange(len(step)), concept].astype(np.float64)
    growth = np.full((seen.count, seen.count), np.nan)
    for j in np.flatnonzero(seen.tried):
        on = np.zeros(own.steps, dtype=bool)
        on[step[concept == j]] = True
        high = tracer.predict(own.answered(np.where(on, 1.0, own.correct)))
        low = tracer.predict(own.answered(np.where(on, 0.0, own.correct)))
        after = (done[:, j] > 0) & (concept != j)
        gap, x, i = (high - low)[step[after]], practised[after], concept[after]
        number = np.maximum(np.bincount(i, minlength=seen.count), 1)
        x = x - (np.bincount(i, x, minlength=seen.count) / number)[i]
        power = np.bincount(i, x**2, minlength=seen.count)
        told = power > 0
        growth[told, j] = np.bincount(i, x * gap, minlength=seen.count)[told] / power[told]
    return growth
