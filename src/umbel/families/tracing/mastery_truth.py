"""Stated mastery beside the true one of simulated students: right on average, and within its intervals?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.errors import DataError, ShapeError
from umbel.families.tracing.mastery import Mastery
from umbel.families.tracing.source.rules import right
from umbel.families.tracing.source.simulate import Simulated
from umbel.judging.section import Figure, Section, Series, TableData

__all__ = ["Judged", "judged", "true_mastery"]

Floats = NDArray[np.float64]

BINS = 10


@dataclass(frozen=True)
class Judged:
    """How stated mastery compares with the truth.

    :param level: that the intervals should hold.
    :param coverage: share of true values that lie in their interval.
    :param width: mean width of the intervals.
    :param bias: mean of stated less true.
    :param error: root of the mean squared difference.
    :param error_of_members: what the members' spread alone would let one expect as the error.
    :param by_answers: coverage, width, bias and error by answers so far.
    :param curve: mean stated and mean true mastery in bins of equal mass, and how many, [BINS, 3].
    """

    level: float
    coverage: float
    width: float
    bias: float
    error: float
    error_of_members: float
    by_answers: pd.DataFrame
    curve: Floats

    def section(self) -> Section:
        """Coverage by answers so far, and the calibration of the mean."""
        return Section(
            "Mastery, stated and true",
            [
                f"Of all true values {self.coverage:.1%} lie in their {self.level:.0%} interval. Stated "
                f"mastery differs from the true one by {self.error:.3f} (root mean square), {self.bias:+.3f} "
                f"on average; the models differ among themselves by {self.error_of_members:.3f}."
            ],
            [TableData(list(self.by_answers.columns), self.by_answers.to_numpy().tolist())],
            [
                Figure(
                    "calibration",
                    "Mastery, stated and true",
                    [Series("mastery", self.curve[:, 0], self.curve[:, 1])],
                    x_label="stated",
                    y_label="true",
                )
            ],
        )


def true_mastery(made: Simulated, counts: Sequence[int]) -> Floats:
    """True mastery of simulated students after some numbers of answers, [S, T', C].

    :param counts: each below the answers of a student; the truth after the last one is not recorded.
    :raises DataError: a number is not.
    """
    students, concepts = len(made.log), made.skill.shape[1]
    steps = made.log.steps // students
    if min(counts, default=0) < 0 or max(counts, default=0) >= steps:
        raise DataError(
            "the truth is recorded before each answer",
            found=f"counts {min(counts)} to {max(counts)}, {steps} answers of each student",
            remedy=f"counts from 0 to {steps - 1}",
        )
    mean = np.bincount(made.concept_of_question, made.difficulty) / np.bincount(made.concept_of_question)
    skill = made.skill.reshape(students, steps, concepts)[:, list(counts)]
    return right(skill.astype(np.float64) - mean)


def judged(found: Mastery, truth: Floats) -> Judged:
    """Compare stated mastery with the truth.

    :param found: of simulated students.
    :param truth: true mastery of the same students, times and concepts, [S, T', C].
    :raises ShapeError: the truth has another shape.
    """
    if truth.shape != found.mean.shape:
        raise ShapeError(
            "the truth is told of the same students, times and concepts",
            found=f"{truth.shape}, and mastery {found.mean.shape}",
            remedy="true_mastery of the same counts, or Classroom.mastery()[:, None]",
        )
    there = ~np.isnan(found.mean)
    answers = np.broadcast_to(found.answers[:, :, None], truth.shape)[there]
    stated, true, low, high = (x[there] for x in (found.mean, truth, found.low, found.high))
    rows = pd.DataFrame(
        {
            "answers": answers,
            "coverage": (true >= low) & (true <= high),
            "width": high - low,
            "bias": stated - true,
            "error": (stated - true) ** 2,
        }
    )
    by = rows.groupby("answers", as_index=False).mean()
    by["error"] = np.sqrt(by["error"])
    order = np.array_split(np.argsort(stated, kind="stable"), BINS)
    curve = np.array([(stated[i].mean(), true[i].mean(), len(i)) for i in order if len(i)])
    return Judged(
        found.level,
        float(rows["coverage"].mean()),
        float(rows["width"].mean()),
        float(rows["bias"].mean()),
        float(np.sqrt(rows["error"].mean())),
        float(np.sqrt(np.mean(found.between[there] ** 2))),
        by,
        curve,
    )
