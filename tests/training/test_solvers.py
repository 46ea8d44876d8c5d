"""Classical solvers against scikit-learn, dense solves and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge

from umbel.training.solvers.classes import fit_grades, fit_softmax, grade_probabilities, softmax
from umbel.training.solvers.glm import fit_glm
from umbel.training.solvers.hierarchical import fit_hierarchical
from umbel.training.solvers.mean_regularised import mean_logistic, mean_ridge, mean_ridge_path
from umbel.training.solvers.ridge import ridge_leave_one_out, ridge_path


def _inputs(seed: int, rows: int = 120, columns: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns)) + 0.3


@pytest.mark.parametrize("columns", [7, 300])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_ridge_equals_scikit_learn(columns: int, form: object) -> None:
    rng = np.random.default_rng(0)
    X, y, w = _inputs(1, columns=columns), rng.normal(size=120) + 2, rng.uniform(0.5, 2, 120)
    strengths = np.array([0.1, 3.0, 100.0])
    path = ridge_path(form(X), y, strengths, w)
    for a, strength in enumerate(strengths):
        oracle = Ridge(alpha=strength, tol=1e-12).fit(X, y, sample_weight=w)
        np.testing.assert_allclose(path.coefficients[:, a], oracle.coef_, atol=1e-8)
        np.testing.assert_allclose(path.intercepts[a], oracle.intercept_, atol=1e-8)


def test_wide_sparse_ridge_by_conjugate_gradients_equals_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    X = sparse.random(150, 900, density=0.03, random_state=0, format="csr")
    y, w = rng.normal(size=150), rng.uniform(0.5, 2, 150)
    path = ridge_path(X, y, np.array([0.1, 5.0]), w, tolerance=1e-10)
    for a, strength in enumerate((0.1, 5.0)):
        oracle = Ridge(alpha=strength).fit(X.toarray(), y, sample_weight=w)
        np.testing.assert_allclose(path.coefficients[:, a], oracle.coef_, atol=1e-6)


def test_leave_one_out_errors_equal_refits() -> None:
    rng = np.random.default_rng(0)
    X, y, w = _inputs(1, rows=15, columns=4), rng.normal(size=15), rng.uniform(0.5, 2, 15)
    _, errors = ridge_leave_one_out(X, y, np.array([0.5, 20.0]), w)
    for i in range(15):
        rest = np.arange(15) != i
        path = ridge_path(X[rest], y[rest], np.array([0.5, 20.0]), w[rest])
        np.testing.assert_allclose(errors[i], y[i] - path.predict(X[[i]])[0], atol=1e-10)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_logistic_equals_scikit_learn_label_by_label(form: object) -> None:
    rng = np.random.default_rng(2)
    X = _inputs(3)
    Y = (rng.random((120, 4)) < expit(X[:, :4] - 1)).astype(float)
    weights = (rng.random((120, 4)) < 0.8) * rng.uniform(0.5, 2, (120, 4))
    strengths = np.array([0.1, 1.0, 5.0, 30.0])
    W, b = fit_glm(form(X), Y, strengths, weights, "bernoulli", tolerance=1e-10)
    for label, strength in enumerate(strengths):
        known = weights[:, label] > 0
        oracle = LogisticRegression(C=1 / strength, tol=1e-12, solver="newton-cholesky")
        oracle.fit(X[known], Y[known, label], sample_weight=weights[known, label])
        np.testing.assert_allclose(W[:, label], oracle.coef_[0], atol=1e-6)
        np.testing.assert_allclose(b[label], oracle.intercept_[0], atol=1e-6)


def test_logistic_in_single_precision_is_near() -> None:
    X = _inputs(3)
    Y = (X[:, :1] > 0.3).astype(float)
    s, v = np.ones(1), np.ones((120, 1))
    W, _ = fit_glm(X, Y, s, v, "bernoulli")
    W32, _ = fit_glm(X.astype(np.float32), Y, s, v, "bernoulli", tolerance=1e-5)
    np.testing.assert_allclose(W, W32, atol=1e-3)


def test_logistic_of_separable_and_of_constant_labels_is_finite() -> None:
    X = _inputs(3)
    Y = np.column_stack([X[:, 0] > 0, np.ones(120), np.zeros(120)]).astype(float)
    W, b = fit_glm(X, Y, np.full(3, 1e-3), np.ones((120, 3)), "bernoulli")
    assert np.isfinite(W).all()
    assert np.isfinite(b).all()
    assert ((X @ W + b > 0) == (Y > 0)).all()


def test_poisson_equals_scikit_learn() -> None:
    rng = np.random.default_rng(4)
    X = _inputs(5)
    y = rng.poisson(np.exp(0.5 * X[:, 0])).astype(float)
    W, b = fit_glm(X, y[:, None], np.array([120 * 0.1]), np.ones((120, 1)), "poisson", tolerance=1e-10)
    oracle = PoissonRegressor(alpha=0.1, tol=1e-12, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(W[:, 0], oracle.coef_, atol=1e-5)
    np.testing.assert_allclose(b[0], oracle.intercept_, atol=1e-5)


def test_softmax_equals_scikit_learn() -> None:
    rng = np.random.default_rng(6)
    X = _inputs(7)
    y = (X[:, 0] + rng.normal(size=120) > 0).astype(int) + (X[:, 1] > 0.5)
    W, b = fit_softmax(X, np.eye(3)[y], 2.0, np.ones(120))
    oracle = LogisticRegression(C=0.5, tol=1e-12, solver="newton-cg", max_iter=1000).fit(X, y)
    np.testing.assert_allclose(W.T, oracle.coef_, atol=1e-4)
    np.testing.assert_allclose(b, oracle.intercept_ - oracle.intercept_.mean(), atol=1e-4)
    np.testing.assert_allclose(softmax(X @ W + b), oracle.predict_proba(X), atol=1e-4)


def test_grades_find_the_generating_cuts() -> None:
    rng = np.random.default_rng(8)
    score, cuts = rng.normal(size=20000) * 3, np.array([-2.0, 0.5, 4.0])
    grade = (score * 0.7 + rng.logistic(size=20000))[:, None] > cuts
    slope, found = fit_grades(score, grade.sum(axis=1), 4, np.ones(20000))
    assert slope == pytest.approx(0.7, abs=0.02)
    np.testing.assert_allclose(found, cuts, atol=0.1)
    shares = grade_probabilities(score, slope, found)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_allclose(
        shares.mean(axis=0), np.bincount(grade.sum(axis=1), minlength=4) / 20000, atol=0.01
    )


def test_grades_survive_an_empty_grade() -> None:
    score = np.linspace(-1, 1, 30)
    slope, cuts = fit_grades(score, np.where(score > 0, 3, 0), 4, np.ones(30))
    assert np.isfinite(slope)
    assert (np.diff(cuts) >= 0).all()


def _schools(seed: int, tasks: int = 6, rows: int = 25, width: int = 4) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    task = np.repeat(np.arange(tasks), rows)
    X = np.column_stack([rng.normal(size=(len(task), width)), np.full(len(task), 2.0)])
    W = rng.normal(size=width + 1) + 0.3 * rng.normal(size=(tasks, width + 1))
    y = np.einsum("ij,ij->i", X, W[task]) + 0.5 * rng.normal(size=len(task))
    shuffle = rng.permutation(len(task))
    return X[shuffle], y[shuffle], task[shuffle], rng.uniform(0.5, 2, len(task))


def _arrow(X: np.ndarray, task: np.ndarray, tasks: int) -> np.ndarray:
    """The expanded design [w_0, v_1 .. v_P] as one dense matrix."""
    Z = np.zeros((len(X), X.shape[1] * (tasks + 1)))
    Z[:, : X.shape[1]] = X
    for i, p in enumerate(task):
        Z[i, X.shape[1] * (p + 1) : X.shape[1] * (p + 2)] = X[i]
    return Z


def test_mean_ridge_equals_a_dense_solve() -> None:
    X, y, task, w = _schools(0)
    found = mean_ridge(X, y, task, 6, 3.0, common=0.7, weights=w)
    Z = _arrow(X, task, 6)
    penalty = np.concatenate([np.full(4, 0.7), [1e-8], np.full(30, 3.0)])
    flat = np.linalg.solve(Z.T @ (Z * w[:, None]) + np.diag(penalty), Z.T @ (w * y))
    np.testing.assert_allclose(found.common, flat[:5], atol=1e-7)
    np.testing.assert_allclose(found.tasks, flat[:5] + flat[5:].reshape(6, 5), atol=1e-7)


def test_mean_ridge_leave_one_out_equals_refits() -> None:
    X, y, task, _ = _schools(1, tasks=3, rows=8)
    w = np.ones(24)
    _, errors = mean_ridge_path(X, y, task, 3, np.array([0.5, 8.0]), weights=w)
    for a, strength in enumerate((0.5, 8.0)):
        left = []
        for i in range(24):
            rest = np.arange(24) != i
            fit = mean_ridge(X[rest], y[rest], task[rest], 3, strength, weights=w[rest])
            left.append(y[i] - X[i] @ fit.tasks[task[i]])
        assert errors[a] == pytest.approx(np.square(left).mean(), rel=1e-6)


def test_a_task_without_rows_gets_the_common_weights() -> None:
    X, y, task, w = _schools(2)
    found = mean_ridge(X, y, task, 7, 3.0, weights=w)
    np.testing.assert_allclose(found.tasks[6], found.common)


def test_mean_logistic_equals_a_dense_solve() -> None:
    X, y, task, w = _schools(3)
    labels = (y > y.mean()).astype(float)
    found = mean_logistic(X, labels, task, 6, 2.0, common=2.0, weights=w)
    Z = _arrow(X, task, 6)
    Z[:, 4] *= np.sqrt(2.0 / 1e-8)  # the free common intercept as a column of large scale
    oracle = LogisticRegression(
        C=0.5, fit_intercept=False, tol=1e-13, solver="newton-cholesky", max_iter=500
    ).fit(Z, labels, sample_weight=w)
    scores = np.einsum("ij,ij->i", X, found.tasks[task])
    np.testing.assert_allclose(scores, oracle.decision_function(Z), atol=1e-4)


@pytest.mark.parametrize("form", ["full", "diagonal", "isotropic"])
def test_em_never_lowers_the_evidence(form: str) -> None:
    X, y, task, w = _schools(4)
    found = fit_hierarchical(X, y - y.mean(), task, 6, weights=w, form=form, tolerance=0)
    assert len(found.evidence) > 50
    assert (np.diff(found.evidence) > -1e-6).all()


def test_evidence_is_the_log_density_of_the_answers() -> None:
    from scipy.stats import multivariate_normal

    X, y, task, w = _schools(5, tasks=3, rows=6)
    S = 0.3 * np.eye(5) + 0.1
    found = fit_hierarchical(X, y, task, 3, weights=w, form="fixed", covariance=S, noise=0.4)
    total = 0.0
    for p in range(3):
        rows = task == p
        cov = X[rows] @ S @ X[rows].T + np.diag(0.4 / w[rows])  # weights belong to rows in given order
        total += multivariate_normal(X[rows] @ found.mean, cov).logpdf(y[rows])
    assert found.evidence[-1] == pytest.approx(total, rel=1e-8)


def test_fixed_isotropic_covariance_is_the_mean_regularised_model() -> None:
    X, y, task, w = _schools(6)
    found = fit_hierarchical(X, y, task, 6, weights=w, form="fixed", covariance=0.2 * np.eye(5), noise=0.5)
    oracle = mean_ridge(X, y, task, 6, 0.5 / 0.2, common=1e-8, weights=w)
    np.testing.assert_allclose(found.mean, oracle.common, atol=1e-6)
    np.testing.assert_allclose(found.tasks, oracle.tasks, atol=1e-6)
