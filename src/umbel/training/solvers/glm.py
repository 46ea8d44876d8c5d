"""Generalised linear models for many outputs at once, by Newton's method with conjugate gradients.

The strength ``s`` of an output: minimise sum_i v_i nll(y_i, x_i w + b) + s/2 |w|^2, the intercept
free. So ``s = 1 / C`` of scikit-learn's LogisticRegression and ``s = N alpha`` of its
PoissonRegressor; with the prior w ~ N(0, t), the objective of the design page has s = 1 / t.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from umbel.shapes import check_shape

__all__ = ["FAMILIES", "Family", "fit_glm"]

Array = NDArray[np.float64]
Matrix: TypeAlias = Any
"""An array or compressed sparse rows, float32 or float64 (scipy has no types)."""


class Family(ABC):
    """A response of one number with its canonical link; all methods are elementwise."""

    @abstractmethod
    def start(self, rate: Array) -> Array:
        """The constant score that predicts the mean answer."""

    @abstractmethod
    def mean(self, score: Array) -> Array:
        """Expected answer."""

    @abstractmethod
    def curvature(self, mean: Array) -> Array:
        """Second derivative of the negative log likelihood by the score."""

    @abstractmethod
    def nll(self, score: Array, answer: Array) -> Array:
        """Negative log likelihood, up to a term of the answer alone; its derivative is mean - answer."""


class _Bernoulli(Family):
    def start(self, rate: Array) -> Array:
        rate = np.clip(rate, 1e-6, 1 - 1e-6)
        return np.asarray(np.log(rate / (1 - rate)))

    def mean(self, score: Array) -> Array:
        from scipy.special import expit

        return np.asarray(expit(score))

    def curvature(self, mean: Array) -> Array:
        return mean * (1 - mean)

    def nll(self, score: Array, answer: Array) -> Array:
        return np.asarray(np.logaddexp(0, score) - answer * score)


class _Poisson(Family):
    def start(self, rate: Array) -> Array:
        return np.asarray(np.log(np.maximum(rate, 1e-6)))

    def mean(self, score: Array) -> Array:
        return np.asarray(np.exp(np.minimum(score, 30)))

    def curvature(self, mean: Array) -> Array:
        return mean

    def nll(self, score: Array, answer: Array) -> Array:
        return np.asarray(np.exp(np.minimum(score, 30)) - answer * score)


FAMILIES: dict[str, Family] = {"bernoulli": _Bernoulli(), "poisson": _Poisson()}


def fit_glm(
    X: Matrix,
    Y: Array,
    strengths: Array,
    weights: Array,
    family: str,
    *,
    start: tuple[Array, Array] | None = None,
    tolerance: float = 1e-8,
    steps: int = 50,
    turned: sparse.csr_matrix | None = None,
) -> tuple[Array, Array]:
    """Coefficients [D, L] and intercepts [L] of L outputs on the same inputs.

    The outputs are independent problems; they share every product with X, which is most of the work.

    :param X: inputs [B, D], dense or compressed sparse rows.
    :param Y: answers [B, L]; ignored where the weight is 0.
    :param strengths: [L] positive numbers.
    :param weights: [B, L] non-negative; 0 is unknown.
    :param family: a name in ``FAMILIES``.
    :param start: coefficients and intercepts to begin with (a neighbour on the path of strengths).
    :param tolerance: an output is done when its gradient's norm fell so far, relative to that of the
        constant model.
    :param steps: most Newton steps.
    :param turned: the transpose of a sparse X as compressed rows, when the caller has it.
    :raises ShapeError: shapes do not fit.

    Source: Dembo & Steihaug 1983 (truncated Newton); Nelder & Wedderburn 1972.
    """
    rows, columns = X.shape
    letters = check_shape("answers", Y.shape, (rows, "L"))
    check_shape("weights", weights.shape, (rows, letters["L"]))
    check_shape("strengths", strengths.shape, (letters["L"],))
    model, kind = FAMILIES[family], X.dtype
    Y, weights = Y.astype(kind), weights.astype(kind)
    strengths = strengths.astype(kind)
    XT = X.T if not sparse.issparse(X) else X.T.tocsr() if turned is None else turned
    square = X.multiply(X).tocsr() if sparse.issparse(X) else np.square(X)
    squareT = square.T.tocsr() if sparse.issparse(X) else square.T
    total = np.maximum(weights.sum(axis=0), 1e-12)
    null = model.start((weights * Y).sum(axis=0) / total)
    scale = np.sqrt(
        np.square(XT @ (weights * (model.mean(null) - Y))).sum(axis=0) + np.finfo(kind).tiny
    )  # |gradient| of the constant model
    if start is None:
        W, b = np.zeros((columns, Y.shape[1]), kind), null.astype(kind)
    else:
        W, b = start[0].astype(kind), start[1].astype(kind)
    F = X @ W + b
    for _ in range(steps):
        M = model.mean(F)
        slope = weights * (M - Y)
        gW, gb = XT @ slope + strengths * W, slope.sum(axis=0)
        size = np.sqrt(np.square(gW).sum(axis=0) + np.square(gb))
        open_ = size > tolerance * scale
        if not open_.any():
            break
        S = weights * model.curvature(M)
        # only the open outputs are worked on: most of the work is products with X
        o = np.flatnonzero(open_)
        V, v = _newton_step(X, XT, squareT, S[:, o], gW[:, o], gb[o], strengths[o], (size / scale)[o])
        dF = X @ V + v
        fall = (gW[:, o] * V).sum(axis=0) + gb[o] * v
        t = _line_search(model, F[:, o], dF, Y[:, o], weights[:, o], W[:, o], V, strengths[o], fall)
        if not (t > 0).any():
            break  # no output can go down any more in this precision
        W[:, o] += t * V
        b[o] += t * v
        F[:, o] += t * dF
    return W, b


def _newton_step(
    X: Matrix,
    XT: Matrix,
    squareT: Matrix,
    S: Array,
    gW: Array,
    gb: Array,
    strengths: Array,
    progress: Array,
) -> tuple[Array, Array]:
    """Solve Hessian x step = -gradient by conjugate gradients, all outputs side by side.

    The nearer an output is to its optimum, the more exactly (superlinear convergence).
    """
    mass = np.maximum(S.sum(axis=0), 1e-12)
    scale = 1 / (squareT @ S + strengths)
    V, v = np.zeros_like(gW), np.zeros_like(gb)
    R, r = -gW, -gb
    Z, z = scale * R, r / mass
    P, p = Z.copy(), z.copy()
    product = (R * Z).sum(axis=0) + r * z
    goal = np.minimum(0.2, np.sqrt(progress)) ** 2 * product
    for _ in range(200):
        U = S * (X @ P + p)
        HP, hp = XT @ U + strengths * P, U.sum(axis=0)
        curvature = (P * HP).sum(axis=0) + p * hp
        step = np.divide(product, curvature, out=np.zeros_like(product), where=curvature > 0)
        V += step * P
        v += step * p
        R -= step * HP
        r -= step * hp
        Z, z = scale * R, r / mass
        new = (R * Z).sum(axis=0) + r * z
        if (new <= goal).all():
            break
        turn = np.divide(new, product, out=np.zeros_like(new), where=product > 0)
        P = Z + turn * P
        p = z + turn * p
        product = new
    return V, v


def _line_search(
    model: Family,
    F: Array,
    dF: Array,
    Y: Array,
    weights: Array,
    W: Array,
    V: Array,
    strengths: Array,
    slope: Array,
) -> Array:
    """Step lengths [L]: halved until the penalised loss falls; 0 where it cannot."""
    ww, wv, vv = (W * W).sum(axis=0), (W * V).sum(axis=0), (V * V).sum(axis=0)

    def loss(t: Array) -> Array:
        penalty = strengths / 2 * (ww + 2 * t * wv + t * t * vv)
        return np.asarray((weights * model.nll(F + t * dF, Y)).sum(axis=0, dtype=np.float64) + penalty)

    now = loss(np.zeros_like(slope))
    slack = 8 * np.finfo(F.dtype).eps * np.abs(now)
    t = np.ones_like(slope)
    for _ in range(30):
        bad = loss(t) > now + 1e-4 * t * slope + slack
        if not bad.any():
            return t
        t[bad] /= 2
    t[bad] = 0
    return t
