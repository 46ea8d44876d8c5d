"""Simulated students with known truth: what a model of knowledge should find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from umbel.errors import ConfigError, near
from umbel.families.tracing.source.classroom import Classroom, World, drawn_order
from umbel.families.tracing.source.log import AnswerLog
from umbel.seeding import numpy_generator
from umbel.sharing.options import whole

__all__ = ["Classroom", "Order", "Simulated", "World", "simulate"]

Order = Literal["random", "fixed"]


@dataclass(frozen=True)
class Simulated:
    """Answers of a simulated class, and the truth behind them.

    :param log: the answers, S students of T steps each, N = S * T.
    :param concept_of_question: the one concept of each question, [Q].
    :param prerequisites: [C, C], true where the concept of the row needs the concept of the column.
    :param skill: of each concept before each step's answer, [N, C] float32, unbounded.
    :param ability: of each student, [S].
    :param difficulty: of each question, [Q], on the scale of the skill.
    """

    log: AnswerLog
    concept_of_question: NDArray[np.int64]
    prerequisites: NDArray[np.bool_]
    skill: NDArray[np.float32]
    ability: NDArray[np.float64]
    difficulty: NDArray[np.float64]


def simulate(
    world: World = "none",
    *,
    students: int = 200,
    concepts: int = 6,
    questions: int = 10,
    steps: int = 60,
    order: Order = "random",
    seed: int = 0,
    cohort: int = 0,
) -> Simulated:
    """A class of students that answers questions and learns by it.

    The equations, and the reading of each rule, are those of
    :class:`~umbel.families.tracing.source.classroom.Classroom`.

    :param world: ``none`` (no prerequisites), ``chain`` (concept i requires i - 1, deeper ones are harder) or
        ``hidden`` (prerequisites in a drawn order, base rates that say nothing of them).
    :param students: S.
    :param concepts: C.
    :param questions: of each concept.
    :param steps: answers of each student, T.
    :param order: ``random``: each student has all questions in an order of their own before one comes again;
        ``fixed``: one drawn order for all students, as in the paper on deep knowledge tracing.
    :param seed: of all that is drawn.
    :param cohort: other students before the same questions for another number.
    :raises ConfigError: an option has a value it cannot have.

    Source: after the simulated students of Piech et al. 2015, section 5, with learning, forgetting and
    prerequisites.

    >>> made = simulate("chain", students=20, steps=30)
    >>> made.log.steps, made.skill.shape, made.prerequisites.sum()
    (600, (600, 6), np.int64(5))
    """
    whole("simulate", "steps", steps, least=1)
    if order not in get_args(Order):
        raise ConfigError(
            "an order of questions must be one there is",
            found=f"'{order}'",
            remedy=near(order, get_args(Order)),
        )
    room = Classroom(
        world, students=students, concepts=concepts, questions=questions, seed=seed, cohort=cohort
    )
    if order == "random":
        chance = numpy_generator(seed, "simulated order", cohort)
        asked = drawn_order(students, room.questions, steps, chance)
    else:
        chance = numpy_generator(seed, "simulated order")
        asked = np.repeat(drawn_order(1, room.questions, steps, chance), students, axis=0)
    everyone = np.arange(students)
    skill = np.empty((students, steps, concepts), dtype=np.float32)
    for step in range(steps):
        skill[:, step] = room.skill
        room.answer(everyone, asked[:, step])
    return Simulated(
        log=room.log(),
        concept_of_question=room.concept_of_question,
        prerequisites=room.prerequisites,
        skill=skill.reshape(students * steps, concepts),
        ability=room.ability,
        difficulty=room.difficulty,
    )
