"""Hierarchical Bayes for linear regression with several kinds of task: a mixture of Gaussians.

w_p ~ sum_k pi_k N(m_k, S_k), y_i ~ N(x_i w_p(i), noise). The shares, means and covariances of the
clusters and the noise are those of EM on the marginal likelihood, in which both the cluster and the
weights of every task are integrated out. With one cluster it is :mod:`.hierarchical`, step by step.

Source: Bakker & Heskes 2003 (clusters of tasks); Dempster, Laird & Rubin 1977 (EM).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from umbel.seeding import numpy_generator
from umbel.training.solvers.mean_regularised import task_blocks

__all__ = ["ClusterFit", "Form", "choose_clusters", "fit_clusters"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Form = Literal["full", "diagonal", "isotropic"]
"""What is learned of every S: all of it, its diagonal, or one number."""

_FEW_STEPS = 10
"""EM steps of a restart; the best one goes on (Biernacki, Celeux & Govaert 2003)."""


@dataclass(frozen=True)
class ClusterFit:
    """A fitted mixture of K clusters.

    :param shares: pi, [K], falling.
    :param means: m, [K, D].
    :param covariances: S, [K, D, D].
    :param noise: variance of an answer around its task's line.
    :param belongs: chance of every cluster for every task, [P, K].
    :param own: posterior means of w_p in every cluster, [P, K, D].
    :param own_covariances: posterior covariances of w_p in every cluster, [P, K, D, D].
    :param evidence: log marginal likelihood before each EM step.
    """

    shares: Array
    means: Array
    covariances: Array
    noise: float
    belongs: Array
    own: Array
    own_covariances: Array
    evidence: list[float] = field(default_factory=list)

    def tasks(self) -> tuple[Array, Array]:
        """Mean and covariance of w_p over its clusters, [P, D] and [P, D, D]."""
        return _mixed(self.belongs, self.own, self.own_covariances)

    def unseen(self) -> tuple[Array, Array]:
        """Mean and covariance of the weights of a task never seen, [D] and [D, D]."""
        mean, covariance = _mixed(self.shares[None], self.means[None], self.covariances[None])
        return mean[0], covariance[0]

    def criterion(self, form: Form, tasks: int) -> float:
        """BIC, smaller is better: a parameter costs the log of the number of ``tasks`` with rows.

        Source: Schwarz 1978; Delattre, Lavielle & Poursat 2014 (what random effects are counted by).
        """
        K, D = self.means.shape
        spread = {"full": D * (D + 1) // 2, "diagonal": D, "isotropic": 1}[form]
        return float(-2 * self.evidence[-1] + (K * (D + spread) + K - 1) * np.log(max(tasks, 2)))


def _mixed(chance: Array, means: Array, covariances: Array) -> tuple[Array, Array]:
    """Mean and covariance of mixtures: [Q, K], [Q, K, D], [Q, K, D, D] to [Q, D], [Q, D, D]."""
    mean = np.einsum("qk,qkd->qd", chance, means)
    away = means - mean[:, None]
    covariance = np.einsum("qk,qkij->qij", chance, covariances)
    return mean, covariance + np.einsum("qk,qki,qkj->qij", chance, away, away)


class _Sums:
    """What EM needs of the rows: Gramians, X'y, squares, numbers and log weights of every task."""

    def __init__(self, X: Array, y: Array, task: Ints, count: int, weights: Array) -> None:
        order = np.argsort(task, kind="stable")
        X, y, task, weights = X[order], y[order], task[order], weights[order]
        self.gram, self.moment, _ = task_blocks(X, y, task, count, weights)
        self.energy = np.bincount(task, weights * np.square(y), minlength=count)
        self.rows = np.bincount(task, minlength=count)
        self.logs = np.bincount(task, np.log(weights), minlength=count)


