"""Questions put to students who did not answer them: what would they say now?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from umbel.families.tracing.source.log import AnswerLog, Concepts

__all__ = ["Probes", "asked"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Probes:
    """K questions to ask, in a log's own numbers.

    :param question: [K] number of the question in ``log.questions``; -1 for one of average difficulty that
        no student has met.
    :param concepts: K sets of numbers in ``log.concepts``.
    """

    question: Ints
    concepts: Concepts

    def __len__(self) -> int:
        return len(self.question)

    @staticmethod
    def each_concept(count: int) -> Probes:
        """One question of average difficulty for each of C concepts."""
        return Probes(np.full(count, -1, dtype=np.int64), Concepts.of([(c,) for c in range(count)]))


def asked(log: AnswerLog, probes: Probes) -> tuple[AnswerLog, Ints]:
    """A log in which every student is there K times, each time with one probe behind all answers.

    The probes' answers are 0 and stand last, so no forecast in the log depends on them.

    :returns: the log of S x K students, and the number of each probe's step, [S, K].
    """
    count, own = len(probes), len(log.concept_sets)
    sets = Concepts(
        np.concatenate([log.concept_sets.values, probes.concepts.values]),
        np.concatenate(
            [log.concept_sets.offsets, log.concept_sets.offsets[-1] + probes.concepts.offsets[1:]]
        ),
    )
    copies = log.take(np.repeat(np.arange(len(log), dtype=np.int64), count))
    ends = copies.offsets[1:]
    lengths = copies.lengths + 1
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    extended = replace(
        copies,
        concept_sets=sets,
        offsets=offsets,
        question=np.insert(copies.question, ends, np.tile(probes.question, len(log))),
        sets=np.insert(copies.sets, ends, np.tile(own + np.arange(count), len(log))),
        correct=np.insert(copies.correct, ends, 0.0),
        time=None if copies.time is None else np.insert(copies.time, ends, _last(copies)),
        labels={name: np.insert(values, ends, np.nan) for name, values in copies.labels.items()},
    )
    return extended, (offsets[1:] - 1).reshape(len(log), count)


def _last(log: AnswerLog) -> NDArray[np.float64]:
    """Time of each student's last answer, [S], NaN for a student without one."""
    assert log.time is not None
    found = np.full(len(log), np.nan)
    some = log.lengths > 0
    found[some] = log.time[log.offsets[1:][some] - 1]
    return found
