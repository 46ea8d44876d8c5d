"""What a student did before each step, as numbers: of all answers, of the concepts, of the question."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from umbel.families.tracing.source.codes import Coded
from umbel.families.tracing.source.counts import Lines
from umbel.families.tracing.source.log import AnswerLog

__all__ = ["FEATURES", "Past", "columns", "history", "run_on"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEATURES = (
    "answers", "rate", "lately", "of late", "last",
    "concept answers", "concept wins", "concept losses", "concept rate", "weakest", "concept last",
    "concept gap",
    "question answers", "question rate", "question last", "question gap",
    "expected", "told by", "surplus", "surplus lately", "surplus of late", "concept surplus",
)  # fmt: skip
"""Names of the columns of :func:`history`, 22."""

PRIOR = 4.0
"""Answers that a smoothed rate counts in before the first."""
FAST, SLOW = 0.7, 0.95
"""Decay per answer of the two running rates."""


@dataclass(frozen=True)
class Past:
    """What N forecasts know of the answers before them.

    A *surplus* is how much better answers were than training students would have given them: the sum of
    correct minus expected.

    :param run: of all answers [7, N]: right ones, decayed means (fast, slow), the last as 1, -1 or 0 for
        none, surplus, decayed surplus (fast, slow).
    :param place: answers so far, [N].
    :param concept: of each line of a forecast and one of its concepts [5, L]: answers, right ones, the last,
        the place of the last, surplus.
    :param line: the forecast of each line, [L], ascending.
    :param question: the same four first numbers of the question itself, [4, N]; zeros where it has no name.
    :param expected: share of training students that answer it right, [N].
    :param told: answers that share stands on, [N].
    """

    run: Floats
    place: Floats
    concept: Floats
    line: Ints
    question: Floats
    expected: Floats
    told: Floats


def columns(past: Past, rate: float) -> NDArray[np.float32]:
    """The numbers a network is given, [N, 22].

    Counts are ln(1 + n); rates are smoothed towards the average and centred on it; gaps are ln(1 + steps
    since), 0 where there was none. Numbers of a set's concepts are their mean, ``weakest`` is the lowest rate
    among them.

    :param rate: the average share of correct answers in training.
    """
    place, count = past.place, len(past.place)
    sizes = np.maximum(np.bincount(past.line, minlength=count), 1)

    def mean(values: Floats) -> Floats:
        found: Floats = np.bincount(past.line, weights=values, minlength=count) / sizes
        return found

    def gap(last: Floats, now: Floats, answers: Floats) -> Floats:
        return np.where(answers > 0, np.log1p(np.maximum(now - last, 0.0)), 0.0)

    answers, wins, last, when, surplus = past.concept
    rates = (wins + PRIOR * rate) / (answers + PRIOR) - rate
    weakest = np.zeros(count)
    if len(past.line):
        first = np.flatnonzero(np.diff(past.line, prepend=-1))
        weakest[past.line[first]] = np.minimum.reduceat(rates, first)
    asked, known, previous, before = past.question
    right, fast, slow, latest, extra, extra_fast, extra_slow = past.run
    found = [
        np.log1p(place),
        (right + PRIOR * rate) / (place + PRIOR) - rate,
        fast - rate * (1 - FAST**place),
        slow - rate * (1 - SLOW**place),
        latest,
        mean(np.log1p(answers)),
        mean(np.log1p(wins)),
        mean(np.log1p(np.maximum(answers - wins, 0.0))),
        mean(rates),
        weakest,
        mean(last),
        mean(gap(when, place[past.line], answers)),
        np.log1p(asked),
        np.where(asked > 0, (known + PRIOR * rate) / (asked + PRIOR) - rate, 0.0),
        previous,
        gap(before, place, asked),
        logit(np.clip(past.expected, 1e-4, 1 - 1e-4)),
        np.log1p(past.told),
        extra / (place + PRIOR),
        extra_fast,
        extra_slow,
        mean(surplus / (answers + PRIOR)),
    ]
    return np.stack(found, axis=1).astype(np.float32)


def run_on(run: Floats, correct: Floats, expected: Floats) -> Floats:
    """The running numbers after one more answer each, [7, S]."""
    more = correct - expected
    after = run.copy()
    for first, value in ((0, correct), (4, more)):
        after[first] += value
        for row, decay in ((1 + first, FAST), (2 + first, SLOW)):
            after[row] -= value
            after[row] *= decay
            after[row] += value
    np.multiply(correct, 2, out=after[3])
    after[3] -= 1
    return after


def history(log: AnswerLog, coded: Coded, expected: Floats, rate: float) -> NDArray[np.float32]:
    """Numbers of what came before each step, [N, 22]; a step's own answer is in none of its numbers.

    :param expected: of each step, and the answers it stands on, [2, N], see
        :class:`~umbel.families.tracing.source.expected.Expected`.
    :param rate: the average share of correct answers in training.
    """
    by_concept, by_question = Lines.of_concepts(log, coded), Lines.of_questions(log, coded)
    question = np.zeros((4, log.steps))
    question[:, by_question.step] = _sums(log, by_question)
    surplus = by_concept.earlier((log.correct - expected[0])[by_concept.step])
    past = Past(
        _running(log, expected[0]),
        log.place.astype(np.float64),
        np.concatenate([_sums(log, by_concept), surplus[None]]),
        by_concept.step,
        question,
        expected[0],
        expected[1],
    )
    return columns(past, rate)


def _sums(log: AnswerLog, lines: Lines) -> Floats:
    """Answers, right ones, the last as 1 or -1, and its place, of earlier lines with the same key, [4, L]."""
    order = np.lexsort((lines.step, lines.key))
    key, step = lines.key[order], lines.step[order]
    again = np.zeros(len(order), dtype=bool)
    again[1:] = key[1:] == key[:-1]
    before = np.concatenate([step[:1], step[:-1]])
    last, when = np.empty(len(order)), np.empty(len(order))
    last[order] = np.where(again, 2 * log.correct[before] - 1, 0.0)
    when[order] = np.where(again, log.place[before], 0)
    ones = np.ones(len(lines))
    return np.stack([lines.earlier(ones), lines.earlier(log.correct[lines.step]), last, when])


def _running(log: AnswerLog, expected: Floats) -> Floats:
    """The running numbers before each step, [7, N]; one step of all students at a time."""
    found = np.zeros((7, log.steps))
    order = np.argsort(-log.lengths, kind="stable")  # the students that still go on are the first ones
    starts, lengths = log.offsets[:-1][order], log.lengths[order]
    now = np.zeros((7, len(log)))
    goes_on = np.searchsorted(-lengths, -np.arange(int(lengths.max(initial=0))), side="left")
    for place, active in enumerate(goes_on):
        at = starts[:active] + place
        found[:, at] = now[:, :active]
        now = run_on(now[:, :active], log.correct[at], expected[at])
    return found
