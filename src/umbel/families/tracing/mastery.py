"""Mastery: how likely a right answer is on each concept, for each student and time, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import betaincinv

from umbel.errors import ConfigError, DataError
from umbel.families.tracing.mastery_members import known, stated
from umbel.families.tracing.model.tracer import Tracer
from umbel.families.tracing.source.log import AnswerLog
from umbel.judging.section import Figure, Section, TableData
from umbel.sharing.options import whole

__all__ = ["At", "Mastery", "interval", "mastery"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
At = Literal["end", "every"] | Sequence[int]

MOST_STUDENTS = 40
"""Rows of the heat map of a class."""
SURE = 1e-10
"""A variance below it is none."""


@dataclass(frozen=True)
class Mastery:
    """Mastery of S students at T' times of C concepts, with intervals.

    :param students: names, [S].
    :param concepts: names, [C].
    :param answers: how many answers each student had given at each time, [S, T'].
    :param mean: probability of a right answer at an item of average difficulty, [S, T', C]; NaN at times that
        a student did not reach.
    :param low, high: ends of the interval of that probability, [S, T', C].
    :param level: that the interval should hold, (0, 1).
    :param between: standard deviation of the members, [S, T', C]; 0 where there is one.
    :param within: standard deviation that the members themselves state, [S, T', C].
    """

    students: tuple[str, ...]
    concepts: tuple[str, ...]
    answers: Ints
    mean: Floats
    low: Floats
    high: Floats
    level: float
    between: Floats
    within: Floats

    def table(self) -> pd.DataFrame:
        """A row per student, time and concept: student, answers, concept, mastery, low, high."""
        s, t, c = np.nonzero(~np.isnan(self.mean))
        return pd.DataFrame(
            {
                "student": np.array(self.students, dtype=object)[s],
                "answers": self.answers[s, t],
                "concept": np.array(self.concepts, dtype=object)[c],
                "mastery": self.mean[s, t, c],
                "low": self.low[s, t, c],
                "high": self.high[s, t, c],
            }
        )

    @property
    def latest(self) -> tuple[Floats, Floats, Floats]:
        """Mean, low and high at each student's last time, [S, C] each."""
        reached = ~np.isnan(self.mean[:, :, 0])
        last = reached.shape[1] - 1 - reached[:, ::-1].argmax(axis=1)
        each = np.arange(len(last))
        return self.mean[each, last], self.low[each, last], self.high[each, last]

    def section(self, student: str | None = None) -> Section:
        """One student over time, the class by concept, and a table of the concepts.

        :param student: whose course is drawn; by default the one with the most answers.
        :raises DataError: there is no such student.
        """
        chosen = self._place(student)
        mean, low, high = self.latest
        shown = min(len(self.students), MOST_STUDENTS)
        names, concepts = list(self.students[:shown]), list(self.concepts)
        reached = ~np.isnan(self.mean[chosen, :, 0])
        course = self.mean[chosen, reached].T
        whose = self.students[chosen]
        rows = [
            [name, mean[:, c].mean(), *np.quantile(mean[:, c], [0.1, 0.9]), (high - low)[:, c].mean()]
            for c, name in enumerate(concepts)
        ]
        columns = ["concept", "mean", "tenth", "nine tenths", "width of interval"]
        part = "" if shown == len(self.students) else f"the first {shown} of {len(self.students)} students"
        return Section(
            "Mastery",
            [
                "Mastery is the probability of a right answer at an item of average difficulty. Its "
                f"{self.level:.0%} interval holds what the models do not know of the student, from few "
                "answers, and what they do not agree on."
            ],
            [TableData(columns, rows, f"{len(self.students)} students, each at the last time")],
            [
                Figure(
                    "heat",
                    f"{whose} over time",
                    matrix=course,
                    labels=(concepts, [str(k) for k in self.answers[chosen, reached]]),
                    x_label="answers",
                    y_label="concept",
                ),
                Figure(
                    "heat",
                    "The class by concept",
                    matrix=mean[:shown],
                    labels=(names, concepts),
                    x_label="concept",
                    y_label="student",
                    caption=part,
                ),
            ],
        )

    def _place(self, student: str | None) -> int:
        if student is None:
            return int(self.answers[:, -1].argmax())
        if student not in self.students:
            raise DataError(
                "a student must be one of the log's", found=f"'{student}'", remedy="see .students"
            )
        return self.students.index(student)


def mastery(
    tracers: Tracer | Sequence[Tracer],
    log: AnswerLog,
    *,
    at: At = "end",
    concepts: Sequence[str] | None = None,
    level: float = 0.9,
) -> Mastery:
    """Mastery of each student and concept, with an interval.

    The variance of a student's mastery m is the sum of two parts. What the members do not agree on: the
    variance of their means. And what each of them does not know of the student: given m, two answers on a
    concept owe each other nothing, so their covariance is the variance of m, and a model states it by what it
    would say of the second answer if the first were right, and if it were wrong::

        Var(m) = Cov(y1, y2) = p (1 - p) (p after right - p after wrong)

    Growth by the first exercise is the same in both cases and falls out of the difference. The interval is
    that of the beta distribution with the mean and the total variance. The members' spread alone would leave
    out most of it: models that agree on what two answers say do not know the student any better. An interval
    is as honest as what the model says of these two cases; ``benchmarks/tracing_recommend.py`` measures on
    simulated students how often it holds the truth.

    :param tracers: a fitted model, or several (see
        :func:`~umbel.families.tracing.mastery_members.ensemble`).
    :param log: answers of any students.
    :param at: ``end`` (after all answers of each student), ``every`` (after 0, 1, 2 ... answers) or numbers
        of answers; students who gave fewer have NaN there.
    :param concepts: names; None for all that the log names.
    :param level: of the intervals, (0, 1).
    :raises DataError: a concept that training never met, or that the log does not name.
    :raises ConfigError: an option has a value it cannot have.

    Source: the law of total variance; the second part is a martingale posterior (Fong, Holmes & Walker 2023)
    of one step.
    """
    members = [tracers] if isinstance(tracers, Tracer) else list(tracers)
    if not members:
        raise ConfigError("mastery is stated by a fitted model", found="no model", remedy="one, or several")
    if not 0 < level < 1:
        raise ConfigError("'level' of mastery is in (0, 1)", found=repr(level), remedy="level: 0.9")
    for member in members:
        asked = known(member, log, concepts)
    counts = _counts(log, at)
    answers = np.minimum(log.lengths[:, None], counts)
    shape = len(log), len(counts), len(asked)
    p, spread = np.empty((len(members), *shape)), np.empty((len(members), *shape))
    for m, member in enumerate(members):
        for t, found in enumerate(stated(member, log, counts, asked)):
            p[m, :, t] = found.right
            spread[m, :, t] = found.right * (1 - found.right) * found.gap
    mean = p.mean(axis=0)
    between = p.var(axis=0, ddof=1) if len(members) > 1 else np.zeros(shape)
    within = np.maximum(spread.mean(axis=0), 0.0)
    if not (isinstance(at, str) and at == "end"):
        mean[log.lengths[:, None] < np.asarray(counts)] = np.nan
    low, high = interval(mean, between + within, level)
    absent = np.isnan(mean)
    return Mastery(
        log.students,
        tuple(log.concepts[c] for c in asked),
        answers,
        mean,
        low,
        high,
        level,
        np.where(absent, np.nan, np.sqrt(between)),
        np.where(absent, np.nan, np.sqrt(within)),
    )


def _counts(log: AnswerLog, at: At) -> list[int]:
    longest = int(log.lengths.max(initial=0))
    if isinstance(at, str):
        if at not in ("end", "every"):
            raise ConfigError(
                "'at' of mastery is 'end', 'every' or numbers of answers", found=f"'{at}'", remedy="at: end"
            )
        return [longest] if at == "end" else list(range(longest + 1))
    counts = [whole("mastery", "at", int(k), least=0) for k in at]
    if not counts or counts != sorted(set(counts)):
        raise ConfigError(
            "numbers of answers ascend, and are not repeated", found=f"at: {counts}", remedy="at: [0, 5, 10]"
        )
    return counts


def interval(mean: Floats, variance: Floats, level: float) -> tuple[Floats, Floats]:
    """Quantiles of the beta distributions with some means and variances.

    :param mean: in (0, 1), any shape; NaN stays NaN.
    :param variance: at most ``mean (1 - mean)``; a larger one is taken as just below that.
    :param level: between the two quantiles, (0, 1).

    >>> low, high = interval(np.array([0.5]), np.array([1 / 12]), 0.9)  # the uniform distribution
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.05], [0.95])
    """
    most = mean * (1 - mean)
    sure = variance < SURE
    total = most / np.clip(variance, SURE, 0.999 * most) - 1
    a, b = mean * total, (1 - mean) * total
    ends = [betaincinv(a, b, tail) for tail in ((1 - level) / 2, (1 + level) / 2)]
    return np.where(sure, mean, ends[0]), np.where(sure, mean, ends[1])
