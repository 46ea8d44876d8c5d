"""A class before questions whose difficulty an attribute tells; test students meet other questions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from umbel.families.tracing.source.log import AnswerLog, Concepts

EASY = ("add", "count", "pair", "apple", "one", "colour")
HARD = ("integral", "factorise", "quotient", "cosine", "derive", "prove")
PLAIN = ("the", "of", "find", "what", "show", "line", "number", "which", "john", "mary")
QUESTIONS, STUDENTS, STEPS = 120, 160, 30


def column_of(kind: str, difficulty: np.ndarray, chance: np.random.Generator) -> list[Any]:
    """What the attribute says of each question."""
    if kind == "number":
        return (50 + 10 * difficulty + chance.normal(0, 3, len(difficulty))).tolist()
    if kind == "category":
        return [f"grade {band}" for band in np.digitize(difficulty, [-1.5, -0.5, 0.5, 1.5])]
    told = []
    for one in 1 / (1 + np.exp(-2 * difficulty)):
        words = []
        for _ in range(chance.integers(6, 12)):
            telling = HARD if chance.random() < one else EASY
            words.append(str(chance.choice(PLAIN if chance.random() < 0.5 else telling)))
        told.append(" ".join(words))
    return told if kind == "text" else [sorted(set(words.split())) for words in told]


def attribute_logs(kind: str, *, seed: int = 0) -> tuple[AnswerLog, AnswerLog, AnswerLog]:
    """Training and validation students of even questions, test students of odd ones.

    :param kind: ``number``, ``category``, ``text`` or ``set``.
    """
    chance = np.random.default_rng(seed)
    difficulty = chance.normal(0, 1.5, QUESTIONS)
    sides = (np.arange(0, QUESTIONS, 2), np.arange(1, QUESTIONS, 2))
    test = np.arange(STUDENTS) >= 120
    asked = np.array([chance.choice(sides[int(side)], STEPS, replace=False) for side in test])
    ability = chance.normal(size=(STUDENTS, 1))
    correct = chance.random(asked.shape) < 1 / (1 + np.exp(difficulty[asked] - ability))
    names = tuple(f"q{i}" for i in range(QUESTIONS))
    about = pd.DataFrame({"told": column_of(kind, difficulty, chance)}, index=pd.Index(names, dtype=object))
    log = AnswerLog(
        tuple(f"s{i}" for i in range(STUDENTS)),
        names,
        ("a", "b"),
        np.arange(STUDENTS + 1) * STEPS,
        asked.ravel(),
        asked.ravel() % 4 // 2,
        Concepts.of([(0,), (1,)]),
        correct.ravel().astype(np.float64),
        about=about,
    )
    return log.take(np.arange(96)), log.take(np.arange(96, 120)), log.take(np.flatnonzero(test))
