"""Logs split by student, at random or as the files say."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from umbel.data.split import SIDES, Split, split_randomly
from umbel.data.split_spec import SplitSpec
from umbel.errors import ConfigError, DataError
from umbel.families.tracing.source.log import AnswerLog

__all__ = ["Parts", "split_folds", "split_students"]


class Parts(NamedTuple):
    """A log in three; no student stands in two of them.

    :param train: to learn from.
    :param valid: to stop, choose and calibrate on.
    :param test: to judge by.
    """

    train: AnswerLog
    valid: AnswerLog
    test: AnswerLog


def split_students(
    log: AnswerLog, shares: tuple[float, float, float] = (0.64, 0.16, 0.2), *, seed: int = 0
) -> Parts:
    """A random split by student; students of the same name stay together.

    :param shares: of students for training, validation and test; they sum to 1.
    :param seed: of the draw.
    :raises ConfigError: the shares do not sum to 1, or one is below 0.
    :raises DataError: a part that has a share gets no student.

    >>> from umbel.families.tracing.source.log import Concepts
    >>> sets = Concepts.of([()])
    >>> zeros = np.zeros(10, dtype=int)
    >>> log = AnswerLog(tuple("abcdefghij"), (), (), np.arange(11), zeros - 1, zeros, sets, np.ones(10))
    >>> [len(part) for part in split_students(log, (0.6, 0.2, 0.2))]
    [6, 2, 2]
    """
    try:
        spec = SplitSpec(shares=shares)
    except ValidationError as error:
        raise ConfigError(
            "shares are three numbers >= 0 that sum to 1, the first above 0",
            found=f"{shares}",
            remedy="shares=(0.64, 0.16, 0.2)",
        ) from error
    entities = pd.factorize(np.array(log.students, dtype=object))[0].astype(np.int64)
    split = split_randomly(entities, spec, seed)
    for side, share in zip(SIDES, shares, strict=True):
        if share > 0 and not split.sizes[side]:
            raise DataError(
                "each part of the split has at least one student",
                found=f"none for {side}; {len(log)} students",
                remedy="give more students, or other shares",
            )
    return _parts(log, split)


def split_folds(log: AnswerLog, folds: NDArray[np.int64], *, valid: int = 0, test: int = -1) -> Parts:
    """The split that files give: one fold to test, one to validate, all others to learn from.

    :param folds: number of each student's fold, [S], as :func:`read_log` returns it.
    :param valid: the fold for validation.
    :param test: the fold for test; pyKT's is -1.
    :raises DataError: there is no student of a fold, or none is left for training.
    """
    if len(folds) != len(log):
        raise DataError(
            "each student has a fold",
            found=f"{len(folds)} folds for {len(log)} students",
            remedy="give the folds that were read with this log",
        )
    sides = np.where(folds == test, 2, np.where(folds == valid, 1, 0))
    there = ", ".join(map(str, np.unique(folds)))
    for side, name, fold in ((0, "training", "another"), (1, "validation", valid), (2, "test", test)):
        if not (sides == side).any():
            raise DataError(
                "each part of the split has at least one student",
                found=f"none for {name}, fold {fold}; there are the folds {there}",
                remedy="name other folds: valid=..., test=...",
            )
    return _parts(log, Split.of(sides))


def _parts(log: AnswerLog, split: Split) -> Parts:
    return Parts(log.take(split.train), log.take(split.valid), log.take(split.test))
