"""What practice of one concept shows in the answers on another: before and after."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from umbel.families.tracing.source.log import AnswerLog

__all__ = ["BeforeAfter", "Practice", "before_after", "by_student", "earlier", "without"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DEPTH = 20
"""Practices of a concept that are told apart; later ones count as the last."""
EASY = 5.0
"""Answers of the average question that stand beside each question's own."""
USUAL = 3.0
"""Answers of the average student that stand beside each student's own, on each concept."""


@dataclass(frozen=True)
class Practice:
    """A log as lines, one per concept of a step, with what is usual taken off.

    :param log: the answers.
    """

    log: AnswerLog

    @cached_property
    def lines(self) -> tuple[Ints, Ints]:
        """Step and concept of each line, [L] and [L], by step."""
        return self.log.concept_sets.spread(self.log.sets)

    @cached_property
    def surprise(self) -> Floats:
        """Of each line, the answer less the question's share of right answers, [L]."""
        step, concept = self.lines
        y = self.log.correct[step]
        mean = np.bincount(concept, y, minlength=self.count) / np.maximum(self.tried, 1)
        own = concept * (len(self.log.questions) + 1) + self.log.question[step] + 1
        _, group = np.unique(own, return_inverse=True)
        easy = np.bincount(group, y - mean[concept]) / (np.bincount(group) + EASY)
        return np.asarray(y - mean[concept] - easy[group], dtype=np.float64)

    @property
    def count(self) -> int:
        """C."""
        return len(self.log.concepts)

    @cached_property
    def tried(self) -> Ints:
        """Lines of each concept, [C]."""
        return np.bincount(self.lines[1], minlength=self.count).astype(np.int64)

    @cached_property
    def _keys(self) -> Ints:
        """Concept and step of each line as one number, ascending."""
        step, concept = self.lines
        return np.sort(concept * (self.log.steps + 1) + step)

    def done(self, step: Ints) -> Ints:
        """How often the step's student practised each concept before it, [len(step), C]."""
        base = np.arange(self.count, dtype=np.int64) * (self.log.steps + 1)
        start = self.log.offsets[:-1]
        first = np.searchsorted(self._keys, base + start[:, None])  # of each student
        return np.searchsorted(self._keys, base + step[:, None]) - first[self.log.student[step]]

    def of(self, concept: int) -> Ints:
        """Lines of one concept, by step."""
        return np.flatnonzero(self.lines[1] == concept)

    @cached_property
    def curves(self) -> Floats:
        """Mean surprise of each concept by the practices before, [C, DEPTH + 1]: its learning curve."""
        _, concept = self.lines
        cell = concept * (DEPTH + 1) + self._own
        size = self.count * (DEPTH + 1)
        number = np.bincount(cell, minlength=size)
        mean = np.bincount(cell, self.surprise, minlength=size) / np.maximum(number, 1)
        mean, known = mean.reshape(self.count, -1), number.reshape(self.count, -1) > 0
        last = np.maximum.accumulate(np.where(known, np.arange(DEPTH + 1), 0), axis=1)
        return np.asarray(np.take_along_axis(mean, last, axis=1))

    @cached_property
    def talent(self) -> Floats:
        """How much better than the curve each student is on each concept, [S, C]; 0 where never practised."""
        step, concept = self.lines
        cell = self.log.student[step] * self.count + concept
        size = len(self.log) * self.count
        above = np.bincount(cell, self.surprise - self.curves[concept, self._own], minlength=size)
        return (above / (np.bincount(cell, minlength=size) + USUAL)).reshape(len(self.log), self.count)

    @cached_property
    def met(self) -> NDArray[np.bool_]:
        """Whether each student ever practised each concept, [S, C]."""
        step, concept = self.lines
        found = np.zeros((len(self.log), self.count), dtype=bool)
        found[self.log.student[step], concept] = True
        return found

    @cached_property
    def _own(self) -> Ints:
        """Earlier practices of each line's own concept, at most DEPTH, [L]."""
        step, concept = self.lines
        key = self.log.student[step] * self.count + concept
        order = np.argsort(key, kind="stable")
        new = np.ones(len(key), dtype=bool)
        new[1:] = key[order][1:] != key[order][:-1]
        place = np.arange(len(key))
        found = np.empty(len(key), dtype=np.int64)
        found[order] = place - np.maximum.accumulate(np.where(new, place, 0))
        return np.minimum(found, DEPTH)

    def own(self, concept: int) -> Ints:
        """Earlier practices of the concept at each of its lines, at most DEPTH."""
        return self._own[self.of(concept)]


