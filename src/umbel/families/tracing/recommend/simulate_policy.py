"""Policies at work on simulated students: what they come to know in truth, not by the model's word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.errors import DataError, near
from umbel.families.tracing.model.following import Pooled, followed
from umbel.families.tracing.recommend.expected_gain import Offers
from umbel.families.tracing.recommend.policies import Policy, Standing
from umbel.families.tracing.source.classroom import Classroom, World, drawn_order
from umbel.judging.bootstrap import Percentile, Resamples
from umbel.seeding import numpy_generator
from umbel.sharing.options import whole

__all__ = ["Played", "differences", "play", "warmed"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Played:
    """What became of S students in N exercises.

    :param mastery: true mean mastery before the first exercise and after each, [S, N + 1].
    :param chosen: concept of each exercise, a number of the class, [S, N].
    """

    mastery: Floats
    chosen: Ints

    @property
    def end(self) -> Floats:
        """True mean mastery after all exercises, [S]."""
        return self.mastery[:, -1]


def warmed(
    world: World = "none",
    *,
    students: int = 200,
    concepts: int = 6,
    questions: int = 10,
    answers: int = 12,
    seed: int = 0,
    cohort: int = 1,
) -> Classroom:
    """New students who have answered a few questions in random order, and the class they are in.

    :param answers: of each student so far.
    :param cohort: other students than those of the training log, which is cohort 0.
    """
    whole("warmed", "answers", answers, least=0)
    room = Classroom(
        world, students=students, concepts=concepts, questions=questions, seed=seed, cohort=cohort
    )
    chance = numpy_generator(seed, "warmed", cohort)
    for asked in drawn_order(students, room.questions, answers, chance).T:
        room.answer(np.arange(students), asked)
    return room


def play(
    model: Pooled,
    policy: Policy,
    room: Classroom,
    *,
    exercises: int = 30,
    offers: Offers | None = None,
    seed: int = 0,
) -> Played:
    """Let a policy pick the exercises of a class.

    The policy sees what the model states, and nothing of the class but its answers. Luck is paired: whichever
    policy plays, the same student has the same luck in the same exercise, and is given the same question if
    the same concept is picked.

    :param model: fitted on other students of the same world.
    :param room: the class; it stays as it is.
    :param offers: which concepts may be practised, of mastery in the order of the model's concepts.
    :param seed: of the questions within each concept, and of policies that draw.
    :raises DataError: the model does not know a concept of the class.
    """
    whole("play", "exercises", exercises, least=1)
    room = room.copy()
    log = room.log()
    pool = followed(model, log)
    students, count = len(log), len(model.codes.concepts)
    concept = _numbers(model.codes.concepts, log.concepts, "concept")
    question = {name: i + 1 for i, name in enumerate(model.codes.questions)}
    told = np.array([question.get(name, 0) for name in log.questions], dtype=np.int64)
    of = [np.flatnonzero(room.concept_of_question == c) for c in concept]
    everyone = np.arange(students, dtype=np.int64)
    truth, chosen = [room.mastery().mean(axis=1)], []
    for left in range(exercises, 0, -1):
        chance = numpy_generator(seed, "exercise", left)
        drawn, luck = chance.random((students, count)), chance.random(students)
        picked = policy(Standing(pool, pool.mastery(count), luck, left, offers))
        asked = np.empty(students, dtype=np.int64)
        for c in range(count):
            mine = picked == c
            asked[mine] = of[c][(drawn[mine, c] * len(of[c])).astype(np.int64)]
        correct = room.answer(everyone, asked)
        pool.update(everyone, told[asked], picked[:, None] + 1, correct)
        truth.append(room.mastery().mean(axis=1))
        chosen.append(concept[picked])
    return Played(np.stack(truth, axis=1), np.stack(chosen, axis=1))


def _numbers(names: tuple[str, ...], known: tuple[str, ...], what: str) -> Ints:
    """Number in the class of each of the model's names."""
    place = {name: i for i, name in enumerate(known)}
    for one, other, side in ((names, place, "class"), (known, set(names), "model")):
        absent = [name for name in one if name not in other]
        if absent:
            raise DataError(
                f"model and class have the same {what}s",
                found=f"'{absent[0]}' is not one of the {side}",
                remedy=near(absent[0], other),
            )
    return np.array([place[name] for name in names], dtype=np.int64)


def differences(
    ends: Mapping[str, Floats], policy: str, *, resamples: int = 2000, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """By how much a policy's students know more than those of each other policy.

    :param ends: true mean mastery of the same students by policy, [S] each; students of several seeds may
        stand one after another.
    :param policy: the one that is compared with all others.
    :param resamples: of students, drawn once for all policies.
    :param level: of the intervals.
    :returns: mean of the policy and of each other one, their difference, and its paired bootstrap interval
        (NaN with too few students).
    :raises DataError: there is no such policy.
    """
    if policy not in ends:
        raise DataError(
            "a policy that is compared has played", found=f"'{policy}'", remedy=near(policy, ends)
        )
    mine = ends[policy]
    drawn = Resamples(np.arange(len(mine), dtype=np.int64), resamples, seed)
    rule = Percentile(level)
    rows = []
    for other, theirs in ends.items():
        if other == policy:
            continue
        replicates = np.concatenate(
            [counts.T @ (mine - theirs) for _, counts in drawn.blocks(np.arange(len(mine)))]
        ) / len(mine)
        interval = rule(replicates[1:], len(mine))
        low, high = (np.nan, np.nan) if interval is None else interval
        rows.append((policy, other, mine.mean(), theirs.mean(), replicates[0], low, high))
    columns = ["policy", "against", "mastery", "mastery against", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=columns)
