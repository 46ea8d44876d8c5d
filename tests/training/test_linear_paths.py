"""Paths of one linear model over its strengths, for every response, against scikit-learn and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge

from umbel.tasks import KINDS, Prediction
from umbel.training.learners.classic import Answers
from umbel.training.learners.linear_paths import METHODS, Part, final, grid, near

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 4))
SCORE = X @ [1.0, -1.0, 0.5, 0.0] + RNG.normal(size=80)
W = RNG.uniform(0.5, 2, 80)
STRENGTHS = np.array([30.0, 1.0])


class _Kind:
    """The little of a kind that a path asks for: its response, and how many classes there are."""

    def __init__(self, response: str, classes: int = 1) -> None:
        self.response, self.count = response, classes

    def constant(self, values: np.ndarray, weights: np.ndarray) -> Prediction:
        return Prediction(np.zeros((1, self.count)) if self.count > 1 else np.zeros(1))


def part(response: str, y: np.ndarray, weights: np.ndarray = W, *, classes: int = 1, design: Any = X) -> Part:
    return Part(design, Answers(np.arange(80), y, weights, _Kind(response, classes)), np.arange(80))


def test_a_number_is_ridge_and_its_loss_the_squared_error() -> None:
    path, loss = METHODS["gaussian"]
    own = part("gaussian", SCORE)
    for strength, (coefficients, intercepts) in zip(STRENGTHS, path(own, STRENGTHS, 1e-9), strict=True):
        oracle = Ridge(alpha=strength).fit(X, SCORE, sample_weight=W)
        np.testing.assert_allclose(coefficients[:, 0], oracle.coef_, atol=1e-8)
        np.testing.assert_allclose(intercepts[0], oracle.intercept_, atol=1e-8)
        wrong = W @ (SCORE - oracle.predict(X)) ** 2
        assert loss(own, (coefficients, intercepts))[0] == pytest.approx(wrong)


def test_a_yes_or_no_is_logistic_and_a_count_poisson() -> None:
    yes, counts = (SCORE > 0).astype(float), RNG.poisson(np.exp(0.4 * SCORE)).astype(float)
    for strength, (coefficients, intercepts) in zip(
        STRENGTHS, METHODS["bernoulli"][0](part("bernoulli", yes), STRENGTHS, 1e-10), strict=True
    ):
        oracle = LogisticRegression(C=1 / strength, tol=1e-10, max_iter=1000).fit(X, yes, sample_weight=W)
        np.testing.assert_allclose(coefficients[:, 0], oracle.coef_[0], atol=1e-5)
        np.testing.assert_allclose(intercepts, oracle.intercept_, atol=1e-5)
    for strength, (coefficients, intercepts) in zip(
        STRENGTHS, METHODS["poisson"][0](part("poisson", counts), STRENGTHS, 1e-10), strict=True
    ):
        oracle = PoissonRegressor(alpha=strength / W.sum(), tol=1e-10, max_iter=1000)
        oracle.fit(X, counts, sample_weight=W)
        np.testing.assert_allclose(coefficients[:, 0], oracle.coef_, atol=1e-5)
        np.testing.assert_allclose(intercepts[0], oracle.intercept_, atol=1e-5)


def test_a_sparse_design_gives_the_same() -> None:
    yes = (SCORE > 0).astype(float)
    path = METHODS["bernoulli"][0]
    dense = path(part("bernoulli", yes), STRENGTHS, 1e-10)
    thin = path(part("bernoulli", yes, design=sparse.csr_matrix(X)), STRENGTHS, 1e-10)
    for one, other in zip(dense, thin, strict=True):
        np.testing.assert_allclose(one[0], other[0], atol=1e-6)


def test_classes_are_softmax_and_their_loss_the_cross_entropy() -> None:
    y = np.digitize(SCORE, [-0.7, 0.7]).astype(float)
    own = part("categorical", y, classes=3)
    path, loss = METHODS["categorical"]
    coefficients, intercepts = path(own, STRENGTHS, 1e-9)[1]
    scores = X @ coefficients + intercepts
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    expected = -(W * log_p[np.arange(80), y.astype(int)]).sum()
    assert loss(own, (coefficients, intercepts))[0] == pytest.approx(expected)
    oracle = LogisticRegression(C=1.0, tol=1e-10, max_iter=2000).fit(X, y, sample_weight=W)
    np.testing.assert_allclose(coefficients - coefficients.mean(1, keepdims=True), oracle.coef_.T, atol=1e-3)


def test_a_path_is_near_where_each_output_takes_its_own_strength() -> None:
    path = [(np.full((4, 2), a), np.array([a, 10.0 + a])) for a in (0.0, 1.0)]
    found = near(path, np.array([1, 0]))
    assert found is not None
    assert found[0].tolist() == [[1.0, 0.0]] * 4
    assert found[1].tolist() == [1.0, 10.0]
    assert near([], np.array([0])) is None
    assert near(path, np.array([0])) is None  # one strength for all outputs begins anew


def test_an_output_that_is_all_alike_has_its_smoothed_rate() -> None:
    labels = np.column_stack([(SCORE > 0).astype(float), np.ones(80)])
    weights = np.column_stack([W, np.ones(80)])
    coefficients, intercepts = final(part("bernoulli", labels, weights), np.ones(2), 1e-9, None)
    assert (coefficients[:, 1] == 0).all()
    assert 1 / (1 + np.exp(-intercepts[1])) == pytest.approx(80.5 / 81)
    assert np.abs(coefficients[:, 0]).max() > 0.3


@pytest.mark.parametrize("response", sorted(METHODS))
@pytest.mark.parametrize("big", [False, True])
def test_strengths_go_from_strong_to_weak(response: str, big: bool) -> None:
    assert (np.diff(grid(response, big)) < 0).all()


def test_every_kind_has_its_way() -> None:
    texts = {"sequence"}  # answered by counts of pairs, see test_kneser_ney.py
    assert {KINDS.get(name).response for name in KINDS.names()} - texts <= set(METHODS)


def test_some_rows_of_a_part_are_its_rows() -> None:
    some = part("gaussian", SCORE).take(np.array([3, 5]))
    np.testing.assert_array_equal(some.X, X[[3, 5]])
    np.testing.assert_array_equal(some.own.values, SCORE[[3, 5]])
    assert some.entities.tolist() == [3, 5]
