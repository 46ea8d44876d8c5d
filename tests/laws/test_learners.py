"""One contract suite for every registered learner: it finds them by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from classic_tables import CASES, hidden, split, without_answers
from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.errors import UmbelError
from umbel.tasks import Prediction, TaskSet
from umbel.training.learner import LEARNERS
from umbel.training.making import make
from umbel.training.packing import pack, unpack

SMALL: dict[str, dict[str, Any]] = {
    "forest": {"trees": 8, "trial_trees": 3},
    "forest_per_task": {"trees": 4, "trial_trees": 2},
    "gaussian_process": {"restarts": 0},
    "boosted": {"iterations": 15},
    "linear": {"knots": 2, "folds": 3},
    "mean_regularised": {"folds": 3},
    "net": {"epochs": 2, "width": 8, "depth": 1},
    "cross_fit": {"learner": "constant", "folds": 3},
    "independent": {"learner": "constant"},
    "late_fusion": {"learner": "linear", "options": {"folds": 3}},
}
"""Options that make a learner fast; the laws do not depend on them."""

COMPOSED = {"average", "chosen", "stacked"}
"""Built of fitted members, not by ``fit`` alone; see their own tests."""

ORDER_MATTERS = {
    "net": "its batches are drawn by position",
    "cross_fit": "its folds go by position",
}
"""Learners whose fit depends on the order of rows, and why."""

NAMES = [name for name in LEARNERS.names() if name not in COMPOSED]


Problems = dict[str, tuple[Dataset, Dataset, Dataset]]


@pytest.fixture(scope="module")
def problems() -> Problems:
    return {name: split(case.make()) for name, case in CASES.items()}


@pytest.fixture(scope="module")
def fitted(problems: Problems) -> Callable[[str, str], Any]:
    """A learner fitted on a case, once for all tests."""
    return cache(lambda name, case: _fit(name, *problems[case][:2]))


def _served(name: str, problems: Problems) -> list[str]:
    return [case for case, (train, _, _) in problems.items() if not LEARNERS.get(name).serves(train)]


def _fit(name: str, train: Dataset, valid: Dataset) -> Any:
    return make(name, SMALL.get(name)).fit(train, valid)


def _same(one: dict[str, Prediction], other: dict[str, Prediction], tolerance: float = 0.0) -> None:
    assert set(one) == set(other)
    for target, found in one.items():
        np.testing.assert_allclose(found.value, other[target].value, rtol=tolerance, atol=tolerance)
        assert (found.spread is None) == (other[target].spread is None)
        if found.spread is not None and other[target].spread is not None:
            np.testing.assert_allclose(found.spread, other[target].spread, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_predictions_are_in_the_tasks_own_terms(
    name: str, problems: Problems, fitted: Callable[[str, str], Any]
) -> None:
    served = _served(name, problems)
    assert served, "every learner serves at least one of the cases"
    for case in served:
        train, _, test = problems[case]
        learner = fitted(name, case)
        found = learner.predict(test)
        assert list(found) == [t.name for t in test.tasks.targets]
        for target in test.tasks.targets:
            value, spread = found[target.name].value, found[target.name].spread
            assert len(value) == len(test)
            assert np.isfinite(value).all()
            assert value.dtype == np.float64
            if target.kind.response in ("categorical", "ordered", "simplex"):
                np.testing.assert_allclose(value.sum(axis=1), 1, atol=1e-6)
                assert (value >= 0).all()
            if target.kind.response == "bernoulli":
                assert ((value >= 0) & (value <= 1)).all()
                many = train.weights(target.name).ndim == 2
                assert value.shape == (
                    (len(test), train.weights(target.name).shape[1]) if many else (len(test),)
                )
            if target.kind.response == "sequence":
                assert value.shape == test.values(target.name).shape
                assert ((value > 0) & (value <= 1)).all()
                tokens = found[target.name].tokens
                assert tokens is None or tokens.shape == value.shape
            if target.kind.response == "poisson":
                assert (value > 0).all()
            if target.kind.response in ("gaussian", "poisson"):
                assert spread is not None
                assert spread.shape == (len(test),)
                assert (spread > 0).all()
        assert learner.parameters > 0
        json.dumps(learner.notes)
        json.dumps(learner.options)


@pytest.mark.parametrize("name", NAMES)
def test_state_round_trip_is_bit_equal(
    name: str, problems: Problems, fitted: Callable[[str, str], Any]
) -> None:
    for case in _served(name, problems):
        train, _, test = problems[case]
        learner = fitted(name, case)
        value, arrays = pack(learner.state())
        state = unpack(json.loads(json.dumps(value)), arrays)
        again = make(name, json.loads(json.dumps(learner.options)))
        tasks = TaskSet.from_state(json.loads(json.dumps(train.tasks.state)))
        again.restore(state, tasks, Schema.from_state(train.schema.state))
        _same(learner.predict(test), again.predict(replace(test, _cache={})))
        assert again.parameters == learner.parameters


@pytest.mark.parametrize("name", ORDER_MATTERS)
def test_fitting_twice_gives_the_same_model(
    name: str, problems: Problems, fitted: Callable[[str, str], Any]
) -> None:
    for case in _served(name, problems):
        train, valid, test = problems[case]
        _same(fitted(name, case).predict(test), _fit(name, train, valid).predict(test))


@pytest.mark.parametrize("name", NAMES)
def test_predictions_never_read_an_answer(
    name: str, problems: Problems, fitted: Callable[[str, str], Any]
) -> None:
    for case in _served(name, problems):
        test = problems[case][2]
        learner = fitted(name, case)
        found, blind = learner.predict(test), learner.predict(without_answers(test))
        for target in test.tasks.targets:
            if target.kind.response == "sequence":  # the probability of a true token needs those before it
                one, other = found.pop(target.name).tokens, blind.pop(target.name).tokens
                assert one is other is None or np.array_equal(one, other)
        _same(found, blind)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ORDER_MATTERS])
def test_the_order_of_rows_changes_nothing(
    name: str, problems: Problems, fitted: Callable[[str, str], Any]
) -> None:
    for case in _served(name, problems):
        train, valid, test = problems[case]
        shuffled = train.take(np.random.default_rng(1).permutation(len(train)))
        _same(fitted(name, case).predict(test), _fit(name, shuffled, valid).predict(test), 1e-6)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ORDER_MATTERS])
def test_the_order_of_targets_changes_nothing(
    name: str, problems: Problems, fitted: Callable[[str, str], Any]
) -> None:
    for case in _served(name, problems):
        if len(CASES[case].targets) > 1:
            train, valid, test = split(CASES[case].make(CASES[case].targets[::-1]))
            other = _fit(name, train, valid).predict(test)
            _same(fitted(name, case).predict(problems[case][2]), other, 1e-6)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ORDER_MATTERS])
def test_a_row_without_labels_changes_nothing(
    name: str, problems: Problems, fitted: Callable[[str, str], Any]
) -> None:
    for case in CASES:
        train, valid, test = problems[case]
        gone = train.rows[::6]
        masked = hidden(train, gone)
        fewer = masked.take(~np.isin(masked.rows, gone))
        if LEARNERS.get(name).serves(masked) or LEARNERS.get(name).serves(fewer):
            continue
        _same(_fit(name, masked, valid).predict(test), _fit(name, fewer, valid).predict(test), 1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_unseen_groups_are_answered(name: str, problems: Problems, fitted: Callable[[str, str], Any]) -> None:
    for case in _served(name, problems):
        test = problems[case][2]
        if test.groups is None:
            continue
        learner = fitted(name, case)
        groups = test.groups.copy()
        some, rest = test.rows[::3], np.setdiff1d(test.rows, test.rows[::3])
        groups[some] = -1
        found = learner.predict(replace(test, groups=groups, _cache={}))
        usual = learner.predict(test)
        other = np.isin(test.rows, rest)
        for target, prediction in found.items():
            assert np.isfinite(prediction.value).all()
            np.testing.assert_allclose(prediction.value[other], usual[target].value[other])


@pytest.mark.parametrize("name", NAMES)
def test_a_reason_is_text_and_is_told_when_it_is_fitted_all_the_same(
    name: str, problems: Problems, fitted: Callable[[str, str], Any]
) -> None:
    for train, valid, _ in problems.values():
        why = LEARNERS.get(name).serves(train)
        assert isinstance(why, str)
        if why and hasattr(LEARNERS.get(name), "_fit"):
            with pytest.raises(UmbelError) as caught:
                _fit(name, train, valid)
            assert why in str(caught.value)