def fit_clusters(
    X: Array,
    y: Array,
    task: Ints,
    count: int,
    *,
    weights: Array,
    start: ClusterFit | None = None,
    belongs: Array | None = None,
    form: Form = "diagonal",
    pseudo: float = 0.0,
    steps: int = 100,
    tolerance: float = 1e-6,
) -> ClusterFit:
    """Fit by EM: one cluster from a plain start, or several from a fit and a first division.

    :param X: inputs [B, D] of about unit scale; the last column is the constant.
    :param y: answers [B] of about unit scale, centred.
    :param task: [B] in [0, P).
    :param count: number of tasks P.
    :param weights: [B] positive; an answer of weight a has the noise variance noise / a.
    :param start: a fit to begin with; None: one cluster at the ridge solution of all rows.
    :param belongs: a division of the tasks of ``start`` among K new clusters, [P, K]; None: its own.
    :param form: what is learned of every S: ``full``, ``diagonal`` or ``isotropic``.
    :param pseudo: strength of the prior on every S, in tasks; see :mod:`.hierarchical`.
    :param tolerance: relative growth of the evidence at which EM stops.
    """
    sums = _Sums(X, y, task, count, weights)
    rows, width = X.shape
    if start is None:
        s2 = max(0.6 * float(sums.energy.sum()) / rows, 1e-12)
        whole = sums.gram.sum(axis=0) + np.eye(width) * 1e-3
        m = np.linalg.solve(whole, sums.moment.sum(axis=0))[None]
        S, shares = np.eye(width)[None] * 0.05, np.ones(1)
    elif belongs is None:
        m, S, s2, shares = start.means, start.covariances, start.noise, start.shares
    else:
        s2, total = start.noise, np.maximum(belongs.sum(axis=0), 1e-12)
        m = belongs.T @ start.tasks()[0] / total[:, None]
        S = np.repeat(np.einsum("k,kij->ij", start.shares, start.covariances)[None], len(total), axis=0)
        shares = total / total.sum()
    evidence: list[float] = []
    while True:
        chance, mu, V, value = _expect(sums, m, S, s2, shares)
        evidence.append(value)
        slow = len(evidence) > 4 and abs(evidence[-1] - evidence[-2]) < tolerance * abs(evidence[-1])
        if slow or len(evidence) > steps:
            order = np.argsort(-shares, kind="stable")
            return ClusterFit(
                shares[order], m[order], S[order], s2, chance[:, order], mu[:, order], V[:, order], evidence
            )
        m, S, s2, shares = _maximise(sums, chance, mu, V, form, pseudo)


def _expect(sums: _Sums, m: Array, S: Array, s2: float, shares: Array) -> tuple[Array, Array, Array, float]:
    """Chances [P, K], posterior means [P, K, D] and covariances [P, K, D, D], and the evidence."""
    precision = np.linalg.inv(S)
    K = sums.gram[:, None] / s2 + precision
    V = np.linalg.inv(K)
    pull = np.einsum("kij,kj->ki", precision, m)
    mu = np.einsum("pkij,pkj->pki", V, sums.moment[:, None] / s2 + pull)
    through = np.einsum("pij,kj->pki", sums.gram, m)
    around = sums.moment[:, None] - through
    quadratic = sums.energy[:, None] - 2 * sums.moment @ m.T + np.einsum("pki,ki->pk", through, m)
    quadratic = quadratic / s2 - np.einsum("pki,pkij,pkj->pk", around, V, around, optimize=True) / s2**2
    curvature = np.linalg.slogdet(S)[1] + np.linalg.slogdet(K)[1]
    constant = sums.rows * np.log(2 * np.pi * s2) - sums.logs
    joint = np.log(np.maximum(shares, 1e-300)) - 0.5 * (quadratic + constant[:, None] + curvature)
    each = logsumexp(joint, axis=1)
    return np.exp(joint - each[:, None]), mu, V, float(each.sum())


