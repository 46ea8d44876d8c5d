from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from umbel.errors import ConfigError, DataError
from umbel.families.tracing.source.simulate import simulate
from umbel.families.tracing.source.split import split_folds, split_students

LOG = simulate(students=50, steps=4).log


def test_students_are_dealt_by_their_shares_and_each_stands_once() -> None:
    parts = split_students(LOG)
    assert [len(part) for part in parts] == [32, 8, 10]
    assert sorted(name for part in parts for name in part.students) == sorted(LOG.students)
    place = LOG.students.index(parts.test.students[3])
    assert np.array_equal(parts.test.correct[12:16], LOG.correct[4 * place : 4 * place + 4])
    assert split_students(LOG, seed=0).test.students == parts.test.students
    assert split_students(LOG, seed=1).test.students != parts.test.students


def test_one_name_is_one_student() -> None:
    doubled = replace(LOG, students=tuple(f"s{i // 2}" for i in range(50)))
    parts = split_students(doubled, (0.5, 0.2, 0.3), seed=3)
    own = [set(part.students) for part in parts]
    assert not own[0] & own[1]
    assert not own[0] & own[2]
    assert not own[1] & own[2]
    assert [len(part) for part in parts] == [2 * len(names) for names in own]


def test_given_folds_are_kept() -> None:
    folds = np.repeat([-1, 0, 1, 2, 3], 10)
    parts = split_folds(LOG, folds, valid=2)
    assert parts.test.students == LOG.students[:10]
    assert parts.valid.students == LOG.students[30:40]
    assert parts.train.students == LOG.students[10:30] + LOG.students[40:]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="sum to 1"):
        split_students(LOG, (0.5, 0.1, 0.1))
    with pytest.raises(DataError, match="none for valid; 2 students"):
        split_students(LOG.take([0, 1]), (0.4, 0.3, 0.3))
    with pytest.raises(DataError, match="none for validation, fold 7; there are the folds -1, 0"):
        split_folds(LOG, np.repeat([-1, 0], 25), valid=7)
    with pytest.raises(DataError, match="none for training"):
        split_folds(LOG, np.repeat([-1, 0], 25))
    with pytest.raises(DataError, match="each student has a fold"):
        split_folds(LOG, np.zeros(3, dtype=np.int64))
