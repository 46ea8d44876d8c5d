from __future__ import annotations

import numpy as np
import pytest
from tests.families.tracing.recommend.gardens import Garden, garden

from umbel.errors import ConfigError
from umbel.families.tracing.recommend.expected_gain import expected_gain
from umbel.families.tracing.recommend.policies import (
    Ahead,
    Expectimax,
    Greedy,
    MasteryThreshold,
    Random,
    Standing,
)


def standing(pool: Garden, *, left: int = 30, offers=None, luck=None) -> Standing:
    return Standing(pool, pool.level.copy(), np.zeros(len(pool)) if luck is None else luck, left, offers)


def plain(level) -> Garden:
    level = np.array(level, dtype=np.float64)
    return Garden(level, np.full(level.shape[1], 0.1), np.zeros((level.shape[1],) * 2, dtype=np.bool_))


def test_random_takes_what_is_offered_equally_often() -> None:
    pool = plain(np.full((6000, 3), 0.4))
    luck = np.random.default_rng(0).random(6000)

    def first_and_last(mastery):
        return np.tile([True, False, True], (len(mastery), 1))

    share = np.bincount(Random()(standing(pool, luck=luck)), minlength=3) / 6000
    np.testing.assert_allclose(share, 1 / 3, atol=0.02)
    share = np.bincount(Random()(standing(pool, luck=luck, offers=first_and_last)), minlength=3) / 6000
    np.testing.assert_allclose(share, [0.5, 0, 0.5], atol=0.02)


def test_mastery_learning_takes_a_concept_that_is_lacking() -> None:
    pool = plain([[0.65, 0.9, 0.3], [0.9, 0.6, 0.69], [0.9, 0.8, 0.75], [0.2, 0.1, 0.4]])
    now = standing(pool)
    assert MasteryThreshold(0.7)(now).tolist() == [2, 1, 2, 1]
    assert MasteryThreshold(0.7, "first")(now).tolist() == [0, 1, 2, 0]
    assert MasteryThreshold(0.5, "first")(now).tolist() == [2, 1, 2, 0]


def test_every_policy_keeps_to_what_is_offered() -> None:
    pool = garden(students=40, seed=4)

    def not_the_lowest(mastery):
        return mastery > mastery.min(axis=1, keepdims=True)

    now = standing(pool, offers=not_the_lowest, luck=np.linspace(0, 0.999, 40))
    offered = now.offered
    for policy in (
        Random(), MasteryThreshold(0.9), MasteryThreshold(0.9, "first"), Greedy(), Expectimax(2), Ahead(3),
    ):  # fmt: skip
        assert offered[np.arange(40), policy(now)].all()


def test_greedy_takes_the_concept_that_is_known_to_grow_most() -> None:
    level = np.array([[0.5, 0.5, 0.5], [0.9, 0.5, 0.6], [0.2, 0.8, 0.9]])
    pool = Garden(level, np.array([0.1, 0.2, 0.3]), np.zeros((3, 3), dtype=np.bool_))
    best = ((1 - level) * pool.rates).argmax(axis=1)
    assert best.tolist() == [2, 2, 0]
    assert Greedy()(standing(pool)).tolist() == best.tolist()


def test_expectimax_of_one_exercise_is_greedy() -> None:
    now = standing(garden(students=60, concepts=4, seed=5, chain=True))
    np.testing.assert_array_equal(Expectimax(1)(now), Greedy()(now))
    np.testing.assert_array_equal(Expectimax(2)(now), expected_gain(now.pool, 4, horizon=2).argmax(axis=1))


def test_what_an_exercise_opens_is_seen_by_who_looks_ahead() -> None:
    # the second concept grows fast once the first is known, the third slowly and at once
    needs = np.zeros((3, 3), dtype=np.bool_)
    needs[1, 0] = True
    pool = Garden(np.array([[0.45, 0.1, 0.1]]), np.array([0.15, 0.6, 0.12]), needs)
    assert Greedy()(standing(pool)).tolist() == [2]
    assert Expectimax(2)(standing(pool)).tolist() == [0]
    assert Ahead(4)(standing(pool)).tolist() == [0]
    assert Ahead(4)(standing(pool, left=1)).tolist() == [2]  # nothing is left to open


def test_options_are_checked() -> None:
    for wrong in (lambda: MasteryThreshold(0.0), lambda: MasteryThreshold(0.7, "last")):
        with pytest.raises(ConfigError):
            wrong()
    for wrong in (lambda: Expectimax(0), lambda: Ahead(0)):
        with pytest.raises(ConfigError, match="horizon"):
            wrong()
