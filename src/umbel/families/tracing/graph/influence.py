"""How much one answer on a concept moves a model's later forecasts on another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError
from umbel.families.tracing.model.tracer import Tracer
from umbel.families.tracing.source.log import AnswerLog
from umbel.seeding import numpy_generator
from umbel.sharing.options import whole

__all__ = ["Influence", "influence", "some_students"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST_STEPS = 200_000
"""Steps of changed logs that are forecast at a time."""


@dataclass(frozen=True)
class Influence:
    """What right answers on one concept do to the forecasts of another.

    :param effect: [C, C], of the column's concept on the row's: mean change of later forecasts, as
        probabilities, when one answer becomes right instead of wrong; NaN where none was seen.
    :param count: [C, C], forecasts that the mean is of.
    """

    effect: Floats
    count: Ints


def influence(
    tracer: Tracer, log: AnswerLog, *, students: int = 1000, horizon: int | None = None, seed: int = 0
) -> Influence:
    """Flip one answer inside real sequences, and average the change of the later forecasts.

    Of each student and each concept j that the student has met, one answer on j is drawn and turned over: a
    right one becomes wrong, a wrong one right (of a partial one the nearer end becomes the other). The model
    forecasts the changed sequence, and the change of each later step, per unit of change of the answer, is
    counted for the concepts i of that step. The sequences stay real: nothing else is changed, so the model is
    asked what it was trained for.

    :param tracer: a fitted model of knowledge; only its ``predict`` is used.
    :param log: sequences to ask it about, S students of N steps.
    :param students: that are drawn, at most; all of them where there are fewer.
    :param horizon: steps after the flipped one that count; None for all that follow.
    :param seed: of the students and of the answers that are flipped.
    :raises ConfigError: ``students`` or ``horizon`` is below 1.
    :raises DataError: no student has two answers.

    Source: after Piech et al. 2015, section 3.3 (influence of one exercise on another), who compare forecasts
    after single answers instead of real sequences.
    """
    whole("influence", "students", students, least=1)
    if horizon is not None:
        whole("influence", "horizon", horizon, least=1)
    chance = numpy_generator(seed, "influence")
    own = some_students(log, students, chance)
    concepts = len(log.concepts)
    base = tracer.predict(own)
    total, count = np.zeros((2, concepts * concepts))
    for student, place, concept in _flips(own, chance, horizon):
        lengths = own.lengths[student] if horizon is None else place + 1 + horizon
        changed = own.take(student).first(lengths)
        at = changed.offsets[:-1] + place
        said = changed.correct.copy()
        turned = np.where(said[at] < 0.5, 1.0, 0.0)
        unit = turned - said[at]
        said[at] = turned
        moved = tracer.predict(changed.answered(said))
        moved -= base[(own.offsets[student])[changed.student] + changed.place]
        later = np.flatnonzero(changed.place > place[changed.student])
        step, on = own.concept_sets.spread(changed.sets[later])
        copy = changed.student[later][step]
        cell = on * concepts + concept[copy]
        total += np.bincount(cell, moved[later][step] / unit[copy], minlength=len(total))
        count += np.bincount(cell, minlength=len(count))
    effect = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return Influence(effect.reshape(concepts, concepts), count.astype(np.int64).reshape(concepts, concepts))


def some_students(log: AnswerLog, most: int, chance: np.random.Generator) -> AnswerLog:
    """Students with at least two answers, at most so many, drawn without preference.

    :raises DataError: there is none.
    """
    able = np.flatnonzero(log.lengths > 1)
    if not len(able):
        raise DataError(
            "what one answer does to the next is seen in students with two answers or more",
            found=f"{len(log)} students of at most one answer",
            remedy="give a log of longer sequences",
        )
    return log.take(np.sort(chance.permutation(able)[:most]))


def _flips(
    log: AnswerLog, chance: np.random.Generator, horizon: int | None
) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Student, place of the step and concept of each answer to flip, in parts; one a student and concept."""
    step, concept = log.concept_sets.spread(log.sets)
    seen = log.place[step] + 1 < log.lengths[log.student[step]]  # behind the last answer nothing follows
    step, concept = step[seen], concept[seen]
    order = np.lexsort((chance.random(len(step)), concept, log.student[step]))
    student, concept, place = log.student[step][order], concept[order], log.place[step][order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (student[1:] != student[:-1]) | (concept[1:] != concept[:-1])
    student, concept, place = student[first], concept[first], place[first]
    long = log.lengths[student]
    if horizon is not None:
        long = np.minimum(long, place + 1 + horizon)
    part = np.cumsum(long) // MOST_STEPS
    for one in np.unique(part):
        mine = part == one
        yield student[mine], place[mine], concept[mine]
