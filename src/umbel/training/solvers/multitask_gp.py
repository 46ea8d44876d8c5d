"""A Gaussian process for several tasks at once: the intrinsic model of coregionalisation, exactly.

cov(f_p(x), f_q(x')) = B_pq k(x, x'), an answer of weight a to task p has the noise variance noise_p / a;
B = L L' + diag(own), k(x, x') = exp(-|(x - x') / lengths|^2 / 2) + slope * x x' / D. Each known label is
one row, so labels may be missing anywhere. The parameters maximise the marginal likelihood, whose
gradient is in closed form, with a law for the noises of the tasks (see :func:`fit_coregional`).

Source: Bonilla, Chai & Williams 2008; Rasmussen & Williams 2006, eq. 2.25, 2.26, 5.8, 5.9.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Coregional", "Posterior", "evidence", "fit_coregional", "posterior"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

_BOUNDS = {
    "lengths": (np.log(1e-2), np.log(1e4)),
    "slope": (np.log(1e-6), np.log(1e2)),
    "loadings": (-30.0, 30.0),
    "own": (np.log(1e-6), np.log(1e3)),
    "noise": (np.log(1e-6), np.log(10.0)),
}
"""Of what is searched: logarithms, but for the loadings."""

_AHEAD = 2000
"""Rows predicted at a time."""


@dataclass(frozen=True)
class Coregional:
    """Parameters of the covariance.

    :param lengths: of k, [D] or [1], positive.
    :param slope: size of the linear part of k; 0 for none.
    :param loadings: L, [P, R].
    :param own: what a task does not share, [P], positive.
    :param noise: variance of an answer around its function, [P], positive.
    """

    lengths: Array
    slope: float
    loadings: Array
    own: Array
    noise: Array

    @property
    def tasks(self) -> Array:
        """B, [P, P]."""
        return np.asarray(self.loadings @ self.loadings.T + np.diag(self.own))

    def kernel(self, A: Array, C: Array) -> Array:
        """k between rows of A [Q, D] and of C [N, D], [Q, N]."""
        from scipy.spatial.distance import cdist

        radial = np.exp(-0.5 * cdist(A / self.lengths, C / self.lengths, "sqeuclidean"))
        if self.slope:
            radial = radial + self.slope * (A @ C.T) / max(A.shape[1], 1)
        return np.asarray(radial)

    def diagonal(self, A: Array) -> Array:
        """k of every row with itself, [Q]."""
        return np.asarray(1 + self.slope * np.square(A).sum(axis=1) / max(A.shape[1], 1))

    def completed(self, seen: NDArray[np.bool_]) -> Coregional:
        """The tasks not seen, and one more at the end, as draws from the loadings of those seen, [P + 1].

        The covariance of such a task with another is that of the mean loading; what is left of its own
        variance is the loadings' variance and the mean of ``own``.

        :param seen: tasks with labels, [P], at least one.
        """
        mean, own = self.loadings[seen].mean(axis=0), self.own[seen].mean()
        own = own + self.loadings[seen].var(axis=0).sum()
        seen = np.append(seen, False)
        filled = np.where(seen[:, None], np.vstack([self.loadings, mean]), mean)
        owns = np.where(seen, np.append(self.own, own), own)
        noises = np.where(seen, np.append(self.noise, 0.0), self.noise[seen[:-1]].mean())
        return Coregional(self.lengths, self.slope, filled, owns, noises)

    def packed(self) -> Array:
        """All that is searched as one vector: lengths, slope, loadings, own, noise."""
        slope = np.log([self.slope]) if self.slope else np.zeros(0)
        parts = [np.log(self.lengths), slope, self.loadings.ravel(), np.log(self.own), np.log(self.noise)]
        return np.concatenate(parts)

    def unpacked(self, vector: Array) -> Coregional:
        """The parameters of a vector of the form of :meth:`packed`."""
        P, R = self.loadings.shape
        sizes = np.cumsum([len(self.lengths), 1 if self.slope else 0, P * R, P])
        lengths, slope, loadings, own, noise = np.split(np.asarray(vector, dtype=float), sizes)
        return Coregional(
            np.exp(lengths),
            float(np.exp(slope[0])) if self.slope else 0.0,
            loadings.reshape(P, R),
            np.exp(own),
            np.exp(noise),
        )

    def bounds(self) -> list[tuple[float, float]]:
        """Bounds of every number of :meth:`packed`."""
        P, R = self.loadings.shape
        counts = {"lengths": len(self.lengths), "slope": int(self.slope > 0), "loadings": P * R}
        counts |= {"own": P, "noise": P}
        return [_BOUNDS[name] for name, count in counts.items() for _ in range(count)]


def _factor(model: Coregional, X: Array, task: Ints, weights: Array) -> tuple[Array, Array]:
    """Lower Cholesky factor of the answers' covariance [N, N], and k [N, N]."""
    k = model.kernel(X, X)
    K = model.tasks[np.ix_(task, task)] * k
    K[np.diag_indices(len(K))] += model.noise[task] / weights
    return np.asarray(np.linalg.cholesky(K), dtype=float), k


