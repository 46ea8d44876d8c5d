"""Linear models of classes: the softmax for named classes and shares, cumulative odds for grades."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from umbel.shapes import check_shape

__all__ = ["fit_grades", "fit_softmax", "grade_probabilities", "softmax"]

Array = NDArray[np.float64]
Matrix: TypeAlias = Any


def softmax(scores: Array) -> Array:
    """Class probabilities [B, C] of scores [B, C].

    >>> softmax(np.log([[1.0, 3.0]]))
    array([[0.25, 0.75]])
    """
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def fit_softmax(
    X: Matrix,
    shares: Array,
    strength: float,
    weights: Array,
    *,
    start: tuple[Array, Array] | None = None,
    tolerance: float = 1e-9,
    steps: int = 2000,
) -> tuple[Array, Array]:
    """Softmax regression: coefficients [D, C] and intercepts [C] (summing to 0).

    Minimises sum_i v_i cross_entropy(shares_i, softmax(x_i W + b)) + strength/2 |W|^2, the intercepts
    free; ``strength = 1 / C`` of scikit-learn's multinomial LogisticRegression.

    :param X: inputs [B, D], dense or compressed sparse rows.
    :param shares: one-hot classes or shares [B, C], rows summing to 1.
    :param weights: [B] positive.
    :param start: coefficients and intercepts to begin with.
    :param tolerance: largest gradient entry per unit of weight at which L-BFGS stops.

    Source: Cox 1966; L-BFGS of Liu & Nocedal 1989.
    """
    from scipy.optimize import minimize

    rows, columns = X.shape
    classes = check_shape("shares", shares.shape, (rows, "C"))["C"]
    total = weights.sum()
    XT = X.T.tocsr() if sparse.issparse(X) else X.T
    rate = (weights @ shares + 0.5) / (total + 0.5 * classes)
    if start is None:
        begin = np.concatenate([np.zeros(columns * classes), np.log(rate)])
    else:
        begin = np.concatenate([start[0].ravel(), start[1]])

    def loss(flat: Array) -> tuple[float, Array]:
        W, b = flat[: columns * classes].reshape(columns, classes), flat[columns * classes :]
        F = X @ W + b
        F = F - F.max(axis=1, keepdims=True)
        odds = np.exp(F)
        mass = odds.sum(axis=1, keepdims=True)
        nll = np.log(mass[:, 0]) - (shares * F).sum(axis=1)
        slope = weights[:, None] * (odds / mass - shares)
        value = weights @ nll + strength / 2 * np.square(W).sum()
        gradient = np.concatenate([(XT @ slope + strength * W).ravel(), slope.sum(axis=0)])
        return float(value / total), gradient / total

    found = minimize(
        loss,
        begin,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": steps, "maxfun": 2 * steps, "gtol": tolerance, "ftol": 1e-15, "maxcor": 20},
    )
    W, b = found.x[: columns * classes].reshape(columns, classes), found.x[columns * classes :]
    return W, b - b.mean()


def grade_probabilities(scores: Array, slope: float, cuts: Array) -> Array:
    """Class probabilities [B, C] of scores [B]: P(grade > c) = sigmoid(slope * score - cut_c).

    >>> grade_probabilities(np.zeros(1), 1.0, np.array([0.0, np.log(3)]))
    array([[0.5 , 0.25, 0.25]])
    """
    from scipy.special import expit

    below = expit(cuts - slope * np.asarray(scores)[:, None])
    ends = np.zeros((len(below), 1))
    return np.maximum(np.diff(np.hstack([ends, below, ends + 1]), axis=1), 0.0)


def fit_grades(scores: Array, grades: NDArray[Any], classes: int, weights: Array) -> tuple[float, Array]:
    """Cumulative odds on one score: its slope and the C - 1 increasing cuts, by maximum likelihood.

    Half a pseudo-label spread over the grades keeps the cuts of a grade that no row has finite.

    :param scores: [B].
    :param grades: [B] integers in [0, C).
    :param classes: C, at least 2.
    :param weights: [B] positive.

    Source: McCullagh 1980.
    """
    from scipy.optimize import minimize

    middle, spread = float(np.average(scores, weights=weights)), float(np.std(scores)) or 1.0
    z = (scores - middle) / spread
    grades = np.asarray(grades, dtype=np.int64)
    rate = np.bincount(grades, weights, minlength=classes) + 0.5 / classes
    rate = rate / rate.sum()
    odds = np.log(np.cumsum(rate)[:-1] / np.cumsum(rate[::-1])[-2::-1])
    begin = np.concatenate([[1.0, odds[0]], np.log(np.maximum(np.diff(odds), 1e-6))])

    def loss(flat: Array) -> float:
        cuts = flat[1] + np.concatenate([[0.0], np.cumsum(np.exp(flat[2:]))])
        chance = grade_probabilities(z, flat[0], cuts)[np.arange(len(z)), grades]
        prior = grade_probabilities(np.zeros(1), 0.0, cuts)[0]
        value = weights @ -np.log(np.maximum(chance, 1e-300))
        return float(value - 0.5 / classes * np.log(np.maximum(prior, 1e-300)).sum()) / float(weights.sum())

    found = minimize(loss, begin, method="L-BFGS-B", options={"gtol": 1e-8})
    cuts = found.x[1] + np.concatenate([[0.0], np.cumsum(np.exp(found.x[2:]))])
    slope = float(found.x[0]) / spread
    return slope, cuts + slope * middle
