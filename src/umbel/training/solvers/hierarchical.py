"""Hierarchical Bayes for linear regression: the weights of the tasks are draws from one Gaussian.

w_p ~ N(m, S), y_i ~ N(x_i w_p(i), noise); m, S and the noise by EM on the marginal likelihood. S has
an inverse-Wishart prior worth ``pseudo`` tasks whose scatter is that of the data, spread evenly over
the directions, so that few tasks cannot make S singular.

Source: Lindley & Smith 1972; Dempster, Laird & Rubin 1977.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from umbel.training.solvers.mean_regularised import task_blocks

__all__ = ["Form", "HierarchicalFit", "fit_hierarchical"]

Array = NDArray[np.float64]
Form = Literal["full", "diagonal", "isotropic", "fixed"]
"""What is learned of S: all of it, its diagonal, one number, or nothing."""


@dataclass(frozen=True)
class HierarchicalFit:
    """A fitted model.

    :param mean: m, [D]: the weights of a task never seen.
    :param covariance: S, [D, D].
    :param noise: variance of an answer around its task's line.
    :param tasks: posterior means of w_p, [P, D].
    :param covariances: posterior covariances of w_p, [P, D, D].
    :param evidence: log marginal likelihood before each EM step.
    """

    mean: Array
    covariance: Array
    noise: float
    tasks: Array
    covariances: Array
    evidence: list[float] = field(default_factory=list)


def fit_hierarchical(
    X: Array,
    y: Array,
    task: NDArray[np.int64],
    count: int,
    *,
    weights: Array,
    form: Form = "diagonal",
    pseudo: float = 0.0,
    covariance: Array | None = None,
    noise: float | None = None,
    steps: int = 100,
    tolerance: float = 1e-6,
) -> HierarchicalFit:
    """Fit by EM.

    :param X: inputs [B, D] of about unit scale; the last column is the constant.
    :param y: answers [B] of about unit scale, centred.
    :param task: [B] in [0, P).
    :param count: number of tasks P.
    :param weights: [B] positive; an answer of weight a has the noise variance noise / a.
    :param form: what is learned of S; ``fixed`` keeps ``covariance`` and ``noise``.
    :param pseudo: strength of the prior on S, in tasks.
    :param covariance: S to begin with (or to keep), [D, D].
    :param noise: noise variance to begin with (or to keep).
    :param tolerance: relative growth of the evidence at which EM stops.
    """
    order = np.argsort(task, kind="stable")
    X, y, task, weights = X[order], y[order], task[order], weights[order]
    gram, moment, _ = task_blocks(X, y, task, count, weights)
    rows, width = X.shape
    energy = float(weights @ np.square(y))
    S = np.eye(width) * 0.05 if covariance is None else np.asarray(covariance, dtype=float)
    s2 = 0.6 * energy / rows if noise is None else float(noise)
    s2 = max(s2, 1e-12)
    m = np.linalg.solve(gram.sum(axis=0) + np.eye(width) * 1e-3, moment.sum(axis=0))
    logs = float(np.log(weights).sum())
    evidence: list[float] = []
    while True:
        precision = np.linalg.inv(S)
        K = gram / s2 + precision
        if form == "fixed":  # the best m for S and noise, in closed form
            A = np.linalg.solve(K, np.broadcast_to(precision, K.shape))
            left = np.einsum("pij,pjk->ik", gram, A) / s2
            right = np.einsum("pji,pj->i", A, moment) / s2
            m = np.linalg.solve(left, right)
        V = np.linalg.inv(K)
        mu = np.einsum("pij,pj->pi", V, moment / s2 + precision @ m)
        around = moment - gram @ m
        quadratic = (energy - 2 * moment.sum(axis=0) @ m + m @ gram.sum(axis=0) @ m) / s2
        quadratic -= np.einsum("pi,pij,pj->", around, V, around) / s2**2
        curvature = count * np.linalg.slogdet(S)[1] + np.linalg.slogdet(K)[1].sum()
        evidence.append(float(-0.5 * (quadratic + rows * np.log(2 * np.pi * s2) - logs + curvature)))
        slow = len(evidence) > 4 and abs(evidence[-1] - evidence[-2]) < tolerance * abs(evidence[-1])
        if form == "fixed" or slow or len(evidence) > steps:
            return HierarchicalFit(m, S, s2, mu, V, evidence)
        m = mu.mean(axis=0)
        away = mu - m
        scatter = V.sum(axis=0) + away.T @ away
        if form != "full":
            scatter = np.diag(np.diag(scatter))
        if form == "isotropic":
            scatter = np.eye(width) * np.trace(scatter) / width
        even = np.trace(scatter) / width / count
        S = (scatter + pseudo * even * np.eye(width)) / (count + pseudo)
        S = S + np.eye(width) * (1e-10 * even + 1e-14)
        left_over = energy - 2 * np.einsum("pi,pi->", moment, mu)
        left_over += np.einsum("pi,pij,pj->", mu, gram, mu) + np.einsum("pij,pij->", gram, V)
        s2 = max(float(left_over) / rows, 1e-12)
