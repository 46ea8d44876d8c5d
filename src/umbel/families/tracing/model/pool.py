"""Many students followed at once: their states as arrays, updated by batches of answers."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pool"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Pool(ABC):
    """S students of whom a model keeps track.

    Questions and concepts are numbers of the model's codes (``tracer.codes``): from 1, 0 for none or one that
    is not known. Forecasts equal those of ``Tracer.predict`` on the same answers.
    """

    @abstractmethod
    def __len__(self) -> int:
        """S."""

    @abstractmethod
    def update(self, students: Ints, question: Ints, concepts: Ints, correct: Floats) -> None:
        """One more answer of each of B students.

        :param students: [B] in [0, S), each at most once.
        :param question: [B].
        :param concepts: [B, K], filled with 0.
        :param correct: [B] in [0, 1].
        :raises DataError: a student is there twice.
        """

    @abstractmethod
    def forecast(self, students: Ints, question: Ints, concepts: Ints) -> Floats:
        """Calibrated probability that each student would answer right now, [B].

        :param students: [B]; one may stand there several times.
        """

    @abstractmethod
    def take(self, students: Ints) -> Pool:
        """A pool of copies of some students, in the order given; one may be there several times."""

    def mastery(self, concepts: int) -> Floats:
        """Probability of a right answer on each of C concepts at a question of average difficulty, [S, C].

        :param concepts: C, how many the codes know.
        """
        count = len(self)
        students = np.repeat(np.arange(count, dtype=np.int64), concepts)
        each = np.tile(np.arange(1, concepts + 1, dtype=np.int64), count)[:, None]
        return self.forecast(students, np.zeros(len(students), dtype=np.int64), each).reshape(count, concepts)
