"""Students followed by a Rasch LSTM: recurrent states in one array, counts in sparse tables."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from umbel.errors import DataError
from umbel.families.tracing.model.calibration import Calibrator
from umbel.families.tracing.model.pool import Pool
from umbel.families.tracing.model.rasch_tables import RaschTables
from umbel.families.tracing.model.sparse_counts import SparseCounts
from umbel.families.tracing.source.expected import OF_QUESTION, Expected
from umbel.families.tracing.source.history import Past, columns, run_on

__all__ = ["RaschPool"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


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
        self.expected_rate = expected.rate
        self.state = np.tile(tables.start(), (students, 1, 1))
        self.run = np.zeros((7, students))
        self.place = np.zeros(students)
        self.by_concept = SparseCounts(5, students)
        self.by_question = SparseCounts(4, students)

    def __len__(self) -> int:
        return len(self.state)

    def _expected(self, question: Ints, concepts: Ints) -> Floats:
        if concepts.shape[1] == 1:
            c = concepts[:, 0]
            base = np.where(c > 0, self.rates[c], self.expected_rate)
            return np.asarray((self.won[question] + OF_QUESTION * base) / (self.seen[question] + OF_QUESTION))
        known = concepts > 0
        size = known.sum(axis=1)
        total = (self.rates[concepts] * known).sum(axis=1)
        base = np.where(size > 0, total / np.maximum(size, 1), self.expected_rate)
        found: Floats = (self.won[question] + OF_QUESTION * base) / (self.seen[question] + OF_QUESTION)
        return found

    def update(self, students: Ints, question: Ints, concepts: Ints, correct: Floats) -> None:
        """One more answer of each of B students; see :class:`Pool`."""
        if len(students) > 1 and bool((np.diff(np.sort(students)) == 0).any()):
            raise DataError(
                "a student gives one answer at a time",
                found=f"{len(students) - len(np.unique(students))} students twice in one update",
                remedy="split the answers into updates in order of time",
            )
        difficulty = self.tables.difficulty[question]
        said = np.asarray(correct, dtype=np.float64)
        expected = self._expected(question, concepts)
        place = self.place[students]
        self.state[students] = self.tables.read(
            self.state[students], concepts, difficulty, said.astype(np.float32)
        )
        if concepts.shape[1] == 1:
            line, concept = np.flatnonzero(concepts), concepts[concepts > 0]
        else:
            line, column = np.nonzero(concepts)
            concept = concepts[line, column]
        slot = self.by_concept.claim(students[line] * len(self.rates) + concept)
        rows = self.by_concept.rows[slot]
        _count(rows, said[line], place[line])
        rows[:, 4] += said[line] - expected[line]
        self.by_concept.rows[slot] = rows
        asked = np.flatnonzero(question)
        slot = self.by_question.claim(students[asked] * len(self.seen) + question[asked])
        rows = self.by_question.rows[slot]
        _count(rows, said[asked], place[asked])
        self.by_question.rows[slot] = rows
        self.run[:, students] = run_on(self.run[:, students], said, expected)
        self.place[students] = place + 1

    def forecast(self, students: Ints, question: Ints, concepts: Ints) -> Floats:
        """Calibrated probabilities, [B]; see :class:`Pool`."""
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
            self._expected(question, concepts),
            self.seen[question],
        )
        told = columns(past, self.rate)
        raw = self.tables.logits(self.state[students, 0], concepts, self.tables.difficulty[question], told)
        return self.calibrator(expit(raw.astype(np.float64)))

    def take(self, students: Ints) -> RaschPool:
        """A pool of copies of some students; see :class:`Pool`."""
        found = RaschPool(self.tables, self.expected, self.rate, self.calibrator, len(students))
        found.state = self.state[students]
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


def _count(rows: Floats, correct: Floats, place: Floats) -> None:
    """One more answer in rows of (answers, right ones, the last, its place, ...)."""
    rows[:, 0] += 1
    rows[:, 1] += correct
    rows[:, 2] = 2 * correct - 1
    rows[:, 3] = place
