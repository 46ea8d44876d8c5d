"""Counts of what a student did before each step: never the step itself, never another student."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError, ShapeError
from umbel.families.tracing.source.codes import Coded
from umbel.families.tracing.source.log import AnswerLog

__all__ = ["Lines", "clock"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

UNIT = 2.0**40
"""Sums are kept in whole numbers of 1 / UNIT: those of one key owe not even their rounding to other keys."""


@dataclass(frozen=True)
class Lines:
    """L lines, each a step and one thing that its student did at it, in order of the steps.

    Sums over earlier lines of the same key leave out all lines of the step itself, so that they may stand
    beside the step's forecast. No loop over steps, students or keys.

    >>> lines = Lines(np.array([0, 1, 1, 2, 4]), np.array([7, 7, 8, 8, 7]), np.array([1, 1, 2, 2, 1]))
    >>> right = np.array([1.0, 0.0, 0.0, 1.0, 1.0])
    >>> lines.earlier(right).tolist()
    [0.0, 1.0, 0.0, 0.0, 1.0]
    >>> lines.earlier(np.ones(5), at=lines.step, width=3).tolist()
    [0.0, 1.0, 0.0, 1.0, 1.0]

    :param step: number of each line's step in its log, [L], ascending.
    :param key: what is summed by, [L]; it contains the student.
    :param name: concept or question of each line in the model's numbers, [L].
    :raises ShapeError: the arrays differ in length, or the steps do not ascend.
    """

    step: Ints
    key: Ints
    name: Ints

    def __post_init__(self) -> None:
        if not self.step.shape == self.key.shape == self.name.shape or np.any(np.diff(self.step) < 0):
            raise ShapeError(
                "lines are in order of their steps, each with a key and a name",
                found=f"steps {self.step.shape}, keys {self.key.shape}, names {self.name.shape}",
                remedy="three arrays of the same length, sorted by step",
            )

    @staticmethod
    def of_concepts(log: AnswerLog, coded: Coded) -> Lines:
        """A line per known concept of each step; a step without one has no line.

        The key of student s of S and concept c is c S + s: ``divmod(key, len(log))`` gives them back.
        """
        step, concept = coded.concept_sets.spread(coded.sets)
        return Lines(step, concept * len(log) + log.student[step], concept)

    @staticmethod
    def of_questions(log: AnswerLog, coded: Coded) -> Lines:
        """A line per step with a known question q; the key is q S + s."""
        step = np.flatnonzero(coded.question > 0)
        question = coded.question[step]
        return Lines(step, question * len(log) + log.student[step], question)

    @staticmethod
    def of_students(log: AnswerLog) -> Lines:
        """A line per step; the key, and the name, is the student."""
        return Lines(np.arange(log.steps, dtype=np.int64), log.student, log.student)

    def __len__(self) -> int:
        return len(self.step)

    def earlier(
        self,
        values: NDArray[np.generic],
        *,
        at: NDArray[np.generic] | None = None,
        width: float | None = None,
    ) -> Floats:
        """Sum of the values of all lines with the same key at earlier steps, [L].

        :param values: one finite number a line, [L]: 1 to count, the answer to count right ones. They are
            rounded to 2^-40; a sum must stay below 2^22.
        :param at: a clock, [L], that never falls within a key (see :func:`clock`, or ``log.place``).
        :param width: with a clock, only lines at most so far back are summed.
        :raises DataError: the clock falls within a key.
        :raises ShapeError: a width without a clock or a clock without a width.
        """
        if (at is None) != (width is None):
            raise ShapeError(
                "a window has a clock and a width", found="one of them", remedy="give at and width"
            )
        total = np.concatenate([[0], np.cumsum(_whole(values[self._order]))])
        start = self._start if at is None or width is None else self._since(at, width)
        found = np.empty(len(self))
        found[self._order] = (total[self._step_start] - total[start]) / UNIT
        return found

    def totals(self, values: NDArray[np.generic]) -> tuple[Ints, Floats]:
        """Sum of the values of all lines by key.

        :param values: as in :meth:`earlier`, [L].
        :returns: the distinct keys, ascending, and their sums.
        """
        keys, group = np.unique(self.key, return_inverse=True)
        sums = np.zeros(len(keys), dtype=np.int64)
        np.add.at(sums, group, _whole(values))
        return keys, sums / UNIT

    # The rest is in order of key, then of step.

    @cached_property
    def _order(self) -> Ints:
        return np.argsort(self.key, kind="stable")

    @cached_property
    def _start(self) -> Ints:
        """First line of each line's key."""
        return _first(_changes(self.key[self._order]))

    @cached_property
    def _step_start(self) -> Ints:
        """First line of each line's key and step: where what is earlier ends."""
        return _first(_changes(self.key[self._order]) | _changes(self.step[self._order]))

    def _since(self, at: NDArray[np.generic], width: float) -> Ints:
        """First line of each line's key that its window reaches: a binary search in all keys at once."""
        clock = at[self._order].astype(np.float64)
        falls = (clock[1:] < clock[:-1]) & ~_changes(self.key[self._order])[1:]
        if falls.any():
            raise DataError(
                "a clock never falls within a student's lines",
                found=f"it falls at step {int(self.step[self._order][1:][falls][0])}",
                remedy="sort the answers by time, or make the clock with clock(log)",
            )
        wanted = clock - width
        low, high = self._start.copy(), self._step_start.copy()
        while np.any(low < high):
            middle = (low + high) // 2
            later = clock[middle] >= wanted
            high = np.where(later, np.minimum(middle, high), high)
            low = np.where(later, low, np.minimum(middle + 1, high))
        return low


def clock(log: AnswerLog) -> Floats:
    """Times that never run backwards: of each step the latest time so far of its student, [N] seconds.

    A step whose time is unknown stands at the time before; a student's first ones without a time stand at
    minus infinity: no window of a later step reaches them.

    :raises DataError: the log has no times.
    """
    if log.time is None:
        raise DataError(
            "a clock is made of the times of a log",
            found="a log without times",
            remedy="read the log with its time column, or count windows in steps",
        )
    unknown = np.isnan(log.time)
    known = np.concatenate([[-np.inf], np.unique(log.time[~unknown])])
    place = np.where(unknown, 0, np.searchsorted(known, log.time))
    shift = log.student * len(known)  # places of a later student are all higher: one running maximum serves
    return np.asarray(known[np.maximum.accumulate(place + shift) - shift], dtype=np.float64)


def _whole(values: NDArray[np.generic]) -> Ints:
    """Values in units; a running sum of them may wrap around, its differences stay exact."""
    return np.rint(values.astype(np.float64) * UNIT).astype(np.int64)


def _changes(values: Ints) -> NDArray[np.bool_]:
    """Whether each value differs from the one before it."""
    return np.concatenate([np.ones(min(1, len(values)), dtype=bool), values[1:] != values[:-1]])


def _first(starts: NDArray[np.bool_]) -> Ints:
    """Place of the last start at or before each place."""
    return np.maximum.accumulate(np.where(starts, np.arange(len(starts)), 0)).astype(np.int64)
