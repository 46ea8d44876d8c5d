"""Small logs for the classic models: questions with several concepts, names never seen, partial credit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import expit

from umbel.families.tracing.source.log import AnswerLog, Concepts

SETS = Concepts.of([(0,), (1,), (0, 1), (2,), (0, 2, 3), (3,)])


def small_log(students: int = 40, *, seed: int = 0, partial: bool = False, times: bool = False) -> AnswerLog:
    """Students of different ability, 12 questions, 4 concepts; some students have one answer."""
    chance = np.random.default_rng(seed)
    lengths = np.concatenate([[1, 1], chance.integers(2, 25, students - 2)])
    n = int(lengths.sum())
    question = chance.integers(0, 12, n)
    ability = np.repeat(chance.standard_normal(students), lengths)
    correct = (chance.random(n) < expit(ability + (question - 5.5) / 4)).astype(float)
    if partial:
        correct = np.where(chance.random(n) < 0.3, chance.random(n), correct)
    return AnswerLog(
        tuple(f"s{i}" for i in range(students)),
        tuple(f"q{i}" for i in range(12)),
        ("add", "halve", "plot", "round"),
        np.concatenate([[0], np.cumsum(lengths)]),
        question,
        question % len(SETS),
        SETS,
        correct,
        time=np.concatenate([np.cumsum(chance.exponential(2e4, k)) for k in lengths]) if times else None,
    )


def strange_log(log: AnswerLog) -> AnswerLog:
    """The same steps, some with a question or a concept that training never saw, some with no concept."""
    chance = np.random.default_rng(1)
    own = [log.concept_sets[i].tolist() for i in range(len(log.concept_sets))]
    sets = Concepts.of([*own, (), (4,), (1, 4)])
    what = chance.integers(0, 6, log.steps)
    question = np.where(what == 1, 12, np.where(what == 2, -1, log.question))
    places = np.where(what >= 3, len(own) + what - 3, log.sets)
    places = np.where(what == 2, len(own), places)
    return replace(
        log,
        questions=(*log.questions, "new question"),
        concepts=(*log.concepts, "new concept"),
        concept_sets=sets,
        question=question,
        sets=places,
    )


def named(log: AnswerLog, step: int) -> tuple[str | None, list[str], float]:
    """Question, concepts and answer of a step, by their names."""
    number = log.question[step]
    concepts = [log.concepts[c] for c in log.concept_sets[log.sets[step]]]
    return None if number < 0 else log.questions[number], concepts[::-1], float(log.correct[step])
