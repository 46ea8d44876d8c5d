"""Sparse logistic regression, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from umbel.errors import ConfigError
from umbel.families.tracing.model.sparse_logistic import chosen_logistic, fit_logistic, strengths_of


def data(n: int = 300, seed: int = 0) -> tuple[sparse.csr_array, np.ndarray]:
    chance = np.random.default_rng(seed)
    X = chance.poisson(2.0, (n, 6)) * (chance.random((n, 6)) < 0.5) * np.array([1, 1, 1, 30, 0.1, 1])
    return sparse.csr_array(X), (chance.random(n) < expit(0.4 * X[:, 0] - 0.6 * X[:, 1] + 0.3)).astype(float)


@pytest.mark.parametrize("strength", [0.01, 1.0, 100.0])
def test_it_equals_scikit_learn(strength: float) -> None:
    X, y = data()
    found = fit_logistic(X, y, strength, tolerance=1e-14)
    other = LogisticRegression(C=strength, tol=1e-10, max_iter=5000, solver="newton-cg").fit(X, y)
    assert np.allclose(found.weights, other.coef_[0], atol=1e-5)
    assert found.intercept == pytest.approx(other.intercept_[0], abs=1e-5)
    assert np.allclose(found(X), other.predict_proba(X)[:, 1], atol=1e-5)


def test_partial_credit_is_a_share_of_a_right_answer() -> None:
    X, y = data()
    y = np.where(np.arange(len(y)) % 3 == 0, 0.25, y)
    found = fit_logistic(X, y, 0.5, tolerance=1e-14)
    twice = sparse.vstack([X, X])
    labels, weight = np.repeat([1, 0], len(y)), np.concatenate([y, 1 - y])
    other = LogisticRegression(C=0.5, tol=1e-10, max_iter=5000, solver="newton-cg")
    other.fit(twice, labels, sample_weight=weight)
    assert np.allclose(found.weights, other.coef_[0], atol=1e-5)


def test_a_start_does_not_change_what_is_found() -> None:
    X, y = data()
    begin = fit_logistic(X, y, 10.0)
    again, fresh = (fit_logistic(X, y, 0.1, start=s, tolerance=1e-14) for s in (begin, None))
    assert np.allclose(again.weights, fresh.weights, atol=1e-6)


def test_the_strength_of_least_validation_loss_is_chosen() -> None:
    (X, y), (V, z) = data(60), data(400, seed=1)
    chosen = chosen_logistic(X, y, V, z, [100.0, 1e-4, 0.1])
    assert list(chosen.losses) == [1e-4, 0.1, 100.0]
    assert chosen.losses[chosen.strength] == min(chosen.losses.values())
    p = chosen.model(V)
    assert chosen.losses[chosen.strength] == pytest.approx(-(z * np.log(p) + (1 - z) * np.log(1 - p)).mean())


def test_refusals() -> None:
    for wrong in (0.0, [], [1.0, -1.0], float("inf"), float("nan")):
        with pytest.raises(ConfigError, match="strength"):
            strengths_of("pfa", wrong)
