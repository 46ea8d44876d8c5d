from __future__ import annotations

import numpy as np
import pytest
from tests.families.tracing.recommend.gardens import Garden, garden

from umbel.errors import ConfigError
from umbel.families.tracing.recommend import expected_gain as module
from umbel.families.tracing.recommend.expected_gain import expected_gain, gain_ahead

NONE = np.zeros(1, dtype=np.int64)


def practised(one: Garden, concept: int, answer: float) -> Garden:
    copy = one.take(np.array([0]))
    copy.update(np.array([0]), NONE, np.array([[concept + 1]]), np.array([answer]))
    return copy


def by_hand(one: Garden, concept: int, horizon: int, allowed=None) -> float:
    """The definition, one student and one branch at a time."""
    p, total = float(one.level[0, concept]), 0.0
    for answer, weight in ((1.0, p), (0.0, 1 - p)):
        after = practised(one, concept, answer)
        if horizon == 1:
            total += weight * after.level.mean()
        else:
            offered = range(3) if allowed is None else np.flatnonzero(allowed(after.level)[0])
            total += weight * max(by_hand(after, int(c), horizon - 1, allowed) for c in offered)
    return total


@pytest.mark.parametrize("horizon", [1, 2, 3])
def test_expected_gain_equals_the_enumeration_of_all_outcomes(horizon: int) -> None:
    pool = garden(students=4, chain=True)
    before = pool.level.copy()
    found = expected_gain(pool, 3, horizon=horizon)
    for s in range(4):
        one = pool.take(np.array([s]))
        wanted = [by_hand(one, c, horizon) - one.level.mean() for c in range(3)]
        np.testing.assert_allclose(found[s], wanted, rtol=1e-12)
    np.testing.assert_array_equal(pool.level, before)


def test_later_choices_are_among_what_is_offered_then() -> None:
    pool = garden(students=3, seed=1)

    def lowest(mastery):  # only the weakest concept
        return mastery == mastery.min(axis=1, keepdims=True)

    found = expected_gain(pool, 3, horizon=3, offers=lowest)
    free = expected_gain(pool, 3, horizon=3)
    for s in range(3):
        one = pool.take(np.array([s]))
        wanted = [by_hand(one, c, 3, lowest) - one.level.mean() for c in range(3)]
        np.testing.assert_allclose(found[s], wanted, rtol=1e-12)
    assert (found <= free + 1e-12).all()
    assert (found < free - 1e-4).any()


def test_answers_that_teach_nothing_gain_nothing() -> None:
    # the belief is a martingale under its own forecast: what is left of the gain is practice alone
    pool = garden(students=6)
    still = Garden(pool.level, np.zeros(3), pool.needs)
    np.testing.assert_allclose(expected_gain(still, 3, horizon=2), 0.0, atol=1e-12)
    np.testing.assert_allclose(gain_ahead(still, 3, horizon=4), 0.0, atol=1e-12)
    np.testing.assert_allclose(expected_gain(pool, 3), (1 - pool.level) * pool.rates / 3, rtol=1e-9)


def test_the_way_ahead_is_greedy_after_the_first_exercise() -> None:
    pool = garden(students=5, chain=True, seed=3)
    found = gain_ahead(pool, 3, horizon=4)
    for s in range(5):
        for c in range(3):
            now = practised(pool.take(np.array([s])), c, float(pool.level[s, c]))
            path = [now.level.mean()]
            for _ in range(3):
                nexts = [practised(now, d, float(now.level[0, d])) for d in range(3)]
                now = nexts[int(np.argmax([n.level.mean() for n in nexts]))]
                path.append(now.level.mean())
            np.testing.assert_allclose(found[s, c], np.mean(path) - pool.level[s].mean(), rtol=1e-12)


def test_the_way_ahead_keeps_to_what_is_offered() -> None:
    pool = garden(students=4, seed=2)

    def only_last(mastery):
        return np.arange(3) == np.full((len(mastery), 1), 2)

    found = gain_ahead(pool, 3, horizon=3, offers=only_last)
    for s in range(4):
        one, path = pool.take(np.array([s])), []
        for c in (0, 2, 2):
            one = practised(one, c, float(one.level[0, c]))
            path.append(one.level.mean())
        np.testing.assert_allclose(found[s, 0], np.mean(path) - pool.level[s].mean(), rtol=1e-12)


def test_parts_of_a_class_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = garden(students=11)
    whole = expected_gain(pool, 3, horizon=2), gain_ahead(pool, 3, horizon=3)
    monkeypatch.setattr(module, "MOST_STATES", 40)
    np.testing.assert_array_equal(expected_gain(pool, 3, horizon=2), whole[0])
    np.testing.assert_array_equal(gain_ahead(pool, 3, horizon=3), whole[1])


def test_a_horizon_is_one_exercise_or_more() -> None:
    for look in (expected_gain, gain_ahead):
        with pytest.raises(ConfigError, match="horizon"):
            look(garden(), 3, horizon=0)
