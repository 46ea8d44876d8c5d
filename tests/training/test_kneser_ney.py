"""The bigram baseline: a case by hand, sums to one, and the learner over groups."""

from __future__ import annotations

import json

import numpy as np
import pytest

from classic_tables import CASES, split
from umbel.data.dataset import Dataset
from umbel.errors import UmbelError
from umbel.training.learners.kneser_ney import KneserNey
from umbel.training.learners.linear import Linear
from umbel.training.making import make
from umbel.training.packing import pack, unpack
from umbel.training.solvers.kneser_ney import Bigram, estimated_discount, fit_bigram, fit_chosen

# texts over the tokens end 0, unknown 1, a 2, b 3, c 4: "a b", "a b", "a c", "b"
VALUES = np.array([[2, 3, 0], [2, 3, 0], [2, 4, 0], [3, 0, 0]])
WEIGHTS = np.array([[1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 0]], dtype=float)


Parts = dict[str, tuple[Dataset, Dataset, Dataset]]


@pytest.fixture(scope="module")
def spoken() -> Parts:
    return {
        "columns": split(CASES["a text and labels"].make()),
        "groups": split(CASES["groups of texts"].make()),
    }


def test_a_small_case_by_hand() -> None:
    # pairs: start-a 3, start-b 1, a-b 2, a-c 1, b-end 3, c-end 1: three counts are 1 and one is 2
    model = fit_bigram(VALUES, WEIGHTS, 5)
    discount = 3 / (3 + 2 * 1)
    assert model.discount == pytest.approx(discount)
    # different tokens before end: b, c; a: start; b: start, a; c: a. Two are 1 and two are 2
    lost = 2 / (2 + 2 * 2)
    spread = 4 * lost / 5
    lower = np.array([2 - lost + spread, spread, 1 - lost + spread, 2 - lost + spread, 1 - lost + spread]) / 6
    np.testing.assert_allclose(model.lower, lower)
    after_a = np.array([0, 0, 0, 2 - discount, 1 - discount]) / 3 + discount * 2 / 3 * lower
    np.testing.assert_allclose(model.row(2), after_a)
    after_start = np.array([0, 0, 3 - discount, 1 - discount, 0]) / 4 + discount * 2 / 4 * lower
    np.testing.assert_allclose(model.row(0), after_start)
    after_unknown = lower  # nothing was seen after it
    np.testing.assert_allclose(model.row(1), after_unknown)


@pytest.mark.parametrize("discount", [None, 0.0, 0.5, 1.0])
def test_probabilities_sum_to_one_after_every_token(discount: float | None) -> None:
    chance = np.random.default_rng(0)
    values = chance.integers(0, 7, (30, 5))
    model = fit_bigram(values, chance.random((30, 5)) > 0.3, 9, discount=discount)
    for before in range(9):
        assert model.row(before).sum() == pytest.approx(1.0)
        assert (model.row(before) >= 0).all()
    assert (model.lower > 0).all()


def test_the_chances_of_true_tokens_are_those_of_the_rows() -> None:
    model = fit_bigram(VALUES, WEIGHTS, 5)
    found = model.chances(VALUES)
    before = np.hstack([np.zeros((4, 1), dtype=int), VALUES[:, :-1]])
    for place in np.ndindex(VALUES.shape):
        assert found[place] == pytest.approx(model.row(before[place])[VALUES[place]])


def test_the_discount_is_estimated_by_counts_of_one_and_two() -> None:
    assert estimated_discount(np.array([[1, 2], [0, 1]])) == 2 / (2 + 2)
    assert estimated_discount(np.array([3, 4])) == 0.75


def test_validation_chooses_the_discount_and_nothing_else() -> None:
    chance = np.random.default_rng(1)
    odds = 1 / np.arange(1, 40)
    train, valid = (chance.choice(39, (n, 8), p=odds / odds.sum()) + 2 for n in (60, 200))
    ones = np.ones
    first = fit_bigram(train, ones(train.shape), 41)
    found = fit_chosen((train, ones(train.shape)), [(valid, ones(valid.shape))], 41)
    assert np.log(found.chances(valid)).sum() > np.log(first.chances(valid)).sum()
    assert found.discount == 0.95  # tokens that are drawn apart from each other need no pairs
    assert (found.counts != first.counts).nnz == 0
    unknown = fit_chosen((train, ones(train.shape)), [(valid, 0 * ones(valid.shape))], 41)
    assert unknown.discount == first.discount


def test_it_writes_the_likeliest_way_and_never_the_unknown() -> None:
    assert fit_bigram(VALUES, WEIGHTS, 5).write(4).tolist() == [2, 3, 0, 0]


def test_nothing_known_is_the_uniform_distribution() -> None:
    np.testing.assert_allclose(fit_bigram(VALUES, 0 * WEIGHTS, 5).chances(VALUES), 0.2)


def test_it_goes_through_its_state() -> None:
    model = fit_bigram(VALUES, WEIGHTS, 5)
    again = Bigram.from_state(model.state())
    np.testing.assert_array_equal(again.chances(VALUES), model.chances(VALUES))
    assert again.parameters == model.parameters == 6 + 5 + 1


def test_each_group_has_its_own_bigram_and_an_unseen_one_that_of_all(spoken: Parts) -> None:
    train, valid, test = spoken["groups"]
    for learner in (KneserNey(), Linear(knots=0)):
        value, arrays = pack(learner.fit(train, valid).state())
        again = make(learner.name, json.loads(json.dumps(learner.options)))
        again.restore(unpack(json.loads(json.dumps(value)), arrays), train.tasks, train.schema)
        found = learner.predict(test)["reply"]
        np.testing.assert_array_equal(found.value, again.predict(test)["reply"].value)
        for group in np.unique(test.group):
            at, own = test.group == group, train.take(train.group == group)
            model = fit_bigram(own.values("reply"), own.weights("reply"), train.tasks.targets[0].kind.width)
            np.testing.assert_allclose(found.value[at], model.chances(test.values("reply")[at]))
            assert (found.tokens[at] == model.write(found.value.shape[1])).all()


def test_it_serves_texts_alone(spoken: Parts) -> None:
    train, valid, _ = spoken["columns"]
    assert "only tokens" in KneserNey.serves(train)
    with pytest.raises(UmbelError, match="only tokens"):
        KneserNey().fit(train, valid)
