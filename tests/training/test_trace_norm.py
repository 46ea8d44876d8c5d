"""Low-rank linear models: conditions of the minimum, limits, and a gain where the truth is of low rank."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from umbel.data.prepare import Prepared, prepare
from umbel.data.problem import Problem
from umbel.errors import ConfigError
from umbel.training.learners.linear import Linear
from umbel.training.learners.trace_norm import TraceNorm
from umbel.training.solvers.task_losses import task_loss
from umbel.training.solvers.trace_norm import fit_spectral, soft_threshold, trace_norm


def _tasks(seed: int, tasks: int = 6, rows: int = 30, width: int = 5) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    task = rng.permutation(np.repeat(np.arange(tasks), rows))
    X = rng.normal(size=(len(task), width)) + 0.3 * task[:, None]
    W = rng.normal(size=(tasks, 2)) @ rng.normal(size=(2, width)) + 0.1 * rng.normal(size=(tasks, width))
    y = np.einsum("ij,ij->i", X, W[task]) + task + rng.normal(size=len(task))
    return X, y, task, rng.uniform(0.5, 2, len(task))


def _check_subgradient(W: np.ndarray, slope: np.ndarray, strength: float) -> None:
    """-slope / strength = U V' + M with |M| <= 1, U'M = 0, MV = 0 (Watson 1992)."""
    left, values, right = np.linalg.svd(W, full_matrices=False)
    kept = values > 1e-9 * values.max()
    U, V = left[:, kept], right[kept].T
    M = -slope / strength - U @ V.T
    np.testing.assert_allclose(U.T @ M, 0, atol=1e-6)
    np.testing.assert_allclose(M @ V, 0, atol=1e-6)
    assert np.linalg.norm(M, 2) <= 1 + 1e-6


@pytest.mark.parametrize(("share", "rank"), [(0.3, 2), (0.05, 4), (0.001, 5)])
def test_the_minimum_of_squares_has_the_subgradient_of_the_trace_norm(share: float, rank: int) -> None:
    X, y, task, w = _tasks(0)
    zero = task_loss(X, y, task, 6, w, "gaussian")
    strength = share * float(np.linalg.norm(zero.gradient(zero.zero), 2))
    found = trace_norm(X, y, task, 6, strength, weights=w)
    W, b = found.tasks[:, :-1], found.tasks[:, -1]
    slope = 2 * w * (np.einsum("ij,ij->i", X, W[task]) + b[task] - y)
    by_task = np.array([slope[task == p] @ X[task == p] for p in range(6)])
    np.testing.assert_allclose(np.bincount(task, slope), 0, atol=1e-8)  # the intercepts are free
    _check_subgradient(W, by_task, strength)
    assert found.rank == np.linalg.matrix_rank(W) == rank
    assert found.residual <= 1e-10


def test_the_minimum_of_the_log_loss_has_it_too() -> None:
    X, y, task, w = _tasks(1)
    labels = (y > np.median(y)).astype(float)
    found = trace_norm(X, labels, task, 6, 4.0, weights=w, response="bernoulli")
    W, b = found.tasks[:, :-1], found.tasks[:, -1]
    slope = w * (expit(np.einsum("ij,ij->i", X, W[task]) + b[task]) - labels)
    slopes, free = np.zeros_like(W), np.zeros(6)
    for p in range(6):
        mine = task == p
        centre = np.average(X[mine], axis=0, weights=w[mine])
        half = expit(W[p] @ centre + b[p]) - 0.5  # half an answer of each label at the centre
        slopes[p], free[p] = slope[mine] @ X[mine] + half * centre, slope[mine].sum() + half
    np.testing.assert_allclose(free, 0, atol=1e-6)
    _check_subgradient(W, slopes, 4.0)
    assert 0 < found.rank < 5


def test_the_alternating_form_stands_still_at_the_minimum() -> None:
    X, y, task, w = _tasks(2, width=3)
    found = trace_norm(X, y, task, 6, 0.5, weights=w)
    W = found.tasks[:, :-1]
    values, vectors = np.linalg.eigh(W.T @ W)
    assert values.min() > 1e-3
    penalty = vectors @ np.diag(values**-0.5) @ vectors.T * 0.5 / 2  # strength / 2 * D^-1 at the best D
    for p in range(6):
        mine = task == p
        Z = X[mine] - np.average(X[mine], axis=0, weights=w[mine])
        ridge = np.linalg.solve((Z.T * w[mine]) @ Z + penalty, (Z.T * w[mine]) @ y[mine])
        np.testing.assert_allclose(ridge, W[p], atol=1e-7)


def test_no_strength_is_least_squares_and_much_strength_is_the_mean() -> None:
    X, y, task, w = _tasks(3)
    free, none = (trace_norm(X, y, task, 6, s, weights=w) for s in (1e-9, 1e9))
    for p in range(6):
        mine, root = task == p, np.sqrt(w[task == p])
        Z = np.column_stack([X[mine], np.ones(mine.sum())])
        least = np.linalg.lstsq(Z * root[:, None], y[mine] * root, rcond=None)[0]
        np.testing.assert_allclose(free.tasks[p], least, atol=1e-6)
        np.testing.assert_allclose(none.tasks[p, -1], np.average(y[mine], weights=w[mine]))
    assert none.rank == 0
    assert (none.tasks[:, :-1] == 0).all()


def test_a_neighbour_as_start_changes_the_steps_and_not_the_answer() -> None:
    X, y, task, w = _tasks(4)
    loss = task_loss(X, y, task, 6, w, "gaussian")
    near = fit_spectral(loss, soft_threshold(30.5))
    cold = fit_spectral(loss, soft_threshold(30.0))
    warm = fit_spectral(loss, soft_threshold(30.0), start=near.inner)
    np.testing.assert_allclose(warm.tasks, cold.tasks, atol=1e-8)
    assert warm.steps < cold.steps


@pytest.mark.parametrize("response", ["gaussian", "bernoulli"])
def test_a_task_without_rows_gets_the_mean_of_the_others(response: str) -> None:
    X, y, task, w = _tasks(5)
    labels = (y > np.median(y)).astype(float)
    found = trace_norm(X, labels, task, 7, 1.0, weights=w, response=response)
    np.testing.assert_allclose(found.tasks[6], found.tasks[:6].mean(axis=0))
    np.testing.assert_allclose(found.tasks[6], found.common)


def test_a_task_of_labels_all_alike_has_its_smoothed_rate() -> None:
    X, y, task, _ = _tasks(6)
    labels = np.where(task == 0, 1.0, (y > np.median(y)))
    found = trace_norm(X, labels, task, 6, 1e6, weights=np.ones(len(y)), response="bernoulli")
    assert expit(found.tasks[0, -1]) == pytest.approx(30.5 / 31)


def test_an_unknown_response_is_an_error() -> None:
    X, y, task, w = _tasks(7)
    with pytest.raises(ConfigError, match="poisson"):
        trace_norm(X, y, task, 6, 1.0, weights=w, response="poisson")


def _low_rank(seed: int = 0, labels: bool = False) -> Prepared:
    """25 groups of 24 rows, whose 12 weights lie in a plane."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(25), 24)
    X = rng.normal(size=(600, 12))
    W = rng.normal(size=(25, 2)) @ rng.normal(size=(2, 12))
    y = np.einsum("ij,ij->i", X, W[group]) + 2 * rng.normal(size=600)
    frame = pd.DataFrame(X, columns=[f"x{i:02d}" for i in range(12)])
    frame = frame.assign(place=[f"p{g:02d}" for g in group], score=(y > 0).astype(int) if labels else y)
    kind = "binary" if labels else "regression"
    return prepare(frame, Problem.of({"score": kind}, by="place"), seed=0)


