"""The students of a log, followed together by a model that keeps a pool of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from umbel.families.tracing.model.pool import Pool
from umbel.families.tracing.source.codes import Codes
from umbel.families.tracing.source.log import AnswerLog

__all__ = ["Pooled", "followed", "walk"]

Ints = NDArray[np.int64]


@runtime_checkable
class Pooled(Protocol):
    """A fitted model that follows many students at once."""

    codes: Codes

    def pool(self, students: int) -> Pool:
        """So many new students."""
        ...


def walk(model: Pooled, log: AnswerLog, counts: Sequence[int]) -> Iterator[Pool]:
    """The students of a log after some numbers of answers; who gave fewer stays where they ended.

    :param counts: ascending. The pool that comes is the same one each time, gone further.
    """
    pool = model.pool(len(log))
    coded = model.codes(log)
    table = coded.table[coded.sets]
    order = np.argsort(-log.lengths, kind="stable")  # the students that still go on are the first ones
    starts, lengths = log.offsets[:-1][order], log.lengths[order]
    place = 0
    for count in counts:
        while place < min(count, int(lengths.max(initial=0))):
            active = int(np.searchsorted(-lengths, -place, side="left"))
            at = starts[:active] + place
            pool.update(order[:active], coded.question[at], table[at], log.correct[at])
            place += 1
        yield pool


def followed(model: Pooled, log: AnswerLog) -> Pool:
    """All students of a log, after all of their answers."""
    return next(walk(model, log, [int(log.lengths.max(initial=0))]))
