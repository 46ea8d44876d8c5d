"""Learned task covariance against ridge, dense solves, its own alternation and the trace norm."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import block_diag, sqrtm
from scipy.special import expit
from sklearn.linear_model import Ridge

from umbel.data.prepare import prepare
from umbel.data.problem import Problem
from umbel.training.learners.linear import Linear
from umbel.training.learners.task_covariance import TaskCovariance, correlation_note
from umbel.training.solvers.task_covariance import (
    correlations,
    covariance_given,
    squared_threshold,
    task_covariance,
    weights_given,
)
from umbel.training.solvers.trace_norm import trace_norm


def _tasks(seed: int, tasks: int = 5, rows: int = 25, width: int = 4) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    task = rng.permutation(np.repeat(np.arange(tasks), rows))
    X = rng.normal(size=(len(task), width)) + 0.2
    W = rng.normal(size=width) * rng.choice([-1, 1], size=(tasks, 1)) + 0.4 * rng.normal(size=(tasks, width))
    y = np.einsum("ij,ij->i", X, W[task]) + task + rng.normal(size=len(task))
    return X, y, task, rng.uniform(0.5, 2, len(task))


def test_an_even_covariance_is_scikit_learns_ridge_of_every_task() -> None:
    X, y, task, w = _tasks(0)
    found = weights_given(X, y, task, np.eye(5) / 5, strength=0.6, ridge=1.5, weights=w)
    for p in range(5):
        mine = task == p
        oracle = Ridge(alpha=0.6 * 5 + 1.5).fit(X[mine], y[mine], sample_weight=w[mine])
        np.testing.assert_allclose(found[p, :-1], oracle.coef_, atol=1e-10)
        np.testing.assert_allclose(found[p, -1], oracle.intercept_, atol=1e-10)


def test_weights_for_any_covariance_equal_a_dense_solve() -> None:
    X, y, task, w = _tasks(1)
    rng = np.random.default_rng(1)
    A = rng.normal(size=(5, 5))
    omega = A @ A.T / np.trace(A @ A.T)
    found = weights_given(X, y, task, omega, strength=0.8, ridge=0.3, weights=w)
    grams, sides = [], []
    for p in range(5):
        mine = task == p
        Z = np.column_stack([X[mine], np.ones(mine.sum())])
        grams.append((Z.T * w[mine]) @ Z)
        sides.append((Z.T * w[mine]) @ y[mine])
    penalised = np.diag([1.0, 1, 1, 1, 0])  # not the intercept
    system = block_diag(*grams) + np.kron(0.8 * np.linalg.inv(omega) + 0.3 * np.eye(5), penalised)
    np.testing.assert_allclose(found.ravel(), np.linalg.solve(system, np.concatenate(sides)), atol=1e-9)


def test_a_singular_covariance_keeps_the_weights_in_its_range() -> None:
    X, y, task, w = _tasks(2)
    direction = np.array([1.0, -1, 1, 0, 2])
    omega = np.outer(direction, direction) / 7
    W = weights_given(X, y, task, omega, strength=0.5, weights=w)[:, :-1]
    np.testing.assert_allclose(W, np.outer(direction, W[0]), atol=1e-10)
    assert np.abs(W[0]).max() > 0.1


def test_the_covariance_of_weights_is_the_matrix_root_over_its_trace() -> None:
    W = np.random.default_rng(3).normal(size=(4, 6))
    root = np.real(sqrtm(W @ W.T))
    np.testing.assert_allclose(covariance_given(W), root / np.trace(root), atol=1e-10)
    np.testing.assert_allclose(covariance_given(np.zeros((4, 6))), np.eye(4) / 4)


def _objective(found: np.ndarray, data: tuple[np.ndarray, ...], strength: float, ridge: float) -> float:
    X, y, task, w = data
    W = found[:, :-1]
    wrong = y - np.einsum("ij,ij->i", X, W[task]) - found[task, -1]
    norm = np.linalg.svd(W, compute_uv=False).sum()  # of the best Omega: tr(W' Omega^-1 W) = norm^2
    return float(w @ wrong**2 + strength * norm**2 + ridge * np.square(W).sum())


@pytest.mark.parametrize("ridge", [0.0, 0.7])
def test_the_minimum_is_where_the_alternation_stands_still(ridge: float) -> None:
    X, y, task, w = _tasks(4)
    fit = task_covariance(X, y, task, 5, strength=0.5, ridge=ridge, weights=w)
    omega, found = fit.covariance, fit.spectral.tasks
    assert np.trace(omega) == pytest.approx(1)
    np.testing.assert_allclose(covariance_given(found[:, :-1]), omega, atol=1e-9)
    again = weights_given(X, y, task, omega, strength=0.5, ridge=ridge, weights=w)
    np.testing.assert_allclose(again, found, atol=1e-6)


def test_the_papers_alternation_falls_to_the_minimum() -> None:
    data = _tasks(5)
    X, y, task, w = data
    lowest = _objective(
        task_covariance(X, y, task, 5, strength=1.0, weights=w).spectral.tasks, data, 1.0, 0.0
    )
    omega, values = np.eye(5) / 5, []
    for _ in range(60):
        found = weights_given(X, y, task, omega, strength=1.0, weights=w)
        omega = covariance_given(found[:, :-1])
        values.append(_objective(found, data, 1.0, 0.0))
    assert (np.diff(values) < 1e-9).all()
    assert values[0] > lowest * 1.01
    assert lowest - 1e-7 <= values[-1] < lowest * (1 + 1e-3)


def test_without_a_ridge_it_is_the_trace_norm_at_another_strength() -> None:
    X, y, task, w = _tasks(6)
    fit = task_covariance(X, y, task, 5, strength=1.5, weights=w).spectral
    other = trace_norm(X, y, task, 5, 2 * 1.5 * fit.values.sum(), weights=w)
    np.testing.assert_allclose(fit.tasks, other.tasks, atol=1e-6)


def test_the_step_of_the_squared_trace_norm_is_its_minimum() -> None:
    from scipy.optimize import minimize

    values = np.array([4.0, 2.5, 1.0, 0.2])
    found = squared_threshold(0.7, 0.4)(values, 0.5)

    def cost(s: np.ndarray) -> float:
        return float(
            0.5 * np.square(s - values).sum() + 0.5 * (0.7 * s.sum() ** 2 + 0.4 * np.square(s).sum())
        )

    oracle = minimize(cost, values, bounds=[(0, None)] * 4, options={"ftol": 1e-15, "gtol": 1e-10})
    np.testing.assert_allclose(found, oracle.x, atol=1e-6)
    assert (found[:2] > 0).all()
    assert found[3] == 0
    assert (squared_threshold(0.7)(np.zeros(3), 0.5) == 0).all()


def test_the_slope_of_the_log_loss_meets_that_of_the_penalty() -> None:
    X, y, task, w = _tasks(7)
    labels = (y > np.median(y)).astype(float)
    fit = task_covariance(X, labels, task, 5, strength=0.3, ridge=0.2, weights=w, response="bernoulli")
    W, b = fit.spectral.tasks[:, :-1], fit.spectral.tasks[:, -1]
    slope = w * (expit(np.einsum("ij,ij->i", X, W[task]) + b[task]) - labels)
    slopes = np.zeros_like(W)
    for p in range(5):
        mine = task == p
        centre = np.average(X[mine], axis=0, weights=w[mine])
        slopes[p] = slope[mine] @ X[mine] + (expit(W[p] @ centre + b[p]) - 0.5) * centre
    left, values, right = np.linalg.svd(W, full_matrices=False)
    kept = values > 1e-9
    M = -(slopes + 0.4 * W) / (0.6 * values.sum()) - left[:, kept] @ right[kept]
    np.testing.assert_allclose(left[:, kept].T @ M, 0, atol=1e-6)
    assert np.linalg.norm(M, 2) <= 1 + 1e-6


def test_it_finds_opposed_tasks_and_gains_over_separate_ridge() -> None:
    rng = np.random.default_rng(0)
    signs = np.array([1, 1, 1, -1, -1, -1])
    X, w = rng.normal(size=(400, 15)), rng.normal(size=15)
    Y = (X @ w)[:, None] * signs + 2 * rng.normal(size=(400, 6))
    Y[rng.random(Y.shape) < 0.85] = np.nan  # 45 labels of each task, mostly of other rows
    Y[300:] = (X @ w)[300:, None] * signs
    names = [f"y{p}" for p in range(6)]
    frame = pd.DataFrame(np.column_stack([X, Y]), columns=[f"x{i:02d}" for i in range(15)] + names)
    data = prepare(frame, Problem.of(dict.fromkeys(names, "regression")), seed=0)
    train, test = data.dataset.take(np.arange(300)), data.dataset.take(np.arange(300, 400))

    def error(learner: object) -> float:
        found = learner.fit(train, data.valid).predict(test)
        return float(np.mean([np.square(test.values(n) - found[n].value).mean() for n in names]))

    joint = TaskCovariance()
    assert error(joint) < 0.6 * error(Linear())
    note = joint.notes["all"]
    assert note["tasks"] == names
    related = np.array(note["correlations"])
    assert (related * np.outer(signs, signs) > 0.2).all()


def test_it_serves_labels_and_names_them() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(120, 3))
    on = rng.random((120, 2)) < expit(2 * X[:, :1] * [1, -1])
    tags = [", ".join(t for t, k in zip("uv", row, strict=True) if k) for row in on]
    frame = pd.DataFrame(X, columns=list("abc")).assign(tags=tags)
    data = prepare(frame, Problem.of({"tags": {"kind": "multilabel", "empty": "none"}}), seed=0)
    learner = TaskCovariance(folds=3).fit(data.train, data.valid)
    note = learner.notes["all"]
    assert note["tasks"] == ["tags: u", "tags: v"]
    assert note["correlations"][0][1] < -0.5
    assert learner.predict(data.test)["tags"].value.shape == (len(data.test), 2)


def test_many_tasks_are_noted_by_their_nearest() -> None:
    matrix = np.eye(40)
    matrix[0, 7] = matrix[7, 0] = -0.9
    note = correlation_note([f"t{p}" for p in range(40)], matrix)
    assert note["nearest"]["t7"]["t0"] == -0.9
    assert len(note["nearest"]) == 40
    assert (correlations(np.zeros((3, 3))) == np.eye(3)).all()
