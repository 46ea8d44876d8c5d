from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from umbel.errors import ConfigError
from umbel.families.tracing.source.rules import RULES, right
from umbel.families.tracing.source.simulate import Classroom, simulate


def test_the_world_is_frozen() -> None:
    assert asdict(RULES) == {
        "guess": 0.1,
        "slip": 0.05,
        "start": -1.0,
        "spread": 0.5,
        "lift": 0.5,
        "rise": 0.15,
        "ceiling": 3.0,
        "forgetting": 0.01,
        "gate": 2.0,
        "deeper": 0.3,
    }
    right_answers = [int(simulate(w, students=100).log.correct.sum()) for w in ("none", "chain", "hidden")]
    assert right_answers == [3797, 2401, 3084]


def test_answers_and_truth_belong_together() -> None:
    made = simulate("hidden", students=300, concepts=3, questions=4, steps=20, seed=2)
    log = made.log
    assert (len(log), log.steps, made.skill.shape, made.skill.dtype) == (300, 6000, (6000, 3), np.float32)
    assert (len(made.ability), len(made.difficulty)) == (300, 12)
    concept = made.concept_of_question[log.question]
    assert concept.tolist() == [int(log.concept_sets[i][0]) for i in log.sets]
    chance = right(made.skill[np.arange(6000), concept] - made.difficulty[log.question])
    for part in np.array_split(np.argsort(chance), 5):
        assert log.correct[part].mean() == pytest.approx(chance[part].mean(), abs=0.05)
    room = Classroom("hidden", students=300, concepts=3, questions=4, seed=2)
    np.testing.assert_array_equal(made.skill[log.place == 0], room.skill.astype(np.float32))


def test_the_order_of_questions_is_random_or_one_for_all() -> None:
    asked = simulate(students=30, concepts=2, questions=5, steps=10).log.question.reshape(30, 10)
    assert (np.sort(asked, axis=1) == np.arange(10)).all()
    assert len({tuple(row) for row in asked.tolist()}) == 30
    fixed = simulate(students=30, concepts=2, questions=5, steps=10, order="fixed").log.question.reshape(
        30, 10
    )
    assert (fixed == fixed[0]).all()
    assert sorted(fixed[0].tolist()) == list(range(10))
    later = simulate(students=3, concepts=2, questions=5, steps=10, order="fixed", cohort=1)
    assert np.array_equal(later.log.question[:10], fixed[0])


def test_a_seed_is_a_class() -> None:
    one, same, other = simulate(students=20), simulate(students=20), simulate(students=20, seed=1)
    assert np.array_equal(one.log.correct, same.log.correct)
    assert np.array_equal(one.skill, same.skill)
    assert not np.array_equal(one.difficulty, other.difficulty)


def test_practice_of_a_concept_raises_later_answers_of_it() -> None:
    made = simulate("none", students=4000, concepts=2, questions=6, steps=6, seed=4)
    concept = made.concept_of_question[made.log.question].reshape(4000, 6)
    before = (concept[:, :5] == concept[:, 5:]).sum(axis=1)
    last = made.log.correct.reshape(4000, 6)[:, 5]
    assert last[before >= 4].mean() > last[before <= 1].mean() + 0.15


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="order of questions"):
        simulate(order="sorted")
    with pytest.raises(ConfigError, match="'steps'"):
        simulate(steps=0)
