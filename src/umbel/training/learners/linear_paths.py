"""Coefficients of one task by strength, and what each costs on other rows: the way of every response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from umbel.encoders.design import Design
from umbel.training.learners.classic import Answers
from umbel.training.solvers.classes import fit_softmax, softmax
from umbel.training.solvers.glm import FAMILIES, fit_glm
from umbel.training.solvers.ridge import ridge_path

__all__ = ["METHODS", "Part", "Solutions", "final", "grid", "near"]

Array = NDArray[np.float64]
Solutions = list[tuple[Array, Array]]
"""Coefficients [D, K] and intercepts [K], by strength."""


@dataclass(frozen=True)
class Part:
    """Known answers of a task with their inputs.

    :param X: [N, D], rows of ``own``.
    :param entities: [N].
    """

    X: Design
    own: Answers
    entities: NDArray[np.int64]

    def take(self, chosen: NDArray[Any]) -> Part:
        """Some of the rows (positions or a mask)."""
        return Part(self.X[chosen], self.own.take(chosen), self.entities[chosen])


Path = Callable[[Part, Array, float], Solutions]
Loss = Callable[[Part, tuple[Array, Array]], Array]


def grid(response: str, big: bool) -> Array:
    """Strengths from strong to weak, [A]: each solution starts from its stronger neighbour.

    :param response: of the kind (see ``tasks.kind.Response``).
    :param big: whether the design is sparse: fewer strengths, none of the weakest.
    """
    if response in ("gaussian", "ordered"):
        return np.geomspace(316, 1, 6) if big else np.geomspace(1e4, 1e-2, 13)
    return np.array([30.0, 10.0, 4.0, 2.0, 1.0, 0.5]) if big else np.geomspace(1e3, 1e-2, 11)


def _ridge(part: Part, strengths: Array, tolerance: float) -> Solutions:
    y, w = part.own.columns()
    found = ridge_path(part.X, y[:, 0], strengths, w[:, 0], tolerance=tolerance)
    return [(found.coefficients[:, [a]], found.intercepts[[a]]) for a in range(len(strengths))]


def _squared(part: Part, solution: tuple[Array, Array]) -> Array:
    y, w = part.own.columns()
    F = part.X @ solution[0] + solution[1]
    return np.asarray((w * np.square(y - F)).sum(axis=0))


def _glm(family: str) -> tuple[Path, Loss]:
    def path(part: Part, strengths: Array, tolerance: float) -> Solutions:
        y, w = part.own.columns()
        turned = part.X.T.tocsr() if sparse.issparse(part.X) else None
        found: Solutions = []
        for s in strengths:
            start = found[-1] if found else None
            each = np.full(y.shape[1], s)
            found.append(fit_glm(part.X, y, each, w, family, start=start, tolerance=tolerance, turned=turned))
        return found

    def loss(part: Part, solution: tuple[Array, Array]) -> Array:
        y, w = part.own.columns()
        F = np.asarray(part.X @ solution[0] + solution[1], dtype=float)
        return np.asarray((w * FAMILIES[family].nll(F, y)).sum(axis=0))

    return path, loss


def _softmax_path(part: Part, strengths: Array, tolerance: float) -> Solutions:
    found: Solutions = []
    for s in strengths:
        start = found[-1] if found else None
        found.append(
            fit_softmax(part.X, part.own.shares(), s, part.own.weights, start=start, tolerance=tolerance / 10)
        )
    return found


def _cross_entropy(part: Part, solution: tuple[Array, Array]) -> Array:
    P = softmax(np.asarray(part.X @ solution[0] + solution[1]))
    nll = -(part.own.shares() * np.log(np.maximum(P, 1e-300))).sum(axis=1)
    return np.array([part.own.weights @ nll])


METHODS: dict[str, tuple[Path, Loss]] = {
    "gaussian": (_ridge, _squared),
    "ordered": (_ridge, _squared),
    "bernoulli": _glm("bernoulli"),
    "poisson": _glm("poisson"),
    "categorical": (_softmax_path, _cross_entropy),
    "simplex": (_softmax_path, _cross_entropy),
}
"""By response: solutions of all strengths, and the loss of one on some rows, [K] or [1]."""


def near(path: Solutions, chosen: NDArray[np.int64]) -> tuple[Array, Array] | None:
    """The path's solution at the chosen strength of each output, to begin the last fit with.

    :param chosen: place of the strength of each output, [K].
    :returns: None where there is no path, or it has another number of outputs.
    """
    if not path or len(chosen) != len(path[0][1]):
        return None
    W = np.column_stack([path[a][0][:, k] for k, a in enumerate(chosen)])
    return W, np.array([path[a][1][k] for k, a in enumerate(chosen)])


def final(
    part: Part, strengths: Array, tolerance: float, start: tuple[Array, Array] | None
) -> tuple[Array, Array]:
    """Coefficients [D, K] and intercepts [K] at the chosen strengths.

    :param strengths: one of each output [K], or one of all [1].
    :param start: where to begin.
    """
    response = part.own.kind.response
    if response in ("gaussian", "ordered"):
        return _ridge(part, strengths, tolerance)[0]
    if response in ("categorical", "simplex"):
        return _softmax_path(part, strengths, tolerance)[0]
    y, w = part.own.columns()
    W, b = fit_glm(part.X, y, strengths, w, response, start=start, tolerance=tolerance)
    # an output whose known answers are all alike has no optimum: its smoothed rate, no coefficients
    for k in range(y.shape[1]):
        seen, size = y[w[:, k] > 0, k], w[:, k]
        if len(seen) == 0 or (seen == seen[0]).all():
            rate = (size @ y[:, k] + 0.5) / (size.sum() + 1.0)
            W[:, k], b[k] = 0.0, FAMILIES[response].start(np.array(rate))
    return W.astype(float), b.astype(float)
