"""Logs whose questions are their own concepts, and logs whose concepts are clusters of questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError, ShapeError
from umbel.families.tracing.source.log import AnswerLog, Concepts

__all__ = ["clusters_as_concepts", "questions_as_concepts"]

Ints = NDArray[np.int64]


def questions_as_concepts(log: AnswerLog) -> AnswerLog:
    """The log as one that names no concepts: each question is a concept of its own.

    :param log: the answers; every step names its question.
    :returns: the same steps, with the questions' names as names of concepts.
    :raises DataError: a step without a question.

    >>> from umbel.families.tracing.source.simulate import simulate
    >>> len(questions_as_concepts(simulate(students=5, concepts=2, questions=3).log).concepts)
    6
    """
    nameless = np.flatnonzero(log.question < 0)
    if len(nameless):
        raise DataError(
            "questions become concepts where every step names its question",
            found=f"{len(nameless)} steps without one, the first is step {int(nameless[0])}",
            remedy="leave these steps out, or name their questions",
        )
    return replace(
        log,
        concepts=log.questions,
        sets=log.question.copy(),
        concept_sets=Concepts.of([(one,) for one in range(len(log.questions))]),
    )


def clusters_as_concepts(
    log: AnswerLog, clusters: Ints | Sequence[int], names: Sequence[str] | None = None
) -> AnswerLog:
    """The log with a concept for each cluster of its questions.

    :param log: the answers; every step names its question.
    :param clusters: of each question, [Q], numbers from 0.
    :param names: of the clusters; ``cluster 1`` and so on where None.
    :raises ShapeError: another number of clusters than questions, or of names than clusters.

    >>> from umbel.families.tracing.source.simulate import simulate
    >>> made = simulate(students=5, concepts=2, questions=3)
    >>> found = clusters_as_concepts(questions_as_concepts(made.log), made.concept_of_question)
    >>> found.concepts, bool((found.sets == made.log.sets).all())
    (('cluster 1', 'cluster 2'), True)
    """
    own = np.asarray(clusters, dtype=np.int64)
    count = int(own.max(initial=-1)) + 1
    named = tuple(f"cluster {k + 1}" for k in range(count)) if names is None else tuple(names)
    if own.shape != (len(log.questions),) or len(named) != count:
        raise ShapeError(
            "each question has a cluster, and each cluster a name",
            found=f"{own.shape} clusters for {len(log.questions)} questions, {len(named)} names for {count}",
            remedy="give one number a question, from 0, and one name a number",
        )
    log = questions_as_concepts(log)
    return replace(
        log, concepts=named, sets=own[log.question], concept_sets=Concepts.of([(k,) for k in range(count)])
    )
