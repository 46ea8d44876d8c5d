"""A simulated class with known truth, answer by answer: skills that grow by practice, held back where a
prerequisite is missing."""

from __future__ import annotations

import copy
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from umbel.errors import ConfigError, DataError, near
from umbel.families.tracing.source.log import AnswerLog, Concepts
from umbel.families.tracing.source.rules import RULES, right
from umbel.seeding import numpy_generator
from umbel.sharing.options import whole

__all__ = ["Classroom", "World", "drawn_order"]

World = Literal["none", "chain", "hidden"]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

PILOT = 1000
"""Students by whom the base rates of a ``hidden`` world are made alike."""


class Classroom:
    """A class that answers questions, one at a time, and learns by it.

    Ability is N(0, 1) by student, difficulty N(0, 1) by question, a concept's skill starts at
    N(-1, .5) + ability / 2. A question is answered right with probability

        guess + (1 - guess - slip) * logistic(skill of its concept - its difficulty).

    Each answer is a step of its student, right or wrong: every concept loses 1 % of what it has gained since
    the start, then the practised one goes .15 of the way from where it is to 3 (ten practices alone lift an
    average start of -1 to 2.2, by ever smaller rises). With prerequisites the rise is multiplied by the
    logistic of twice the skill that each prerequisite had when the question was put.

    Worlds: ``none`` has no prerequisites. In ``chain`` concept i requires concept i - 1, and its questions
    are harder by .3 a place. In ``hidden`` the concepts form a chain in a drawn order, and the difficulties
    of each concept are shifted so far that all concepts are answered right equally often by a class that
    practises all questions in random order: base rates say nothing of what requires what.

    :param world: ``none``, ``chain`` or ``hidden``.
    :param students: S, from 1.
    :param concepts: C, from 1.
    :param questions: of each concept, from 1; Q = concepts * questions.
    :param seed: of all that is drawn.
    :param cohort: another class before the same questions for another number, from 0.
    :raises ConfigError: an option has a value it cannot have.

    >>> room = Classroom("chain", students=3, concepts=2, questions=5)
    >>> room.answer([0, 1, 2], [0, 0, 5]).shape, room.mastery().shape, room.log().steps
    ((3,), (3, 2), 3)
    """

    def __init__(
        self,
        world: World = "none",
        *,
        students: int = 200,
        concepts: int = 6,
        questions: int = 10,
        seed: int = 0,
        cohort: int = 0,
    ) -> None:
        if world not in get_args(World):
            raise ConfigError(
                "a simulated world must be one there is",
                found=f"'{world}'",
                remedy=near(world, get_args(World)),
            )
        for name, value in (("students", students), ("concepts", concepts), ("questions", questions)):
            whole("simulate", name, value, least=1)
        whole("simulate", "cohort", cohort, least=0)
        self.world, self.seed, self.cohort = world, seed, cohort
        self.concept_of_question: Ints = np.repeat(np.arange(concepts, dtype=np.int64), questions)
        rank = np.arange(concepts)
        if world == "hidden":
            rank = numpy_generator(seed, "simulated chain").permutation(concepts)
        self.prerequisites: NDArray[np.bool_] = (rank[:, None] == rank + 1) & (world != "none")
        """[C, C], true where the concept of the row needs the concept of the column."""
        base = numpy_generator(seed, "simulated questions").standard_normal(concepts * questions)
        if world == "chain":
            base = base + RULES.deeper * rank[self.concept_of_question]
        self._enter(students, numpy_generator(seed, "simulated students", cohort))
        if world == "hidden":
            base = base + self._levelled(base)[self.concept_of_question]
        self.difficulty: Floats = base
        """[Q]."""
        self._calls = 0
        self._answers: list[tuple[Ints, Ints, Floats]] = []

    def _enter(self, students: int, chance: np.random.Generator) -> None:
        """New students come in."""
        concepts = len(self.prerequisites)
        self.ability: Floats = chance.standard_normal(students)
        """[S]."""
        spread = RULES.spread * chance.standard_normal((students, concepts))
        self._start = RULES.start + spread + RULES.lift * self.ability[:, None]
        self.skill: Floats = self._start.copy()
        """[S, C], now."""

    def answer(self, student: ArrayLike, question: ArrayLike) -> Floats:
        """Put a question to each of some students; they answer, and learn by it.

        :param student: numbers of K different students, [K] or one.
        :param question: number of the question each of them gets, [K] or one for all.
        :returns: 1 where the answer was right, else 0, [K].
        :raises DataError: a student stands there twice, or a number is out of range.
        """
        who = np.atleast_1d(np.asarray(student, dtype=np.int64))
        what = np.broadcast_to(np.asarray(question, dtype=np.int64), who.shape)
        if len(np.unique(who)) != len(who):
            raise DataError(
                "a student answers one question at a time",
                found=f"{len(who)} questions to {len(np.unique(who))} students",
                remedy="put a student's questions one after another",
            )
        for name, number, count in (("student", who, len(self.ability)), ("question", what, self.questions)):
            if len(number) and (number.min() < 0 or number.max() >= count):
                raise DataError(
                    f"a {name} of the class is a number from 0 to {count - 1}",
                    found=f"{number.min()} to {number.max()}",
                    remedy="give numbers of the class",
                )
        # luck by call and student, so that two policies that start alike meet the same luck
        luck = numpy_generator(self.seed, "simulated luck", self.cohort, self._calls).random(
            len(self.ability)
        )
        correct = (luck[who] < self.chance(who, what)).astype(np.float64)
        self._practise(who, self.concept_of_question[what])
        self._answers.append((who, what.copy(), correct))
        self._calls += 1
        return correct

    @property
    def questions(self) -> int:
        """Q, of all concepts together."""
        return len(self.concept_of_question)

    def chance(self, student: Ints, question: Ints) -> Floats:
        """True probability that each student now answers each question right, [K]."""
        return right(self.skill[student, self.concept_of_question[question]] - self.difficulty[question])

    def mastery(self) -> Floats:
        """True probability of a right answer now, at each concept's average difficulty, [S, C]."""
        count = np.bincount(self.concept_of_question)
        return right(self.skill - np.bincount(self.concept_of_question, self.difficulty) / count)

    def copy(self) -> Classroom:
        """The class as it is now: what would become of it under another policy, with the same luck."""
        other = copy.copy(self)
        other.skill = self.skill.copy()
        other._answers = list(self._answers)
        return other

    def log(self) -> AnswerLog:
        """All answers so far, a minute apart; a student who gave none is there without steps."""
        students, concepts = self.skill.shape
        empty = np.zeros(0, dtype=np.int64)
        who = np.concatenate([empty, *(who for who, _, _ in self._answers)])
        question = np.concatenate([empty, *(what for _, what, _ in self._answers)])
        correct = np.concatenate([np.zeros(0), *(correct for _, _, correct in self._answers)])
        order = np.argsort(who, kind="stable")
        counts = np.bincount(who, minlength=students)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        prefix = f"student {self.cohort}-" if self.cohort else "student "
        each = self.questions // concepts
        return AnswerLog(
            students=tuple(f"{prefix}{i + 1}" for i in range(students)),
            questions=tuple(f"question {c + 1}.{i + 1}" for c in range(concepts) for i in range(each)),
            concepts=tuple(f"concept {c + 1}" for c in range(concepts)),
            offsets=offsets,
            question=question[order],
            sets=self.concept_of_question[question[order]],
            concept_sets=Concepts.of([(c,) for c in range(concepts)]),
            correct=correct[order],
            time=(60 * (np.arange(len(who)) - np.repeat(offsets[:-1], counts))).astype(np.float64),
        )

    def _practise(self, who: Ints, concept: Ints) -> None:
        before = self.skill[who]
        start = self._start[who]
        after = start + (1 - RULES.forgetting) * (before - start)
        each = np.arange(len(who))
        needed = self.prerequisites[concept]
        gate = np.where(needed, expit(RULES.gate * before), 1.0).prod(axis=1)
        now = after[each, concept]
        after[each, concept] = now + RULES.rise * (RULES.ceiling - now) * gate
        self.skill[who] = after

    def _levelled(self, difficulty: Floats) -> Floats:
        """Shifts of the concepts' difficulties after which all are answered right equally often, [C]."""
        pilot = copy.copy(self)
        chance = numpy_generator(self.seed, "simulated pilot")
        pilot._enter(PILOT, chance)
        each = np.arange(PILOT)
        gaps = []  # of skill to difficulty whenever a question was put; learning does not depend on answers
        asked = drawn_order(PILOT, self.questions, self.questions, chance).T
        for question in asked:
            concept = self.concept_of_question[question]
            gaps.append(pilot.skill[each, concept] - difficulty[question])
            pilot._practise(each, concept)
        gap, concept = np.stack(gaps).ravel(), self.concept_of_question[asked].ravel()
        wanted = right(gap).mean()
        low, high = np.full((2, len(self.prerequisites)), [[-20.0], [20.0]])
        for _ in range(50):
            middle = (low + high) / 2
            rate = np.bincount(concept, right(gap - middle[concept])) / np.bincount(concept)
            low, high = np.where(rate > wanted, middle, low), np.where(rate > wanted, high, middle)
        return low


def drawn_order(students: int, questions: int, steps: int, chance: np.random.Generator) -> Ints:
    """Questions by student in random order, [S, T]: all of them once before one comes again."""
    passes = -(-steps // questions)
    drawn = [np.argsort(chance.random((students, questions)), axis=1) for _ in range(passes)]
    return np.concatenate(drawn, axis=1)[:, :steps].astype(np.int64)
