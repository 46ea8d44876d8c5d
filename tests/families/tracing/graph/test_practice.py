from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.families.tracing.graph.hand_made import drawn_log

from umbel.families.tracing.graph.practice import DEPTH, Practice, before_after, by_student, earlier, without
from umbel.families.tracing.graph.questions import questions_as_concepts
from umbel.families.tracing.source.log import Concepts
from umbel.families.tracing.source.simulate import simulate


def test_counts_before_a_step_equal_a_loop() -> None:
    log = replace(drawn_log(12, 15, 4), concepts=("a", "b", "c"))
    log = replace(log, concept_sets=Concepts.of([(0,), (1, 2), (), (1,)]))
    seen = Practice(log)
    done = seen.done(np.arange(log.steps))
    for step in range(log.steps):
        start = log.offsets[log.student[step]]
        told = [set(log.concept_sets[s].tolist()) for s in log.sets[start:step]]
        assert done[step].tolist() == [sum(c in one for one in told) for c in range(3)]
    lines = seen.of(1)
    assert seen.own(1).tolist() == done[seen.lines[0][lines], 1].tolist()
    assert seen.met.tolist() == [
        [any(c in log.concept_sets[s] for s in log.take([k]).sets) for c in range(3)] for k in range(12)
    ]


def test_sums_by_student_equal_loops() -> None:
    student = np.array([0, 0, 0, 2, 5, 5])
    values = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 1.0], [2.0, 3.0]])
    assert by_student(values, student).tolist() == [[9.0, 12.0], [7.0, 8.0], [11.0, 4.0]]
    assert earlier(values, student).tolist() == [
        [0.0, 0.0],
        [1.0, 2.0],
        [4.0, 6.0],
        [0.0, 0.0],
        [0.0, 0.0],
        [9.0, 1.0],
    ]
    base = np.random.default_rng(0).random((6, 2))
    double = np.concatenate([base, base], axis=1)  # what stands there twice counts once
    expected = values - base @ np.linalg.lstsq(base, values, rcond=None)[0]
    np.testing.assert_allclose(without(double, values), expected, atol=1e-12)


def test_curve_and_talent_take_apart_what_is_usual() -> None:
    made = simulate(students=1500, concepts=2, questions=6, steps=12, seed=100)
    seen = Practice(made.log)
    rise = seen.curves[:, 5] - seen.curves[:, 0]
    assert (rise > 0.15).all()  # practice helps
    assert (seen.curves[:, 5] == seen.curves[:, DEPTH]).all()  # beyond the last seen, the last seen
    assert np.corrcoef(seen.talent.sum(axis=1), made.ability)[0, 1] > 0.25
    assert abs(seen.talent.mean()) < 0.01


def test_before_and_after_equals_a_plain_regression() -> None:
    log = questions_as_concepts(simulate(students=400, concepts=2, questions=3, steps=6, seed=100).log)
    found, seen = before_after(log), Practice(log)
    i, j = 1, 4
    lines = seen.of(i)
    step = seen.lines[0][lines]
    time = log.place[step]
    ability = (seen.talent.sum(axis=1) - seen.talent[:, i])[log.student[step]]
    X = np.column_stack([np.ones(len(step)), time, time**2, ability, seen.done(step)[:, j] > 0])
    y = seen.surprise[lines]
    weights = np.linalg.lstsq(X, y, rcond=None)[0]
    left = y - X @ weights
    bread = np.linalg.inv(X.T @ X)
    spread = bread @ (X.T @ (X * left[:, None] ** 2)) @ bread  # one line a student
    assert found.effect[i, j] == pytest.approx(weights[-1], abs=1e-9)
    assert found.z[i, j] == pytest.approx(weights[-1] / np.sqrt(spread[-1, -1]), rel=1e-6)
    assert np.isnan(np.diag(found.z)).all()


def test_practice_of_the_same_concept_is_seen_and_ability_is_not() -> None:
    made = simulate(students=3000, concepts=2, questions=4, steps=8, seed=101)
    z = before_after(questions_as_concepts(made.log)).z
    same = made.concept_of_question[:, None] == made.concept_of_question
    np.fill_diagonal(same, False)
    other = made.concept_of_question[:, None] != made.concept_of_question
    assert z[same].mean() > z[other].mean() + 4  # at a given place one stands instead of the other
    assert z[same].min() > z[other].max()
    z = before_after(drawn_log(1500, 12, 6, ability=0.2)).z
    told = z[np.isfinite(z)]
    assert len(told) == 30
    assert abs(told.mean()) < 0.5
    assert 0.6 < told.std() < 1.4


def test_one_order_for_all_tells_nothing() -> None:
    log = questions_as_concepts(simulate(students=300, concepts=2, questions=3, steps=6, order="fixed").log)
    assert np.isnan(before_after(log).z).all()
    assert np.isnan(before_after(drawn_log(10, 4, 2)).z).all()  # too few answers
