from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from umbel.errors import UmbelError
from umbel.families.tracing.source.audit import LeakError, audit_log, find_expanded, find_shared, refuse_leaks
from umbel.families.tracing.source.log import AnswerLog, Concepts
from umbel.families.tracing.source.merge import expand, merge
from umbel.families.tracing.source.simulate import simulate
from umbel.families.tracing.source.split import split_students


def with_sets(log: AnswerLog, sets: list[tuple[int, ...]]) -> AnswerLog:
    """A log whose questions have these concepts, in turn."""
    return replace(log, sets=log.question % len(sets), concept_sets=Concepts.of(sets))


MADE = with_sets(simulate(students=40, steps=30).log, [(0,), (1, 2), (3,), (4,), (0, 5, 3)])


def test_a_clean_log_passes() -> None:
    finding = find_expanded(MADE)
    assert (finding.severity, finding.count) == ("passed", 0)
    refuse_leaks(audit_log(MADE))


def test_a_reader_that_expands_rows_is_caught_with_its_first_steps() -> None:
    leaky = expand(MADE)
    finding = find_expanded(leaky)
    assert finding.severity == "leak"
    assert finding.count == leaky.steps - MADE.steps
    where = finding.rows[0]
    name = leaky.students[leaky.student[where]]
    assert f"student '{name}', steps {leaky.place[where] - 1} and {leaky.place[where]}" in finding.words
    assert leaky.questions[leaky.question[where]] in finding.words
    with pytest.raises(LeakError, match="concepts must be one step") as told:
        refuse_leaks([finding])
    assert isinstance(told.value, UmbelError)
    assert "merge=True" in told.value.remedy
    refuse_leaks(audit_log(merge(leaky).log))


def test_a_few_expanded_rows_are_caught_too() -> None:
    few = with_sets(MADE, [(0,)] * 59 + [(1, 2)])
    finding = find_expanded(expand(few))
    assert (finding.severity, finding.count) == ("leak", int((few.question == 59).sum()))
    assert finding.count < 0.05 * few.steps


def test_concepts_that_change_by_chance_are_no_leak() -> None:
    chance = np.random.default_rng(0)
    count = 4000
    log = AnswerLog(
        ("s",),
        ("q",),
        ("a", "b", "c"),
        np.array([0, count]),
        np.zeros(count, dtype=np.int64),
        chance.integers(0, 3, count),
        Concepts.of([(0,), (1,), (2,)]),
        chance.integers(0, 2, count).astype(np.float64),
    )
    finding = find_expanded(log)
    assert finding.severity == "warning"
    assert finding.count > 1000
    assert find_expanded(expand(with_sets(MADE, [(0, 1)]))).severity == "leak"


def test_pairs_at_other_times_are_attempts() -> None:
    leaky = expand(MADE)
    apart = replace(leaky, time=np.arange(leaky.steps, dtype=np.float64))
    assert find_expanded(apart).severity == "passed"


def test_without_questions_it_says_that_it_cannot_tell() -> None:
    finding = find_expanded(replace(MADE, question=np.full(MADE.steps, -1)))
    assert finding.severity == "not done"
    refuse_leaks([finding])


def test_a_student_on_two_sides_is_a_leak() -> None:
    parts = split_students(MADE, seed=1)
    found = audit_log(**parts._asdict())
    assert [finding.severity for finding in found] == ["passed"] * 4
    refuse_leaks(found)
    wrong = audit_log(train=parts.train, test=MADE.take([5]), valid=parts.train.take([0]))
    shared = find_shared({"train": parts.train, "valid": parts.train.take([0])})
    assert (shared.severity, shared.count) == ("leak", 1)
    assert f"'{parts.train.students[0]}' in train and valid" in shared.words
    with pytest.raises(LeakError, match="on one side"):
        refuse_leaks(wrong)
