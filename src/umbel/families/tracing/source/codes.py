"""Numbers of questions and concepts that a model knows: names seen in training, and one for all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.families.tracing.source.log import AnswerLog, Concepts

__all__ = ["Coded", "Codes"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Coded:
    """A log in a model's own numbers; 0 is what the model does not know.

    :param question: [N] in [0, Q]; 0 for a question that training never saw, or that has no name.
    :param sets: [N], number of each step's set in ``table``.
    :param concept_sets: sets of known concepts, numbers from 1; concepts never seen are left out, so a set
        may be empty.
    :param table: the sets as a matrix [M, K], filled with 0.
    """

    question: Ints
    sets: Ints
    concept_sets: Concepts
    table: Ints


@dataclass(frozen=True)
class Codes:
    """Names of questions and concepts, numbered from 1 in the order of their names in the training log.

    A question never seen before falls back to its concepts; a concept never seen is left out of its set; a
    step with neither falls back to the average student's average answer.

    :param questions: names of the Q known questions.
    :param concepts: names of the C known concepts.
    """

    questions: tuple[str, ...]
    concepts: tuple[str, ...]

    @staticmethod
    def of(log: AnswerLog) -> Codes:
        """Those that occur in the steps of a training log."""
        asked = np.unique(log.question[log.question >= 0])
        met = np.unique(log.concept_sets.spread(np.unique(log.sets))[1])
        return Codes(tuple(log.questions[i] for i in asked), tuple(log.concepts[i] for i in met))

    def __call__(self, log: AnswerLog) -> Coded:
        """A log, possibly with other names and numbers, in these numbers."""
        question = np.concatenate([_numbers(log.questions, self.questions), [0]])[log.question]
        concept = _numbers(log.concepts, self.concepts)
        own = log.concept_sets
        found = concept[own.values] if len(own.values) else own.values
        kept = found > 0
        row = np.repeat(np.arange(len(own)), own.sizes)[kept]
        order = np.lexsort((found[kept], row))
        sizes = np.bincount(row, minlength=len(own))
        sets = Concepts(found[kept][order], np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))
        return Coded(question, log.sets, sets, sets.table(fill=0))

    @property
    def state(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {"questions": list(self.questions), "concepts": list(self.concepts)}

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Codes:
        """What :attr:`state` tells of."""
        return Codes(tuple(state["questions"]), tuple(state["concepts"]))


def _numbers(names: tuple[str, ...], known: tuple[str, ...]) -> Ints:
    place = {name: i + 1 for i, name in enumerate(known)}
    return np.array([place.get(name, 0) for name in names], dtype=np.int64)
