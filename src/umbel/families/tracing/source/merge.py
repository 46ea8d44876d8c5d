"""Rows of one question made one step with a set of concepts, and the reverse."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError, ShapeError
from umbel.families.tracing.source.log import AnswerLog, Concepts

__all__ = ["Merged", "expand", "merge", "same_event"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Merged:
    """A log in which each question is one step.

    :param log: N' steps.
    :param first: the step of the former log that each step began with, [N'].
    :param group: the step that each of the former log's N steps has become part of, [N].
    """

    log: AnswerLog
    first: Ints
    group: Ints

    @property
    def count(self) -> int:
        """How many steps have gone into the one before them."""
        return len(self.group) - len(self.first)


def same_event(log: AnswerLog, *, answers: bool = True) -> NDArray[np.bool_]:
    """Whether a step could be the step before it over again, [N].

    It is the same student's, has the same named question, the same answer, and the same time where times are
    known.

    :param answers: whether the answer must be the same.
    """
    found = np.zeros(log.steps, dtype=bool)
    now, before = slice(1, None), slice(None, -1)
    found[now] = (log.student[now] == log.student[before]) & (log.question[now] >= 0)
    found[now] &= log.question[now] == log.question[before]
    if answers:
        found[now] &= log.correct[now] == log.correct[before]
    if log.time is not None:
        unknown = np.isnan(log.time)
        found[now] &= (log.time[now] == log.time[before]) | (unknown[now] & unknown[before])
    return found


def merge(log: AnswerLog, *, repeat: NDArray[np.bool_] | None = None) -> Merged:
    """Consecutive steps of a student with the same question, the same answer and a new concept each, as one.

    Its concepts are those of all of them; time and labels are those of the first. Steps with a concept that
    was there already are another attempt, and so are steps at another time.

    :param repeat: true where the log itself says that a step is the one before it with another concept, [N];
        such a step need not bring a new concept.
    :raises ShapeError: ``repeat`` has another length.
    :raises DataError: a student's first step is marked as a repeat.

    >>> steps = {"question": np.zeros(3, int), "sets": np.array([0, 1, 0]), "correct": np.ones(3)}
    >>> sets = Concepts.of([[0], [1]])
    >>> log = AnswerLog(("s",), ("q",), ("a", "b"), np.array([0, 3]), concept_sets=sets, **steps)
    >>> found = merge(log)
    >>> [found.log.concept_sets[i].tolist() for i in found.log.sets], found.first.tolist()
    ([[0, 1], [0]], [0, 2])
    """
    told = np.zeros(log.steps, dtype=bool) if repeat is None else repeat
    if told.shape != (log.steps,):
        raise ShapeError(
            "each step of a log is a repeat or none",
            found=f"values of shape {told.shape} for {log.steps} steps",
            remedy="one value a step",
        )
    own = [tuple(log.concept_sets[i].tolist()) for i in range(len(log.concept_sets))]
    number = {concepts: i for i, concepts in reversed(list(enumerate(own)))}
    if (told & (log.place == 0)).any():
        raise DataError(
            "a repeat stands behind the step that it repeats",
            found=f"step {np.flatnonzero(told & (log.place == 0))[0]} is the first of its student",
            remedy="mend the marks",
        )
    candidate = same_event(log) | told
    begins, sets = ~candidate, log.sets.copy()
    group: set[int] = set()
    first, last = -1, -2
    for step in np.flatnonzero(candidate).tolist():
        if step - 1 != last:  # the step before is no candidate, so it begins a group
            group, first = set(own[log.sets[step - 1]]), step - 1
        last = step
        now = own[log.sets[step]]
        if told[step] or (now and group and group.isdisjoint(now)):
            group.update(now)
            joined = tuple(sorted(group))
            if joined not in number:
                number[joined] = len(own)
                own.append(joined)
            sets[first] = number[joined]
        else:
            begins[step] = True
            group, first = set(now), step
    kept = np.flatnonzero(begins)
    whole = replace(log, sets=sets, concept_sets=Concepts.of(own))
    return Merged(_some(whole, kept), kept, np.cumsum(begins) - 1)


def expand(log: AnswerLog) -> AnswerLog:
    """One step a concept, as some published protocols have it: it leaks.

    All but the first step of a question stand behind their own answer. A step without concepts stays one
    step. :func:`merge` undoes it.

    >>> sets = Concepts.of([[0, 1], []])
    >>> steps = {"question": np.array([0, 1]), "sets": np.array([0, 1]), "correct": np.ones(2)}
    >>> expand(AnswerLog(("s",), ("q", "r"), ("a", "b"), np.array([0, 2]), concept_sets=sets, **steps)).sets
    array([0, 1, 2])
    """
    sizes = np.maximum(log.concept_sets.sizes[log.sets], 1)
    step = np.repeat(np.arange(log.steps, dtype=np.int64), sizes)
    single = Concepts.of([*((c,) for c in range(len(log.concepts))), ()])
    found = np.full(len(step), len(log.concepts), dtype=np.int64)
    found[log.concept_sets.sizes[log.sets][step] > 0] = log.concept_sets.spread(log.sets)[1]
    return replace(_some(log, step), sets=found, concept_sets=single)


def _some(log: AnswerLog, steps: Ints) -> AnswerLog:
    """The log with these steps only, ascending; a step may be there several times."""
    counts = np.bincount(log.student[steps], minlength=len(log))
    return replace(
        log,
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        question=log.question[steps],
        sets=log.sets[steps],
        correct=log.correct[steps],
        time=None if log.time is None else log.time[steps],
        labels={name: values[steps] for name, values in log.labels.items()},
    )
