"""What a report shows of forecasts: calibration, learning curves, scores by answer number and by attempt."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.families.tracing.judge.scores import BINS, equal_mass_error, scores_by
from umbel.families.tracing.source.log import AnswerLog
from umbel.judging.calibration import reliability
from umbel.judging.section import Figure, Section, Series, TableData
from umbel.judging.words import number

__all__ = ["attempts", "forecast_sections", "practices"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EDGES = (1, 2, 3, 6, 11, 21, 51, 101)
"""Answer numbers at which a new group begins."""
CURVE = 15
"""Practices of a concept that a learning curve shows."""
_COLUMNS = ["answers", "share right", "mean forecast", "AUC", "log loss"]


def attempts(log: AnswerLog) -> Ints:
    """How often the student met the step's question before, [N]; -1 where it has no name."""
    return _earlier(log.student, log.question, log.question >= 0)


def practices(log: AnswerLog) -> Ints:
    """How often the student met this very set of concepts before, [N]."""
    return _earlier(log.student, log.sets, np.ones(log.steps, dtype=bool))


def _earlier(student: Ints, key: Ints, known: NDArray[np.bool_]) -> Ints:
    order = np.lexsort((np.arange(len(key)), key, student))
    s, k = student[order], key[order]
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (s[1:] != s[:-1]) | (k[1:] != k[:-1])
    start = np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))
    found = np.empty(len(order), dtype=np.int64)
    found[order] = np.arange(len(order)) - start
    return np.where(known, found, -1)


def forecast_sections(log: AnswerLog, forecasts: Mapping[str, Floats], main: str) -> list[Section]:
    """Sections of a report.

    :param forecasts: probabilities by model, [N] each.
    :param main: the model that is looked at in detail.
    """
    return [
        _calibration(log, forecasts),
        _by_number(log, forecasts[main]),
        _by_attempt(log, forecasts[main]),
        _curves(log, forecasts[main]),
        _by_concept(log, forecasts[main]),
    ]


def _calibration(log: AnswerLog, forecasts: Mapping[str, Floats]) -> Section:
    series, rows = [], []
    for model, p in forecasts.items():
        curve = reliability(p, log.correct)
        series.append(Series(model, curve.stated, curve.observed, curve.low, curve.high))
        rows.append([model, number(equal_mass_error(p, log.correct))])
    figure = Figure(
        "calibration",
        "Stated and observed",
        series,
        x_label="stated probability of a right answer",
        y_label="observed share",
        caption="On the diagonal what is stated comes true as often as stated.",
    )
    caption = f"Mean distance over {BINS} bins with equally many answers; 0 is perfect."
    return Section("Calibration", [], [TableData(["model", "calibration error"], rows, caption)], [figure])


def _words(lines: list[list[Any]]) -> list[list[Any]]:
    return [[line[0], line[1], *(number(v) for v in line[2:])] for line in lines]


def _by_number(log: AnswerLog, p: Floats) -> Section:
    group = np.searchsorted(np.array(EDGES), log.place + 1, side="right") - 1
    names = [str(a) if b == a + 1 else f"{a} to {b - 1}" for a, b in itertools.pairwise(EDGES)] + [
        f"{EDGES[-1]} and later"
    ]
    lines = scores_by(log, p, group, names)
    text = ["The first answers of a student are forecast from the question alone: every answer is scored."]
    table = TableData(["answer number", *_COLUMNS], _words(lines))
    figure = Figure(
        "lines",
        "AUC by answer number",
        [Series("AUC", [line[0] for line in lines], [line[4] or float("nan") for line in lines])],
        x_label="answers of the student so far",
        y_label="AUC",
    )
    return Section("By answer number", text, [table], [figure] if len(lines) > 1 else [])


def _by_attempt(log: AnswerLog, p: Floats) -> Section:
    tried = attempts(log)
    if not (tried >= 0).any():
        return Section("First and repeated attempts", ["The log does not name questions."])
    lines = scores_by(log, p, np.where(tried < 0, -1, np.minimum(tried, 1)), ["first", "repeated"])
    return Section("First and repeated attempts", [], [TableData(["attempt", *_COLUMNS], _words(lines))])


def _curves(log: AnswerLog, p: Floats) -> Section:
    met = practices(log)
    x, right, stated = [], [], []
    for count in range(CURVE):
        here = met == count
        if here.sum() < 20:
            break
        x.append(count + 1)
        right.append(float(log.correct[here].mean()))
        stated.append(float(p[here].mean()))
    if len(x) < 2:
        return Section("Learning curves", ["Too few students practise a concept more than once."])
    text = [
        "Share of right answers by practice of the same concepts. Students who go on are others than those "
        "who stop, so a curve that falls need not mean that nobody learns."
    ]
    figure = Figure(
        "lines",
        "Right answers by practice",
        [Series("observed", x, right), Series("forecast", x, stated)],
        x_label="practice of the concepts",
        y_label="share of right answers",
    )
    return Section("Learning curves", text, [], [figure])


def _by_concept(log: AnswerLog, p: Floats) -> Section:
    step, concept = log.concept_sets.spread(log.sets)
    count = np.bincount(concept, minlength=len(log.concepts))
    lines: list[list[Any]] = []
    for c in np.argsort(-count, kind="stable")[:30]:
        here = step[concept == c]
        if len(here) < 2:
            continue
        lines += scores_by(log, p, np.where(np.isin(np.arange(log.steps), here), 0, -1), [log.concepts[c]])
    text = ["An answer to a question of several concepts counts for each of them."]
    return Section("By concept", text, [TableData(["concept", *_COLUMNS], _words(lines))])
