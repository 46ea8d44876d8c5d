"""Clusters of tasks: the one-cluster model, the density of the answers, and clusters that are there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from umbel.data.prepare import Prepared, prepare
from umbel.data.problem import Problem
from umbel.errors import ConfigError
from umbel.training.learners.clustered import Clustered
from umbel.training.learners.hierarchical import Hierarchical
from umbel.training.learners.linear import Linear
from umbel.training.solvers.clustered import ClusterFit, choose_clusters, fit_clusters
from umbel.training.solvers.hierarchical import fit_hierarchical


def _tasks(
    seed: int, tasks: int = 18, clusters: int = 3, rows: int = 14, width: int = 5
) -> tuple[np.ndarray, ...]:
    """Inputs, answers, tasks and weights of clusters of tasks, task p in cluster p % clusters."""
    rng = np.random.default_rng(seed)
    task = rng.permutation(np.repeat(np.arange(tasks), rows))
    X = np.column_stack([rng.normal(size=(len(task), width - 1)), np.ones(len(task))])
    centres = 1.5 * rng.normal(size=(clusters, width))
    W = centres[np.arange(tasks) % clusters] + 0.2 * rng.normal(size=(tasks, width))
    y = np.einsum("ij,ij->i", X, W[task]) + rng.normal(size=len(task))
    return X, (y - y.mean()) / y.std(), task, rng.uniform(0.5, 2, len(task))


@pytest.mark.parametrize(("form", "pseudo"), [("full", 5.0), ("diagonal", 0.0), ("isotropic", 0.0)])
def test_one_cluster_is_the_hierarchical_model(form: str, pseudo: float) -> None:
    X, y, task, w = _tasks(0)
    found = fit_clusters(X, y, task, 19, weights=w, form=form, pseudo=pseudo)
    oracle = fit_hierarchical(X, y, task, 19, weights=w, form=form, pseudo=pseudo)
    means, covariances = found.tasks()
    np.testing.assert_allclose(means, oracle.tasks, atol=1e-9)
    np.testing.assert_allclose(covariances, oracle.covariances, atol=1e-9)
    np.testing.assert_allclose(found.evidence, oracle.evidence, rtol=1e-9)
    assert found.noise == pytest.approx(oracle.noise)


def _division(tasks: int, clusters: int) -> np.ndarray:
    return np.eye(clusters)[np.arange(tasks) % clusters]


def test_evidence_is_the_log_density_of_the_answers() -> None:
    X, y, task, w = _tasks(1, tasks=6, clusters=2, rows=7)
    one = fit_clusters(X, y, task, 6, weights=w)
    found = fit_clusters(X, y, task, 6, weights=w, start=one, belongs=_division(6, 2), steps=3)
    total, chances = 0.0, []
    for p in range(6):
        rows = task == p
        logs = []
        for k in range(2):
            cov = X[rows] @ found.covariances[k] @ X[rows].T + np.diag(found.noise / w[rows])
            density = multivariate_normal(X[rows] @ found.means[k], cov).logpdf(y[rows])
            logs.append(np.log(found.shares[k]) + density)
        total += logsumexp(logs)
        chances.append(np.exp(logs - logsumexp(logs)))
    assert found.evidence[-1] == pytest.approx(total, rel=1e-9)
    np.testing.assert_allclose(found.belongs, chances, atol=1e-8)


@pytest.mark.parametrize("form", ["full", "diagonal", "isotropic"])
def test_em_never_lowers_the_evidence(form: str) -> None:
    X, y, task, w = _tasks(2)
    one = fit_clusters(X, y, task, 18, weights=w, form=form)
    wrong = np.eye(3)[np.arange(18) // 6]
    found = fit_clusters(
        X, y, task, 18, weights=w, form=form, start=one, belongs=wrong, tolerance=0, steps=60
    )
    assert len(found.evidence) == 61
    assert (np.diff(found.evidence) > -1e-6).all()
    assert found.evidence[-1] > found.evidence[0] + 1
    assert (np.diff(found.shares) <= 0).all()


def test_the_number_of_clusters_and_who_is_in_them_is_found() -> None:
    X, y, task, w = _tasks(0, tasks=24)
    found, table = choose_clusters(X, y, task, 24, weights=w)
    assert min(table, key=lambda k: table[k]) == 3 == len(found.shares)
    assert set(table) == {1, 2, 3, 4}
    place = found.belongs.argmax(axis=1)
    assert found.belongs.max(axis=1).min() > 0.9
    assert len({(p % 3, k) for p, k in enumerate(place)}) == 3
    alike = _tasks(0, tasks=24, clusters=1)
    one, _ = choose_clusters(*alike[:3], 24, weights=alike[3])
    assert len(one.shares) == 1


def test_the_criterion_counts_means_spreads_and_shares() -> None:
    X, y, task, w = _tasks(4)
    one = fit_clusters(X, y, task, 18, weights=w)
    two = fit_clusters(X, y, task, 18, weights=w, start=one, belongs=_division(18, 2), steps=1)
    for form, count in (("full", 5 + 15), ("diagonal", 5 + 5), ("isotropic", 5 + 1)):
        expected = -2 * two.evidence[-1] + (2 * count + 1) * np.log(18)
        assert two.criterion(form, 18) == pytest.approx(expected)


def test_the_order_of_the_tasks_does_not_matter() -> None:
    X, y, task, w = _tasks(5)
    turn = np.random.default_rng(0).permutation(18)
    one, table = choose_clusters(X, y, task, 18, weights=w)
    other, again = choose_clusters(X, y, turn[task], 18, weights=w)
    np.testing.assert_allclose(other.tasks()[0][turn], one.tasks()[0], atol=1e-8)
    assert list(again.values()) == pytest.approx(list(table.values()))


def test_moments_over_clusters_are_those_of_the_mixture() -> None:
    rng = np.random.default_rng(6)
    shares, means, V = np.array([0.7, 0.3]), rng.normal(size=(2, 2)), np.array([np.eye(2), 0.2 * np.eye(2)])
    fit = ClusterFit(shares, means, V, 1.0, shares[None], means[None], V[None], [0.0])
    draws = np.vstack([rng.multivariate_normal(m, S, 200_000) for m, S in zip(means, V, strict=True)])
    counts = np.repeat(shares, 200_000)
    mean, covariance = fit.unseen()
    np.testing.assert_allclose(mean, np.average(draws, axis=0, weights=counts), atol=0.01)
    np.testing.assert_allclose(covariance, np.cov(draws.T, aweights=counts), atol=0.02)
    np.testing.assert_allclose(fit.tasks()[0][0], mean)
    np.testing.assert_allclose(fit.tasks()[1][0], covariance)


def _schools(clusters: int) -> Prepared:
    X, y, task, _ = _tasks(7, tasks=30, clusters=clusters, rows=12, width=9)
    frame = pd.DataFrame(X[:, :-1], columns=list("abcdefgh"))
    frame = frame.assign(score=10 + 3 * y, school=[f"s{p:02d}" for p in task])
    return prepare(frame, Problem.of({"score": "regression"}, by="school"), seed=0)


def test_with_at_most_one_cluster_it_is_the_hierarchical_learner() -> None:
    data = _schools(3)
    found = Clustered(most=1).fit(data.train, data.valid).predict(data.test)["score"]
    oracle = Hierarchical().fit(data.train, data.valid).predict(data.test)["score"]
    np.testing.assert_allclose(found.value, oracle.value, atol=1e-6)
    np.testing.assert_allclose(found.spread, oracle.spread, atol=1e-6)


def test_it_gains_over_separate_ridge_and_over_one_cluster() -> None:
    data = _schools(3)
    y = data.test.values("score")
    joint = Clustered().fit(data.train, data.valid)

    def error(learner: object) -> float:
        found = learner.fit(data.train, data.valid).predict(data.test)["score"]
        return float(np.square(y - found.value).mean())

    found = joint.predict(data.test)["score"]
    mine = np.square(y - found.value).mean()
    assert mine < 0.6 * error(Linear())
    assert mine < 0.8 * error(Hierarchical())
    assert 0.8 < (np.abs(y - found.value) < 1.645 * found.spread).mean() <= 1
    note = joint.notes["score"]
    assert note["clusters"] == 3
    groups = [note["belongs"][f"s{p:02d}"]["cluster"] for p in range(30)]
    assert groups == groups[:3] * 10
    unseen = replace(data.test, groups=np.full_like(data.test.groups, -1), _cache={})
    assert (joint.predict(unseen)["score"].spread > found.spread).all()


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError, match="'diagonal'"):
        Clustered(form="diag")
    with pytest.raises(ConfigError, match="most"):
        Clustered(most=0)
    with pytest.raises(ConfigError, match="restarts"):
        Clustered(restarts=1.5)
    with pytest.raises(ConfigError, match="pseudo"):
        Clustered(pseudo=-1.0)
