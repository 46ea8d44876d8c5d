"""Students followed by a Rasch LSTM: recurrent states in one array, counts in sparse tables."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from umbel.errors import DataError
from umbel.families.tracing.model.calibration import Calibrator
from umbel.families.tracing.model.pool import Pool
from umbel.families.tracing.model.rasch_tables import RaschTables
from umbel.families.tracing.model.set_table import SetTable
from umbel.families.tracing.model.sparse_counts import SparseCounts
from umbel.families.tracing.source.expected import HEARD, OF_QUESTION, Expected
from umbel.families.tracing.source.history import Past, columns, run_on

__all__ = ["RaschPool"]

WAIT = 4096
"""Answers that wait at most before they are counted."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


class RaschPool(Pool):
    """S students of a Rasch LSTM.

    :param tables: the network.
    :param expected: rates of training students.
    :param rate: average share of right answers in training.
    :param calibrator: of the forecasts.
    :param students: S.
    """

    def __init__(
        self, tables: RaschTables, expected: Expected, rate: float, calibrator: Calibrator, students: int
    ) -> None:
        self.tables, self.expected, self.rate, self.calibrator = tables, expected, rate, calibrator
        self.rates, self.seen, self.won = expected.tables()
        self.total = self.seen + OF_QUESTION
        self.sets = SetTable(len(self.rates) - 1, self._sets)
        self.memory = np.tile(tables.start().reshape(-1), (students, 1))  # output and cell, [S, 2W]
        self.run = np.zeros((7, students))
        self.place = np.zeros(students)
        self.by_concept = SparseCounts(5, students)
        self.by_question = SparseCounts(4, students)
        self._pending: list[tuple[Ints, Ints, Ints, Floats, Floats, Floats]] = []
        self._waiting = 0
        self._last = np.zeros(students, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.memory)

    def _sets(self, sets: Ints) -> tuple[Floats32, Floats32, Floats]:
        """Of concept sets: what answers add to the gates, and how often training students are right."""
        known = sets > 0
        size = known.sum(axis=1)
        total = (self.rates[sets] * known).sum(axis=1)
        base = np.where(size > 0, total / np.maximum(size, 1), self.expected.rate)
        return (*self.tables.gates(sets), base)

    def _expected(self, question: Ints, at: Ints) -> Floats:
        found: Floats = (self.won[question] + OF_QUESTION * self.sets.rows[2][at]) / self.total[question]
        return found

    def update(
        self,
        students: Ints,
        question: Ints,
        concepts: Ints,
        correct: Floats,
        about: Floats32 | None = None,
    ) -> None:
        """One more answer of each of B students; see :class:`Pool`.

        Counts by concept and question wait until they are asked for, or are many: together they cost less.

        :param about: attributes of questions that are not known, [B, A]; without them such a question is a
            mean one in all that attributes tell.
        """
        order = np.arange(len(students))
        self._last[students] = order
        if bool((self._last[students] != order).any()):
            raise DataError(
                "a student gives one answer at a time",
                found=f"{len(students) - len(np.unique(students))} students twice in one update",
                remedy="split the answers into updates in order of time",
            )
        said = np.asarray(correct, dtype=np.float64)
        at = self.sets.find(concepts)
        expected = self._expected(question, at)
        item, vary, _ = self.sets.rows
        difficulty, own = self.tables.asked(question, about)
        self.memory[students] = self.tables.read(
            self.memory.take(students, axis=0), item, vary, at, difficulty, said, own
        )
        self._pending.append((students, question, concepts, said, said - expected, self.place[students]))
        self._waiting += len(students)
        if self._waiting >= WAIT:
            self._count()
        self.run[:, students] = run_on(self.run[:, students], said, expected)
        self.place[students] += 1

    def _count(self) -> None:
        """Bring the counts up to date."""
        if not self._waiting:
            return
        wide = max(part[2].shape[1] for part in self._pending)
        students, question, said, more, place = (
            np.concatenate([part[i] for part in self._pending]) for i in (0, 1, 3, 4, 5)
        )
        asked = np.flatnonzero(question)
        keys = students[asked] * len(self.seen) + question[asked]
        _add(self.by_question, keys, [said[asked]], said[asked], place[asked])
        concepts = np.zeros((len(students), wide), dtype=np.int64)
        begin = 0
        for part in self._pending:
            concepts[begin : begin + len(part[0]), : part[2].shape[1]] = part[2]
            begin += len(part[0])
        line, column = np.nonzero(concepts)
        keys = students[line] * len(self.rates) + concepts[line, column]
        _add(self.by_concept, keys, [said[line], more[line]], said[line], place[line])
        self._pending.clear()
        self._waiting = 0

    def forecast(
        self, students: Ints, question: Ints, concepts: Ints, about: Floats32 | None = None
    ) -> Floats:
        """Calibrated probabilities, [B]; see :class:`Pool`, and :meth:`update` for attributes."""
        self._count()
        line, column = np.nonzero(concepts)
        met = self.by_concept.read(students[line] * len(self.rates) + concepts[line, column])
        own = self.by_question.read(students * len(self.seen) + question)
        own[question == 0] = 0.0
        past = Past(
            self.run[:, students],
            self.place[students],
            met.T,
            line,
            own.T,
            self._expected(question, self.sets.find(concepts)),
            HEARD * self.seen[question],
        )
        told = columns(past, self.rate)
        difficulty, part = self.tables.asked(question, about)
        raw = self.tables.logits(self.memory[students, : self.tables.width], concepts, difficulty, told, part)
        return self.calibrator(expit(raw.astype(np.float64)))

    def take(self, students: Ints) -> RaschPool:
        """A pool of copies of some students; see :class:`Pool`."""
        found = RaschPool(self.tables, self.expected, self.rate, self.calibrator, len(students))
        self._count()
        found.memory = self.memory[students]
        found.run, found.place = self.run[:, students], self.place[students]
        for mine, theirs, span in (
            (self.by_concept, found.by_concept, len(self.rates)),
            (self.by_question, found.by_question, len(self.seen)),
        ):
            keys, rows = mine.items()
            student, what = np.divmod(keys, span)
            order = np.argsort(student, kind="stable")
            student, what, rows = student[order], what[order], rows[order]
            start = np.searchsorted(student, students, side="left")
            size = np.searchsorted(student, students, side="right") - start
            copy = np.repeat(np.arange(len(students)), size)
            at = np.repeat(start - np.concatenate([[0], np.cumsum(size)[:-1]]), size) + np.arange(len(copy))
            theirs.write(copy * span + what[at], rows[at])
        return found


def _add(counts: SparseCounts, keys: Ints, sums: list[Floats], correct: Floats, place: Floats) -> None:
    """More answers in rows of (answers, right ones, the last, its place, surplus), in order of time.

    :param keys: [L]; one may be there several times.
    :param sums: what the second number, and where there is one the fifth, grows by.
    """
    slot = counts.claim(keys)
    flat, start = counts.rows.reshape(-1), slot * counts.width
    np.add.at(flat, start, 1.0)
    for column, values in zip((1, 4), sums, strict=False):
        np.add.at(flat, start + column, values)
    flat[start + 2] = 2 * correct - 1  # of several with one key, the last stays
    flat[start + 3] = place
