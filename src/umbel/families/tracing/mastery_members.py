"""What one model says of each student and concept: how likely a right answer is, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError
from umbel.families.tracing.model.following import Pooled, walk
from umbel.families.tracing.model.pool import Pool
from umbel.families.tracing.model.tracer import Tracer
from umbel.families.tracing.source.codes import Codes
from umbel.families.tracing.source.log import AnswerLog, Concepts
from umbel.families.tracing.source.probes import Probes, asked
from umbel.seeding import derive, numpy_generator
from umbel.sharing.options import whole

__all__ = ["Stated", "ensemble", "known", "stated"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Stated:
    """What a model says after so many answers.

    :param right: probability of a right answer at average difficulty, [S, C].
    :param gap: the same after one more right answer less that after a wrong one, [S, C].
    """

    right: Floats
    gap: Floats


def known(tracer: object, log: AnswerLog, concepts: Sequence[str] | None) -> Ints:
    """Numbers in the log of the concepts to be asked for.

    :param concepts: their names; None for all of the log.
    :raises DataError: a concept that the log does not name, or that no training answer was about.
    """
    names = list(log.concepts if concepts is None else concepts)
    place = {name: i for i, name in enumerate(log.concepts)}
    absent = [name for name in names if name not in place]
    if absent:
        raise DataError("a concept must be one of the log's", found=f"'{absent[0]}'", remedy=_some(place))
    codes = getattr(tracer, "codes", None)
    if isinstance(codes, Codes):
        met = set(codes.concepts)
        never = [name for name in names if name not in met]
        if never:
            raise DataError(
                "mastery is stated of concepts that training students met",
                found=f"never met: {_some(never)}",
                remedy="name those to be stated with concepts=..., or train on a log that has them",
            )
    return np.array([place[name] for name in names], dtype=np.int64)


def _some(names: Sequence[str] | dict[str, int]) -> str:
    shown = [f"'{name}'" for name in names]
    return ", ".join(shown[:8]) + (f" and {len(shown) - 8} more" if len(shown) > 8 else "")


def stated(tracer: Tracer, log: AnswerLog, counts: Sequence[int], concepts: Ints) -> Iterator[Stated]:
    """What a model says after each of some numbers of answers.

    A model that follows students in a pool reads each answer once; any other is asked anew at each count.

    :param counts: ascending.
    :param concepts: numbers in ``log.concepts``, [C].
    """
    if isinstance(tracer, Pooled):
        number = {name: i + 1 for i, name in enumerate(tracer.codes.concepts)}
        mine = np.array([number[log.concepts[c]] for c in concepts], dtype=np.int64)
        for pool in walk(tracer, log, counts):
            yield _of_pool(pool, mine)
    else:
        for count in counts:
            yield _of_tracer(tracer, log.first(count), concepts)


def _of_pool(pool: Pool, concepts: Ints) -> Stated:
    shape = len(pool), len(concepts)
    who = np.repeat(np.arange(shape[0], dtype=np.int64), shape[1])
    what = np.tile(concepts, shape[0])[:, None]
    none, each = np.zeros(len(who), dtype=np.int64), np.arange(len(who), dtype=np.int64)
    after = []
    for answer in (1.0, 0.0):
        copies = pool.take(who)
        copies.update(each, none, what, np.full(len(who), answer))
        after.append(copies.forecast(each, none, what))
    right = pool.forecast(who, none, what)
    return Stated(right.reshape(shape), (after[0] - after[1]).reshape(shape))


def _of_tracer(tracer: Tracer, log: AnswerLog, concepts: Ints) -> Stated:
    probes = [Probes(np.array([-1], dtype=np.int64), Concepts.of([(int(c),)])) for c in concepts]
    together = Probes(np.full(len(concepts), -1, dtype=np.int64), Concepts.of([(int(c),) for c in concepts]))
    gap = np.empty((len(log), len(concepts)))
    for column, probe in enumerate(probes):
        longer, place = asked(log, probe)
        after = []
        for answer in (1.0, 0.0):
            said = longer.correct.copy()
            said[place[:, 0]] = answer
            after.append(tracer.ask(longer.answered(said), probe)[:, 0])
        gap[:, column] = after[0] - after[1]
    return Stated(tracer.ask(log, together), gap)


def ensemble(
    make: Callable[[int], Tracer], train: AnswerLog, valid: AnswerLog, *, members: int = 5, seed: int = 0
) -> list[Tracer]:
    """The same model fitted on several bootstrap samples of the training students.

    Students are drawn, not seeds alone: how far a fit depends on who happened to be in the class is what its
    spread should tell, and a network's start is drawn anew as well.

    :param make: a seed to a model that is not yet fitted.
    :param members: how many, 2 or more.

    Source: Efron & Tibshirani 1993, chapter 8; Breiman 1996.
    """
    whole("ensemble", "members", members, least=2)
    found = []
    for member in range(members):
        drawn = numpy_generator(seed, "ensemble", member).integers(len(train), size=len(train))
        found.append(make(derive(seed, "ensemble", member) % 2**31).fit(train.take(drawn), valid))
    return found
