from __future__ import annotations

import numpy as np
import pytest
from tests.families.tracing.recommend.gardens import Gardener

from umbel.errors import DataError
from umbel.families.tracing.recommend.policies import MasteryThreshold, Random
from umbel.families.tracing.recommend.prerequisites import Prerequisites
from umbel.families.tracing.recommend.simulate_policy import differences, play, warmed
from umbel.families.tracing.source.codes import Codes

OPEN = np.zeros((3, 3), dtype=np.bool_)


def gardener(order=(0, 1, 2)) -> Gardener:
    questions = tuple(f"question {c + 1}.{i + 1}" for c in range(3) for i in range(4))
    concepts = tuple(f"concept {c + 1}" for c in order)
    return Gardener(Codes(questions, concepts), np.full(3, 0.3), np.full(3, 0.1), OPEN)


def room(world="none"):
    return warmed(world, students=20, concepts=3, questions=4, answers=5)


class Always:
    """One concept for some students, another for the rest."""

    def __init__(self, first: int, rest: int, cut: int) -> None:
        self.first, self.rest, self.cut = first, rest, cut
        self.seen = []

    def __call__(self, now):
        self.seen.append(now.mastery)
        return np.where(np.arange(len(now.mastery)) < self.cut, self.first, self.rest)


def test_a_class_stays_as_it_is_and_plays_the_same_again() -> None:
    one = room()
    skill, steps = one.skill.copy(), one.log().steps
    played = play(gardener(), Random(), one, exercises=6, seed=3)
    np.testing.assert_array_equal(one.skill, skill)
    assert one.log().steps == steps == 100
    assert played.mastery.shape == (20, 7)
    assert played.chosen.shape == (20, 6)
    np.testing.assert_array_equal(played.mastery[:, 0], one.mastery().mean(axis=1))
    again = play(gardener(), Random(), one, exercises=6, seed=3)
    np.testing.assert_array_equal(again.mastery, played.mastery)
    other = play(gardener(), Random(), one, exercises=6, seed=4)
    assert (other.chosen != played.chosen).any()


def test_luck_is_paired_by_student() -> None:
    # who is given the same concepts comes out the same, whatever the others do
    one = room("chain")
    one_way, other_way = Always(0, 1, 12), Always(0, 2, 12)
    a = play(gardener(), one_way, one, exercises=8)
    b = play(gardener(), other_way, one, exercises=8)
    np.testing.assert_array_equal(a.mastery[:12], b.mastery[:12])
    assert (a.mastery[12:, -1] != b.mastery[12:, -1]).all()
    seen, other = np.stack(one_way.seen), np.stack(other_way.seen)  # what the model heard: the answers
    np.testing.assert_array_equal(seen[:, :12], other[:, :12])
    assert (seen[-1, 12:] != other[-1, 12:]).any(axis=1).all()
    assert len(np.unique(seen[-1, :12, 0])) > 4  # luck is each student's own


def test_the_truth_is_that_of_the_class() -> None:
    one = room("chain")
    played = play(gardener(), Always(1, 1, 0), one, exercises=4)
    by_hand = one.copy()
    for step in range(4):
        by_hand.answer(np.arange(20), 4 + step)  # any question of the second concept teaches the same
    np.testing.assert_allclose(played.end, by_hand.mastery().mean(axis=1))
    assert (played.chosen == 1).all()


def test_concepts_in_the_order_of_the_model_are_those_of_the_class() -> None:
    one = room()
    straight = play(gardener(), Always(2, 2, 0), one, exercises=3)
    turned = play(gardener((2, 0, 1)), Always(0, 0, 0), one, exercises=3)
    np.testing.assert_array_equal(straight.chosen, turned.chosen)
    np.testing.assert_allclose(straight.end, turned.end)


def test_what_is_not_offered_is_not_played() -> None:
    one = room("chain")
    rule = Prerequisites(one.prerequisites, mastered=0.9)
    played = play(gardener(), MasteryThreshold(0.95, "first"), one, exercises=2, offers=rule)
    assert (played.chosen == 0).all()  # nothing reaches 0.9 in two exercises


def test_a_model_of_other_concepts_is_refused() -> None:
    model = gardener()
    model.codes = Codes(model.codes.questions, ("concept 1", "concept 2", "concept 9"))
    with pytest.raises(DataError, match="concept 9"):
        play(model, Random(), room())
    model.codes = Codes(model.codes.questions, ("concept 1", "concept 2"))
    with pytest.raises(DataError, match="concept 3"):
        play(model, Random(), room())


def test_differences_are_those_of_pairs() -> None:
    chance = np.random.default_rng(1)
    base = chance.random(300)
    gain = chance.normal(0.02, 0.05, 300)
    found = differences({"plain": base, "better": base + gain, "same": base}, "better", resamples=1000)
    row = found.set_index("against").loc["plain"]
    assert row["difference"] == pytest.approx(gain.mean())
    error = gain.std(ddof=1) / np.sqrt(300)  # paired: the spread of the students themselves plays no part
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert found["low"].to_numpy() == pytest.approx(gain.mean() - 1.96 * error, abs=0.1 * error)
    null = differences({"plain": base, "same": base}, "same")
    assert null[["difference", "low", "high"]].to_numpy().tolist() == [[0.0, 0.0, 0.0]]


def test_differences_need_a_policy_and_enough_students() -> None:
    few = {"a": np.arange(4.0), "b": np.arange(4.0) + 1}
    assert np.isnan(differences(few, "a")["low"]).all()
    with pytest.raises(DataError, match="'c'"):
        differences(few, "c")