def test_it_gains_over_separate_ridge_where_the_truth_is_of_low_rank() -> None:
    data = _low_rank()
    y = data.test.values("score")
    joint = TraceNorm().fit(data.train, data.valid)
    found = joint.predict(data.test)["score"]
    alone = Linear().fit(data.train, data.valid).predict(data.test)["score"]
    assert np.square(y - found.value).mean() < 0.75 * np.square(y - alone.value).mean()
    assert 0.8 < (np.abs(y - found.value) < 1.645 * found.spread).mean() < 1
    note = joint.notes["score"]
    assert 2 <= note["rank"] < 12
    assert sum(note["singular_values"][:2]) > 0.6 * sum(note["singular_values"])


def test_it_gains_for_labels_too() -> None:
    data = _low_rank(labels=True)
    y = data.test.values("score")

    def loss(p: np.ndarray) -> float:
        return float(-np.log(np.clip(np.where(y > 0, p, 1 - p), 1e-9, 1)).mean())

    found, alone = (
        m.fit(data.train, data.valid).predict(data.test)["score"] for m in (TraceNorm(), Linear())
    )
    assert loss(found.value) < 0.9 * loss(alone.value)


def test_sets_of_labels_by_groups_are_refused() -> None:
    frame = pd.DataFrame(
        {"x": np.arange(40.0), "g": ["a", "b"] * 20, "tags": ["u, v", "u", "v", "u, v"] * 10}
    )
    data = prepare(frame, Problem.of({"tags": "multilabel"}, by="g", types={"x": "number"}))
    assert "'tags' has several labels: one vector of weights per group" in TraceNorm.serves(data.train)
