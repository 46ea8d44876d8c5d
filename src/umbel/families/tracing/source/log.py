"""Answers of students in the order they were given: one step a question, its concepts a set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.errors import ShapeError

__all__ = ["AnswerLog", "Concepts"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Concepts:
    """Distinct sets of concepts, as ragged rows.

    :param values: concepts of all sets in a line, ascending and distinct within a set.
    :param offsets: [M + 1], where each set starts; a set may be empty.

    >>> Concepts.of([(2, 0), (), (1,)]).values.tolist()
    [0, 2, 1]
    """

    values: Ints
    offsets: Ints

    @staticmethod
    def of(sets: Iterable[Iterable[int]]) -> Concepts:
        """From sets of numbers."""
        rows = [sorted(set(one)) for one in sets]
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        return Concepts(np.array([c for row in rows for c in row], dtype=np.int64), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, place: int) -> Ints:
        return self.values[self.offsets[place] : self.offsets[place + 1]]

    @property
    def sizes(self) -> Ints:
        """How many concepts each set has, [M]."""
        return np.diff(self.offsets)

    def spread(self, places: Ints) -> tuple[Ints, Ints]:
        """One line per concept of each step.

        :param places: set of each of N steps, [N].
        :returns: step and concept of each line, [L] and [L], by step.
        """
        sizes = self.sizes[places]
        step = np.repeat(np.arange(len(places), dtype=np.int64), sizes)
        first = np.repeat(self.offsets[places] - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
        return step, self.values[first + np.arange(len(step))]

    def table(self, *, fill: int) -> Ints:
        """All sets as a matrix [M, K], filled up to the largest set.

        :param fill: what stands behind a set's concepts.
        """
        wide = max(1, int(self.sizes.max(initial=0)))
        found = np.full((len(self), wide), fill, dtype=np.int64)
        row = np.repeat(np.arange(len(self)), self.sizes)
        found[row, np.arange(len(self.values)) - self.offsets[row]] = self.values
        return found


@dataclass(frozen=True)
class AnswerLog:
    """The answers of S students in N steps: students one after another, each in order of time.

    A question with several concepts is one step with a set of them, never several steps: its own answer
    would else stand before it.

    :param students: names, [S].
    :param questions: names of all questions a step may refer to, [Q].
    :param concepts: names of all concepts, [C].
    :param offsets: where each student's steps start, [S + 1], from 0 to N.
    :param question: number of each step's question, [N] in [0, Q); -1 where the log names none.
    :param sets: number of each step's concept set, [N].
    :param concept_sets: the sets that ``sets`` refers to.
    :param correct: [N] in [0, 1]; partial credit lies between.
    :param time: [N] seconds since any fixed moment, NaN unknown; None where the log has no times.
    :param labels: what else was recorded of each step and may be a task (seconds it took, hints used), by
        name, [N], NaN unknown.
    :param about: attributes of questions (text, type, numbers, sets), a row a question; the index has their
        names as text, each once. Questions may be without a row, and rows may be of others.
    :raises ShapeError: the parts do not fit each other.
    """

    students: tuple[str, ...]
    questions: tuple[str, ...]
    concepts: tuple[str, ...]
    offsets: Ints
    question: Ints
    sets: Ints
    concept_sets: Concepts
    correct: Floats
    time: Floats | None = None
    labels: Mapping[str, Floats] = field(default_factory=dict)
    about: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        wanted = {"question": self.question, "sets": self.sets, "correct": self.correct, **self.labels}
        if self.time is not None:
            wanted["time"] = self.time
        for name, values in wanted.items():
            if values.shape != (self.steps,):
                raise ShapeError(
                    "each step of a log has one value of each sort",
                    found=f"{name} has the shape {values.shape}, there are {self.steps} steps",
                    remedy="arrays of as many values as offsets[-1]",
                )
        if len(self.offsets) != len(self.students) + 1:
            raise ShapeError(
                "each student of a log has one place in its offsets",
                found=f"{len(self.offsets)} offsets for {len(self.students)} students",
                remedy="one more offset than students",
            )
        if self.about is not None:
            index = self.about.index
            if not index.is_unique or index.inferred_type not in ("string", "empty"):
                raise ShapeError(
                    "attributes of questions have an index of names, text, each once",
                    found=f"'{index[index.duplicated()][0]}' twice"
                    if not index.is_unique
                    else f"an index of {index.inferred_type}",
                    remedy="about.set_index(about['question'].astype(str))",
                )

    def __len__(self) -> int:
        return len(self.students)

    @property
    def steps(self) -> int:
        """N, the number of answers."""
        return int(self.offsets[-1])

    @cached_property
    def lengths(self) -> Ints:
        """Answers of each student, [S]."""
        return np.diff(self.offsets)

    @cached_property
    def student(self) -> Ints:
        """Number of each step's student, [N]."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.lengths)

    @cached_property
    def place(self) -> Ints:
        """How many answers the student gave before each step, [N]."""
        return np.arange(self.steps, dtype=np.int64) - self.offsets[:-1][self.student]

    def take(self, students: Ints | Sequence[int]) -> AnswerLog:
        """Some of the students, in the order given.

        :param students: their numbers, [S'].
        """
        chosen = np.asarray(students, dtype=np.int64)
        lengths = self.lengths[chosen]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        shift = np.repeat(self.offsets[chosen] - offsets[:-1], lengths)
        return self._at(np.arange(offsets[-1], dtype=np.int64) + shift, offsets, chosen)

    def first(self, counts: Ints | int) -> AnswerLog:
        """The first answers of each student.

        :param counts: how many at most, [S] or one number for all.
        """
        lengths = np.minimum(self.lengths, counts)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return self._at(np.flatnonzero(self.place < np.repeat(lengths, self.lengths)), offsets, None)

    def answered(self, correct: Floats) -> AnswerLog:
        """The same steps with other answers, [N]."""
        return replace(self, correct=np.asarray(correct, dtype=np.float64))

    def _at(self, steps: Ints, offsets: Ints, students: Ints | None) -> AnswerLog:
        names = self.students if students is None else tuple(self.students[i] for i in students)
        return replace(
            self,
            students=names,
            offsets=offsets,
            question=self.question[steps],
            sets=self.sets[steps],
            correct=self.correct[steps],
            time=None if self.time is None else self.time[steps],
            labels={name: values[steps] for name, values in self.labels.items()},
        )