@dataclass(frozen=True)
class BeforeAfter:
    """How answers on one concept change once another was practised.

    :param effect: [C, C], of the column's concept on the row's: answers are right so much more often when
        the other was practised before, as a probability; NaN where it cannot be told.
    :param z: [C, C], the same in its standard errors.
    """

    effect: Floats
    z: Floats


def before_after(log: AnswerLog, *, least: int = 20) -> BeforeAfter:
    """Whether having practised j goes with better answers on i.

    A regression for each pair, of all answers on i, on whether j had been practised before, beside the
    practices of i itself, the place in the sequence and the student's answers on all other concepts: time,
    own practice and ability, a common cause of everything, make no effect. What is found is relative: before
    a given place in the sequence, practice of one concept stands instead of practice of another. Standard
    errors are by student (Liang & Zeger 1986). Where all students have one order, i and j never change places
    and nothing can be told.

    :param log: the answers.
    :param least: answers on i with j before, and without, that are needed.

    >>> from umbel.families.tracing.source.simulate import simulate
    >>> before_after(simulate(students=300, concepts=2, questions=4, steps=8).log).z.shape
    (2, 2)
    """
    seen = Practice(log)
    effect, z = np.full((2, seen.count, seen.count), np.nan)
    everything = seen.talent.sum(axis=1)
    for i in np.flatnonzero(seen.tried >= 2 * least).tolist():
        lines = seen.of(i)
        step = seen.lines[0][lines]
        student = log.student[step]
        time = log.place[step].astype(np.float64)
        own = np.eye(DEPTH + 1)[seen.own(i)]
        ability = everything[student] - seen.talent[student, i]
        base = np.column_stack([own, time, time**2, ability])
        before = (seen.done(step) > 0).astype(np.float64)
        enough = (before.sum(axis=0) >= least) & ((1 - before).sum(axis=0) >= least)
        y, x = without(base, seen.surprise[lines]), without(base, before)
        power = (x**2).sum(axis=0)
        told = enough & (power > 1e-6 * len(lines))
        told[i] = False
        slope = (x * y[:, None]).sum(axis=0) / np.where(told, power, 1.0)
        left = y[:, None] - x * slope
        error = np.sqrt((by_student(x * left, student) ** 2).sum(axis=0)) / np.where(told, power, 1.0)
        effect[i, told] = slope[told]
        z[i, told] = (slope / np.where(error > 0, error, 1.0))[told]
    return BeforeAfter(effect, z)


def without(base: Floats, values: Floats) -> Floats:
    """What is left of the values, [L] or [L, K], after a regression on the base, [L, F]."""
    scaled = base / np.maximum(np.abs(base).max(axis=0), 1e-12)
    u, size, _ = np.linalg.svd(scaled, full_matrices=False)
    u = u[:, size > 1e-8 * size[0]]
    return np.asarray(values - u @ (u.T @ values), dtype=np.float64)


def by_student(values: Floats, student: Ints) -> Floats:
    """Sums of lines by student, [S', K]; lines of a student stand together."""
    starts = np.flatnonzero(np.diff(student, prepend=-1))
    return np.asarray(np.add.reduceat(values, starts, axis=0), dtype=np.float64)


def earlier(values: Floats, student: Ints) -> Floats:
    """Sums of the same student's earlier lines, [L, K]; lines of a student stand together."""
    starts = np.flatnonzero(np.diff(student, prepend=-1))
    sums = np.cumsum(values, axis=0) - values
    size = np.diff(np.append(starts, len(values)))
    return np.asarray(sums - np.repeat(sums[starts], size, axis=0), dtype=np.float64)