def _maximise(
    sums: _Sums, chance: Array, mu: Array, V: Array, form: Form, pseudo: float
) -> tuple[Array, Array, float, Array]:
    """Means [K, D], covariances [K, D, D], noise and shares [K] of the most expected likelihood."""
    width = mu.shape[2]
    total = np.maximum(chance.sum(axis=0), 1e-12)
    m = np.einsum("pk,pkd->kd", chance, mu) / total[:, None]
    away = mu - m
    scatter = np.einsum("pk,pkij->kij", chance, V)
    scatter += np.einsum("pki,pkj->kij", chance[:, :, None] * away, away, optimize=True)
    trace = np.einsum("kii->k", scatter)
    if form == "diagonal":
        scatter = scatter * np.eye(width)
    if form == "isotropic":
        scatter = trace[:, None, None] * np.eye(width) / width
    even = (trace / width / total)[:, None, None]
    S = (scatter + pseudo * even * np.eye(width)) / (total + pseudo)[:, None, None]
    S = S + np.eye(width) * (1e-10 * even + 1e-14)
    own = np.einsum("pk,pki->pi", chance, mu)
    second = np.einsum("pk,pkij->pij", chance, V)
    second += np.einsum("pki,pkj->pij", chance[:, :, None] * mu, mu, optimize=True)
    left_over = sums.energy.sum() - 2 * (sums.moment * own).sum() + (sums.gram * second).sum()
    s2 = max(float(left_over) / float(sums.rows.sum()), 1e-12)
    return m, S, s2, total / total.sum()


def _division(points: Array, clusters: int, generator: np.random.Generator) -> Array:
    """A first division of points [P, D] among clusters, [P, K], as k-means++ seeds it."""
    order = np.lexsort(np.round(points, 6).T)  # so that the order of the tasks does not matter
    X = points[order]
    centres = X[[generator.integers(len(X))]]
    for _ in range(clusters - 1):
        far = np.square(X[:, None] - centres).sum(axis=2).min(axis=1)
        chance = far / far.sum() if far.sum() > 0 else None
        centres = np.vstack([centres, X[generator.choice(len(X), p=chance)]])
    for _ in range(10):
        nearest = np.square(points[:, None] - centres).sum(axis=2).argmin(axis=1)
        for k in np.unique(nearest):
            centres[k] = points[nearest == k].mean(axis=0)
    return np.asarray(np.eye(clusters)[nearest])


def choose_clusters(
    X: Array,
    y: Array,
    task: Ints,
    count: int,
    *,
    weights: Array,
    most: int = 4,
    form: Form = "diagonal",
    pseudo: float = 0.0,
    restarts: int = 8,
    steps: int = 100,
    tolerance: float = 1e-6,
) -> tuple[ClusterFit, dict[int, float]]:
    """The number of clusters of the least BIC, each number from the best of several beginnings.

    :param most: most clusters; at most one for every two tasks with rows are tried.
    :param restarts: beginnings of every number, seeded by it; each takes a few EM steps, and the one
        of most evidence goes on.
    :returns: the fit, and the criterion of every number tried.

    The other parameters are those of :func:`fit_clusters`.
    """
    filled = np.unique(task)
    fit = partial(
        fit_clusters, X, y, task, count, weights=weights, form=form, pseudo=pseudo, tolerance=tolerance
    )
    one = fit(steps=steps)
    scale = np.sqrt(np.diagonal(one.covariances[0]))
    points = (one.tasks()[0] - one.means[0]) / scale
    best, table = one, {1: one.criterion(form, len(filled))}
    for clusters in range(2, min(most, len(filled) // 2) + 1):
        found: ClusterFit | None = None
        for restart in range(restarts):
            belongs = np.full((count, clusters), 1 / clusters)
            generator = numpy_generator(0, "clusters", clusters, restart)
            belongs[filled] = _division(points[filled], clusters, generator)
            trial = fit(start=one, belongs=belongs, steps=_FEW_STEPS)
            if found is None or trial.evidence[-1] > found.evidence[-1]:
                found = trial
        assert found is not None
        found = fit(start=found, steps=steps)
        table[clusters] = found.criterion(form, len(filled))
        if table[clusters] < min(v for k, v in table.items() if k != clusters):
            best = found
    return best, table
