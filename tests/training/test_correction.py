"""The correction of a stack: the step it takes, and that it stays away where it is not worth it."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from umbel.training.solvers.correction import fit_correction, working_residuals


def test_residuals_are_gradient_over_curvature() -> None:
    rng = np.random.default_rng(0)
    scores, eps = rng.normal(size=(6, 3)), 1e-5

    def cumulative(shift: float) -> float:
        """The summed yes-or-no losses of y > k, which the one shift of a row goes down."""
        moved = falling + shift
        return float((np.logaddexp(0, moved) - above * moved).sum())

    target = rng.integers(0, 4, 6)
    falling = np.sort(scores)[:, ::-1]
    residual, size = working_residuals("ordered", falling, target.astype(float), np.ones(6))
    assert residual.shape == (6, 1)
    above = (target[:, None] > np.arange(3)).astype(float)
    slope = (cumulative(eps) - cumulative(-eps)) / (2 * eps)
    assert float((residual * size).sum()) == pytest.approx(-slope, abs=1e-6)
    yes = (rng.random((6, 3)) < 0.5).astype(float)
    residual, size = working_residuals("bernoulli", scores, yes, np.ones((6, 3)))

    def nll(s: np.ndarray) -> float:
        return float((np.logaddexp(0, s) - yes * s).sum())

    step = np.zeros_like(scores)
    step[2, 1] = eps
    slope = (nll(scores + step) - nll(scores - step)) / (2 * eps)
    assert (residual * size)[2, 1] == pytest.approx(-slope, abs=1e-6)
    counts = rng.poisson(2, 6).astype(float)
    residual, size = working_residuals("poisson", scores[:, :1], counts, np.ones(6))
    np.testing.assert_allclose((residual * size)[:, 0], counts - np.exp(scores[:, 0]))


def test_a_useful_input_is_taken_up_and_a_useless_one_is_not() -> None:
    rng = np.random.default_rng(1)
    Z = rng.normal(size=(600, 3))
    truth = Z[:, 0] + 0.3 * rng.normal(size=600)
    found = fit_correction(Z, truth, np.ones(600))
    assert found is not None
    np.testing.assert_allclose(found[0], [1, 0, 0], atol=0.1)
    assert fit_correction(Z, rng.normal(size=600), np.ones(600)) is None
    assert fit_correction(Z[:10], truth[:10], np.ones(10)) is None


def test_one_step_comes_near_the_logistic_optimum() -> None:
    rng = np.random.default_rng(2)
    Z = rng.normal(size=(4000, 2))
    yes = (rng.random(4000) < 1 / (1 + np.exp(-0.6 * Z[:, 0]))).astype(float)
    residual, size = working_residuals("bernoulli", np.zeros((4000, 1)), yes, np.ones(4000))
    found = fit_correction(Z, residual[:, 0], size[:, 0])
    assert found is not None
    best = LogisticRegression(C=1e6).fit(Z, yes)
    np.testing.assert_allclose(found[0], best.coef_[0], atol=0.06)
