from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umbel.errors import DataError, ShapeError
from umbel.families.tracing.source.log import AnswerLog, Concepts
from umbel.families.tracing.source.merge import expand, merge

Step = tuple[int, tuple[int, ...], float]


def log_of(students: list[list[Step]], *, time: list[float] | None = None) -> AnswerLog:
    steps = [step for student in students for step in student]
    return AnswerLog(
        tuple(f"s{i}" for i in range(len(students))),
        tuple(f"q{i}" for i in range(9)),
        tuple("abcdefgh"),
        np.concatenate([[0], np.cumsum([len(one) for one in students])]).astype(np.int64),
        np.array([step[0] for step in steps], dtype=np.int64),
        np.arange(len(steps), dtype=np.int64),
        Concepts.of([step[1] for step in steps]),
        np.array([step[2] for step in steps], dtype=np.float64),
        None if time is None else np.array(time),
        {"seconds": np.arange(len(steps), dtype=np.float64)},
    )


def steps_of(log: AnswerLog) -> list[list[Step]]:
    each = [
        (int(q), tuple(log.concept_sets[s].tolist()), float(c))
        for q, s, c in zip(log.question, log.sets, log.correct, strict=True)
    ]
    return [each[a:b] for a, b in zip(log.offsets[:-1], log.offsets[1:], strict=True)]


def naive(student: list[Step]) -> list[Step]:
    """The rule of merging, one row after another."""
    found: list[Step] = []
    for question, concepts, correct in student:
        if found and found[-1][0] == question >= 0 and found[-1][2] == correct:
            own = found[-1][1]
            if own and concepts and not set(own) & set(concepts):
                found[-1] = (question, tuple(sorted({*own, *concepts})), correct)
                continue
        found.append((question, concepts, correct))
    return found


step = st.tuples(
    st.integers(-1, 2),
    st.sets(st.integers(0, 4), max_size=3).map(lambda s: tuple(sorted(s))),
    st.sampled_from([0.0, 1.0]),
)
students = st.lists(st.lists(step, max_size=8), min_size=1, max_size=3)


@settings(max_examples=150, deadline=None)
@given(students)
def test_merging_is_the_rule_row_by_row(given_students: list[list[Step]]) -> None:
    log = log_of(given_students)
    found = merge(log)
    assert steps_of(found.log) == [naive(one) for one in given_students]
    assert found.count == log.steps - found.log.steps
    assert np.array_equal(found.group[found.first], np.arange(found.log.steps))
    assert np.array_equal(found.log.labels["seconds"], found.first)
    assert merge(found.log).count == 0


@settings(max_examples=150, deadline=None)
@given(students)
def test_merging_undoes_expanding_where_no_attempts_follow_each_other(
    given_students: list[list[Step]],
) -> None:
    kept = []
    for student in given_students:
        apart: list[Step] = []
        for one in student:
            if one[0] >= 0 and (not apart or apart[-1][0] != one[0]):
                apart.append(one)
        kept.append(apart)
    log = log_of(kept)
    wide = expand(log)
    assert wide.steps == sum(max(1, len(one[1])) for student in kept for one in student)
    assert wide.concept_sets.sizes[wide.sets].max(initial=0) <= 1
    assert steps_of(merge(wide).log) == kept


def test_another_attempt_stays_a_step() -> None:
    again = [[(0, (0,), 1.0), (0, (1,), 1.0), (0, (0,), 1.0), (0, (1,), 1.0)]]
    assert steps_of(merge(log_of(again)).log) == [[(0, (0, 1), 1.0), (0, (0, 1), 1.0)]]
    otherwise = [[(0, (0,), 1.0), (0, (1,), 0.0)], [(0, (2,), 0.0)]]
    assert steps_of(merge(log_of(otherwise)).log) == otherwise
    pair = [[(0, (0,), 1.0), (0, (1,), 1.0)]]
    assert merge(log_of(pair, time=[5.0, 6.0])).count == 0
    assert merge(log_of(pair, time=[5.0, 5.0])).count == 1
    assert merge(log_of(pair, time=[np.nan, np.nan])).count == 1


def test_a_mark_of_the_file_joins_steps_that_bring_nothing_new() -> None:
    log = log_of([[(-1, (0,), 1.0), (-1, (0, 2), 1.0), (-1, (3,), 1.0)]])
    found = merge(log, repeat=np.array([False, True, False]))
    assert steps_of(found.log) == [[(-1, (0, 2), 1.0), (-1, (3,), 1.0)]]
    with pytest.raises(DataError, match="stands behind"):
        merge(log, repeat=np.array([True, False, False]))
    with pytest.raises(ShapeError, match="a repeat or none"):
        merge(log, repeat=np.array([True]))


def test_expanding_keeps_steps_without_concepts_and_what_belongs_to_them() -> None:
    log = log_of([[(0, (), 1.0), (1, (2, 3), 0.0)], []], time=[1.0, 2.0])
    wide = expand(log)
    assert steps_of(wide) == [[(0, (), 1.0), (1, (2,), 0.0), (1, (3,), 0.0)], []]
    assert wide.time is not None
    assert wide.time.tolist() == [1, 2, 2]
    assert wide.labels["seconds"].tolist() == [0, 1, 1]
