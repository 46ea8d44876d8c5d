from __future__ import annotations

import math

import numpy as np
import pytest

from umbel.errors import ConfigError, DataError
from umbel.families.tracing.source.classroom import Classroom, drawn_order


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_skills_follow_the_equations_one_by_one() -> None:
    room = Classroom("chain", students=3, concepts=3, questions=2, seed=5)
    start = room.skill.copy()
    skill = [list(row) for row in start]
    asked = np.random.default_rng(0).integers(0, 6, (40, 3))
    for questions in asked:
        chances = room.chance(np.arange(3), questions)
        for student, question in enumerate(questions):
            concept = question // 2
            expected = 0.1 + 0.85 * logistic(skill[student][concept] - room.difficulty[question])
            assert chances[student] == pytest.approx(expected, abs=1e-12)
            gate = logistic(2 * skill[student][concept - 1]) if concept else 1.0
            for c in range(3):
                skill[student][c] = start[student, c] + 0.99 * (skill[student][c] - start[student, c])
            skill[student][concept] += 0.15 * (3 - skill[student][concept]) * gate
        room.answer([0, 1, 2], questions)
    np.testing.assert_allclose(room.skill, skill, atol=1e-12)
    assert room.skill.max() < 3


def test_students_and_questions_are_drawn_as_the_world_says() -> None:
    room = Classroom("none", students=20_000, concepts=3, questions=4000, seed=1)
    assert room.ability.mean() == pytest.approx(0, abs=0.03)
    assert room.ability.std() == pytest.approx(1, abs=0.02)
    rest = room.skill - room.ability[:, None] / 2
    assert rest.mean() == pytest.approx(-1, abs=0.01)
    assert rest.std() == pytest.approx(0.5, abs=0.01)
    assert np.corrcoef(rest[:, 0], rest[:, 1])[0, 1] == pytest.approx(0, abs=0.03)
    assert room.difficulty.mean() == pytest.approx(0, abs=0.03)
    assert room.difficulty.std() == pytest.approx(1, abs=0.03)


def test_answers_come_as_often_as_their_probability() -> None:
    room = Classroom("none", students=40_000, concepts=1, questions=1)
    chance = room.chance(np.arange(40_000), np.zeros(40_000, dtype=np.int64))
    correct = room.answer(np.arange(40_000), 0)
    assert set(np.unique(correct)) == {0.0, 1.0}
    for part in np.array_split(np.argsort(chance), 4):
        assert correct[part].mean() == pytest.approx(chance[part].mean(), abs=0.02)


def test_mastery_is_the_chance_at_the_average_difficulty() -> None:
    room = Classroom("chain", students=4, concepts=2, questions=3, seed=2)
    levels = room.difficulty.reshape(2, 3).mean(axis=1)
    for student in range(4):
        for concept in range(2):
            expected = 0.1 + 0.85 * logistic(room.skill[student, concept] - levels[concept])
            assert room.mastery()[student, concept] == pytest.approx(expected, abs=1e-12)


def test_worlds_have_the_prerequisites_they_are_named_for() -> None:
    assert not Classroom("none").prerequisites.any()
    assert np.argwhere(Classroom("chain", concepts=4).prerequisites).tolist() == [[1, 0], [2, 1], [3, 2]]
    hidden = Classroom("hidden", concepts=6, seed=3).prerequisites
    assert hidden.sum() == 5
    assert hidden.sum(axis=0).max() == hidden.sum(axis=1).max() == 1
    assert np.linalg.matrix_power(hidden.astype(int), 5).sum() == 1  # one chain through all six
    assert not np.array_equal(hidden, Classroom("hidden", concepts=6, seed=4).prerequisites)


def rates(room: Classroom) -> np.ndarray:
    students = len(room.ability)
    asked = drawn_order(students, room.questions, room.questions, np.random.default_rng(9))
    for questions in asked.T:
        room.answer(np.arange(students), questions)
    log = room.log()
    concept = room.concept_of_question[log.question]
    return np.bincount(concept, log.correct) / np.bincount(concept)


def test_base_rates_tell_the_order_in_a_chain_and_nothing_in_a_hidden_world() -> None:
    assert np.ptp(rates(Classroom("hidden", students=2000, seed=1))) < 0.03
    free, chain = (
        rates(Classroom("none", students=2000, seed=1)),
        rates(Classroom("chain", students=2000, seed=1)),
    )
    lost = free - chain  # the same students and questions
    assert lost[0] == pytest.approx(0, abs=0.02)
    assert (np.diff(lost) > 0).all()


def test_practice_without_its_prerequisite_gains_little() -> None:
    room = Classroom("chain", students=500, concepts=2, questions=1)
    before = room.mastery()[:, 1].mean()
    alone, ordered = room.copy(), room.copy()
    everyone = np.arange(500)
    for step in range(12):
        alone.answer(everyone, 1)
        ordered.answer(everyone, 0 if step < 6 else 1)
    assert ordered.mastery()[:, 1].mean() - before > 1.5 * (alone.mastery()[:, 1].mean() - before)


def test_a_copy_goes_its_own_way_with_the_same_luck() -> None:
    room = Classroom("chain", students=50, concepts=2, questions=3, seed=8)
    room.answer([0, 1], [0, 5])
    other = room.copy()
    here, there = room.answer(np.arange(50), 1), other.answer(np.arange(50), 1)
    assert np.array_equal(here, there)
    other.answer([3], 2)
    assert (room.log().steps, other.log().steps) == (52, 53)
    assert np.array_equal(room.skill[4], other.skill[4])
    assert not np.array_equal(room.skill[3], other.skill[3])


def test_the_log_has_each_students_answers_in_order() -> None:
    room = Classroom(students=3, concepts=2, questions=2)
    first = room.answer([2, 0], [3, 1])
    second = room.answer([2], 0)
    log = room.log()
    assert log.lengths.tolist() == [1, 0, 2]
    assert log.question.tolist() == [1, 3, 0]
    assert log.correct.tolist() == [first[1], first[0], second[0]]
    assert [log.questions[i] for i in log.question] == ["question 1.2", "question 2.2", "question 1.1"]
    assert [log.concept_sets[i].tolist() for i in log.sets] == [[0], [1], [0]]
    assert log.time is not None
    assert log.time.tolist() == [0, 0, 60]


def test_another_cohort_stands_before_the_same_questions() -> None:
    one, two = Classroom("hidden", seed=1), Classroom("hidden", seed=1, cohort=1)
    assert np.array_equal(one.difficulty, two.difficulty)
    assert np.array_equal(one.prerequisites, two.prerequisites)
    assert not np.array_equal(one.ability, two.ability)
    assert not set(one.log().students) & set(two.log().students)


def test_all_questions_come_once_before_one_comes_again() -> None:
    asked = drawn_order(5, 4, 10, np.random.default_rng(0))
    assert asked.shape == (5, 10)
    for row in asked.tolist():
        assert sorted(row[:4]) == sorted(row[4:8]) == [0, 1, 2, 3]
        assert len(set(row[8:])) == 2


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="simulated world"):
        Classroom("chains")
    with pytest.raises(ConfigError, match="'questions'"):
        Classroom(questions=0)
    with pytest.raises(ConfigError, match="'cohort'"):
        Classroom(cohort=-1)
    room = Classroom(students=2, concepts=1, questions=2)
    with pytest.raises(DataError, match="one question at a time"):
        room.answer([0, 0], [0, 1])
    with pytest.raises(DataError, match="from 0 to 1"):
        room.answer([0], [2])
    with pytest.raises(DataError, match="a student of the class"):
        room.answer([-1], [0])
    assert room.log().steps == 0