def evidence(model: Coregional, X: Array, y: Array, task: Ints, weights: Array) -> tuple[float, Array]:
    """Log marginal likelihood of the answers, and its gradient in the form of :meth:`Coregional.packed`.

    :param model: parameters of P tasks.
    :param X: inputs [N, D], one row per known label.
    :param y: answers [N] of mean 0.
    :param task: [N] in [0, P).
    :param weights: [N] positive.
    """
    from scipy.linalg import cho_solve, lapack

    lower, k = _factor(model, X, task, weights)
    alpha = cho_solve((lower, True), y, check_finite=False)
    value = -0.5 * float(y @ alpha) - float(np.log(np.diag(lower)).sum()) - 0.5 * len(y) * np.log(2 * np.pi)
    inverse, _ = lapack.dpotri(lower, lower=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    A = 0.5 * (np.outer(alpha, alpha) - inverse)  # d value / d K
    slope_noise = np.bincount(task, np.diag(A) / weights, minlength=len(model.noise))
    one_hot = np.eye(len(model.noise))[task]
    slope_B = one_hot.T @ (A * k) @ one_hot
    H = A * model.tasks[np.ix_(task, task)]  # d value / d k
    width = max(X.shape[1], 1)
    linear = model.slope * (X @ X.T) / width if model.slope else 0.0
    radial = H * (k - linear)
    Z = X / model.lengths
    by_length = 2 * (radial.sum(axis=1) @ np.square(Z) - np.einsum("nd,nd->d", Z, radial @ Z))
    if len(model.lengths) == 1:
        by_length = by_length.sum(keepdims=True)
    parts = [
        by_length,
        (H * linear).sum(keepdims=True).ravel() if model.slope else np.zeros(0),
        2 * (slope_B @ model.loadings).ravel(),
        np.diag(slope_B) * model.own,
        slope_noise * model.noise,
    ]
    return value, np.concatenate(parts)


def fit_coregional(
    X: Array,
    y: Array,
    task: Ints,
    weights: Array,
    *,
    start: Coregional,
    noise_spread: float = 0.5,
    steps: int = 200,
) -> tuple[Coregional, float]:
    """Parameters of the most evidence near a beginning, by L-BFGS within bounds.

    The noises of the tasks are draws of one log-normal law with a free mean, so that the noise of a
    task with a handful of labels cannot fall to nothing.

    :param start: where the search begins; it says how many lengths and loadings there are, and
        whether there is a linear part.
    :param noise_spread: standard deviation of the log noises over the tasks; infinite: no such law.
    :param steps: most steps.
    :returns: the parameters, and their evidence with the log density of the noises (less a constant).

    The other parameters are those of :func:`evidence`.
    """
    from scipy.optimize import minimize

    tasks = len(start.noise)

    def fall(vector: Array) -> tuple[float, Array]:
        value, slope = evidence(start.unpacked(vector), X, y, task, weights)
        away = (vector[-tasks:] - vector[-tasks:].mean()) / noise_spread
        slope[-tasks:] -= away / noise_spread
        return 0.5 * float(away @ away) - value, -slope

    bounds = start.bounds()
    begin = np.clip(start.packed(), *np.array(bounds).T)
    found = minimize(
        fall, begin, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": steps, "ftol": 1e-9}
    )
    return start.unpacked(found.x), -float(found.fun)


@dataclass(frozen=True)
class Posterior:
    """What is known of all functions after the answers.

    :param model: parameters; it may know more tasks than the answers do.
    :param X: inputs of the answers, [N, D].
    :param task: of the answers, [N].
    :param alpha: K^-1 y, [N].
    :param lower: Cholesky factor of K, [N, N].
    """

    model: Coregional
    X: Array
    task: Ints
    alpha: Array
    lower: Array

    def predict(self, X: Array, task: Ints) -> tuple[Array, Array]:
        """Mean and variance of answers of weight 1, the noise included, [Q] each.

        :param X: inputs [Q, D].
        :param task: [Q] in [0, P).
        """
        from scipy.linalg import solve_triangular

        B, model = self.model.tasks, self.model
        mean, variance = np.zeros(len(X)), np.zeros(len(X))
        for begin in range(0, len(X), _AHEAD):
            part = slice(begin, begin + _AHEAD)
            K = B[np.ix_(task[part], self.task)] * model.kernel(X[part], self.X)
            through = solve_triangular(self.lower, K.T, lower=True, check_finite=False)
            mean[part] = K @ self.alpha
            prior = B[task[part], task[part]] * model.diagonal(X[part]) + model.noise[task[part]]
            variance[part] = prior - np.square(through).sum(axis=0)
        return mean, np.maximum(variance, 1e-12)


def posterior(model: Coregional, X: Array, y: Array, task: Ints, weights: Array) -> Posterior:
    """Condition on the answers; the parameters are those of :func:`evidence`.

    >>> model = Coregional(np.ones(1), 0.0, np.array([[1.0], [1.0]]), np.full(2, 1e-6), np.full(2, 0.5))
    >>> known = posterior(model, np.zeros((1, 1)), np.array([3.0]), np.array([0]), np.ones(1))
    >>> known.predict(np.zeros((1, 1)), np.array([1]))[0].round(3)
    array([2.])
    """
    from scipy.linalg import cho_solve

    lower, _ = _factor(model, X, task, weights)
    return Posterior(model, X, task, cho_solve((lower, True), y, check_finite=False), lower)
