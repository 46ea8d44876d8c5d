"""How often training students answered a question right: what a step's outcome may be compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.families.tracing.source.codes import Coded
from umbel.families.tracing.source.log import AnswerLog
from umbel.seeding import numpy_generator

__all__ = ["Expected"]

Floats = NDArray[np.float64]

FOLDS = 5
"""Parts of the training students: each is told of the others' answers alone."""
HEARD = (FOLDS - 1) / FOLDS
"""Share of a question's answers that a forecast is told it stands on: training steps were told of no more.
Told of all of them, a network would meet larger numbers than it ever saw."""
OF_QUESTION, OF_CONCEPT = 5.0, 20.0
"""Answers that the smoothed rate of a question, and of a concept, counts in before the first."""


@dataclass(frozen=True)
class Expected:
    """Smoothed rates of right answers by question, held near the rates of its concepts.

    While a network is trained, a student's steps are told the rates of students in other folds: a rate that
    held the step's own answer would give it away.

    :param question: answers and right ones by fold and question, [2, FOLDS, Q + 1].
    :param concept: the same by concept, [2, FOLDS, C + 1].
    """

    question: Floats
    concept: Floats

    @staticmethod
    def of(log: AnswerLog, coded: Coded, questions: int, concepts: int, seed: int) -> Expected:
        """From training students.

        :param questions, concepts: Q and C, how many are known.
        """
        fold = Expected.folds(len(log), seed)[log.student]
        step, concept = coded.concept_sets.spread(coded.sets)
        by_question = np.zeros((2, FOLDS, questions + 1))
        by_concept = np.zeros((2, FOLDS, concepts + 1))
        for i, value in enumerate((np.ones(log.steps), log.correct)):
            np.add.at(by_question[i], (fold, coded.question), value)
            np.add.at(by_concept[i], (fold[step], concept), value[step])
        by_question[:, :, 0] = 0.0
        return Expected(by_question, by_concept)

    @staticmethod
    def folds(students: int, seed: int) -> NDArray[np.int64]:
        """The fold of each training student."""
        return numpy_generator(seed, "expected").permutation(students) % FOLDS

    @property
    def rate(self) -> float:
        """The share of right answers in training."""
        return float(self.concept[1].sum() / max(self.concept[0].sum(), 1.0)) if self._told else 0.5

    @property
    def _told(self) -> bool:
        return bool(self.concept[0].sum() > 0)

    def tables(self, fold: int | None = None) -> tuple[Floats, Floats, Floats]:
        """Rates of concepts [C + 1], and answers and right ones of questions, [Q + 1] each.

        :param fold: leave this one out.
        """
        left_q = 0.0 if fold is None else self.question[:, fold]
        left_c = 0.0 if fold is None else self.concept[:, fold]
        seen, won = self.question.sum(axis=1) - left_q
        answers, right = self.concept.sum(axis=1) - left_c
        return (right + OF_CONCEPT * self.rate) / (answers + OF_CONCEPT), seen, won

    def __call__(self, log: AnswerLog, coded: Coded, folds: NDArray[np.int64] | None = None) -> Floats:
        """Expected share right, and how many answers to the question it stands on, [2, N].

        :param folds: of each student, where these are the training students themselves.
        """
        found = np.empty((2, log.steps))
        sides = [None] if folds is None else list(range(FOLDS))
        for side in sides:
            here = slice(None) if folds is None or side is None else (folds == side)[log.student]
            rates, seen, won = self.tables(side)
            sets = coded.concept_sets
            row = np.repeat(np.arange(len(sets)), sets.sizes)
            total = np.bincount(row, weights=rates[sets.values], minlength=len(sets))
            base = np.where(sets.sizes > 0, total / np.maximum(sets.sizes, 1), self.rate)[coded.sets[here]]
            question = coded.question[here]
            found[0, here] = (won[question] + OF_QUESTION * base) / (seen[question] + OF_QUESTION)
            found[1, here] = seen[question] * (HEARD if side is None else 1.0)
        return found

    @property
    def state(self) -> dict[str, Any]:
        """All of it."""
        return {"question": self.question, "concept": self.concept}

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Expected:
        """What :attr:`state` tells of."""
        return Expected(np.asarray(state["question"]), np.asarray(state["concept"]))
