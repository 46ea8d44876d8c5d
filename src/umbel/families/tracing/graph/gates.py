"""Gates in the data: does practice of a concept bear more fruit where another one is mastered?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.families.tracing.graph.practice import DEPTH, Practice, by_student, earlier, without
from umbel.families.tracing.source.log import AnswerLog

__all__ = ["Gate", "gates"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Gate:
    """Evidence, student by student, of what the gain of one concept hangs on.

    :param concept: the number i of the concept that is practised.
    :param scores: [S', C], of each student and each concept j: how far the student's later answers on i are
        better after practices at which the mastery of j was high; 0 in the column i.
    :param met: [S', C], whether the student practised j at all; false in the column i.
    :param answers: answers on i behind it.
    """

    concept: int
    scores: Floats
    met: NDArray[np.bool_]
    answers: int


def gates(log: AnswerLog, *, least: int = 100) -> Iterator[Gate]:
    """Practice of i by the mastery of j, for each concept i.

    The mastery of j at a moment is the class's learning curve of j at the student's practices so far, plus
    how far the student stands above it in all answers on j. Practice of i before an answer is worth
    ``ln(1 + n_i) * mean over these practices of the mastery of j``. What this adds to the answers on i is
    looked for beside the practices of i (each number of them a level of its own), when they took place and
    when the answer did, the mastery of j itself, and the student's mastery of all other concepts, alone and
    times ``ln(1 + n_i)``: who is able, or learns everything fast, makes no gate. The scores of a student are
    the products of what is left of both, in units of the spread of the gated practice.

    :param log: the answers.
    :param least: answers on i that are needed; a concept with fewer is passed over.
    """
    seen = Practice(log)
    everything = seen.talent.sum(axis=1)
    for i in np.flatnonzero(seen.tried >= least).tolist():
        lines = seen.of(i)
        step = seen.lines[0][lines]
        student = log.student[step]
        done = np.minimum(seen.done(step), DEPTH)
        mastery = seen.curves[np.arange(seen.count), done] + seen.talent[student]
        n = earlier(np.ones((len(lines), 1)), student)
        worth = np.log1p(n) / np.maximum(n, 1)
        gated = earlier(mastery, student) * worth
        time = log.place[step].astype(np.float64)[:, None]
        ability = everything[student, None] - seen.talent[student, i, None]
        base = np.concatenate(
            [
                np.eye(DEPTH + 1)[seen.own(i)],
                np.log1p(n),
                time,
                time**2,
                earlier(time, student) * worth,
                time * np.log1p(n),
                ability,
                ability * np.log1p(n),
            ],
            axis=1,
        )
        level = without(base, seen.talent[student])
        power = np.maximum((level**2).sum(axis=0), 1e-9)
        y, x = without(base, seen.surprise[lines])[:, None], without(base, gated)
        y = y - level * ((level * y).sum(axis=0) / power)
        x = x - level * ((level * x).sum(axis=0) / power)
        spread = x.std(axis=0)
        told = spread > 1e-6
        told[i] = False
        scores = by_student(y * x / np.where(told, spread, 1.0), student) * told
        met = seen.met[np.unique(student)] & told
        yield Gate(i, scores, met, len(lines))
