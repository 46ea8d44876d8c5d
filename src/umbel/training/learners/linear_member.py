"""One linear model of one task, for every response, with its strength chosen on held-out rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from umbel.encoders.design import Design
from umbel.tasks import Prediction
from umbel.training.learners.classic import entity_folds, spread_of
from umbel.training.learners.linear_paths import METHODS, Part, Solutions, final, grid, near
from umbel.training.solvers.classes import fit_grades, grade_probabilities, softmax
from umbel.training.solvers.glm import FAMILIES

__all__ = ["FEW", "LinearMember", "fit_member"]

Array = NDArray[np.float64]

FEW = 200
"""With fewer validation labels the strength is chosen by folds of the training rows."""


@dataclass(frozen=True)
class LinearMember:
    """Scores X W + b, and what turns them into a prediction.

    :param response: of the kind (see ``tasks.kind.Response``).
    :param coefficients: W, [D, K].
    :param intercepts: b, [K].
    :param extra: ``spread`` [1] (gaussian), ``dispersion`` [1] (poisson), ``slope`` [1] and ``cuts``
        [C - 1] (ordered).
    :param flat: whether a bernoulli prediction is one number per row, not [B, L].
    """

    response: str
    coefficients: Array
    intercepts: Array
    extra: Mapping[str, Array] = field(default_factory=dict)
    flat: bool = True

    def scores(self, X: Design) -> Array:
        """[B, K]."""
        return np.asarray(X @ self.coefficients, dtype=float) + self.intercepts

    def predict(self, X: Design) -> Prediction:
        """In the task's own terms."""
        F = self.scores(X)
        if self.response == "gaussian":
            return Prediction(F[:, 0], np.full(len(F), self.extra["spread"][0]))
        if self.response == "poisson":
            mean = FAMILIES["poisson"].mean(F[:, 0])
            return Prediction(mean, np.sqrt(mean * self.extra["dispersion"][0]))
        if self.response == "bernoulli":
            chance = FAMILIES["bernoulli"].mean(F)
            return Prediction(chance[:, 0] if self.flat else chance)
        if self.response == "ordered":
            slope = float(self.extra["slope"][0])
            return Prediction(grade_probabilities(F[:, 0], slope, self.extra["cuts"]))
        return Prediction(softmax(F))

    @property
    def parameters(self) -> int:
        """Coefficients, intercepts and the rest."""
        return self.coefficients.size + self.intercepts.size + sum(a.size for a in self.extra.values())

    def state(self) -> dict[str, Any]:
        """All of it as JSON and arrays."""
        return {
            "response": self.response,
            "coefficients": self.coefficients,
            "intercepts": self.intercepts,
            "extra": dict(self.extra),
            "flat": self.flat,
        }

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> LinearMember:
        """The member that :meth:`state` tells of."""
        extra = {k: np.asarray(v) for k, v in state["extra"].items()}
        return LinearMember(
            state["response"],
            np.asarray(state["coefficients"]),
            np.asarray(state["intercepts"]),
            extra,
            state["flat"],
        )


def fit_member(train: Part, valid: Part, *, folds: int = 5) -> tuple[LinearMember, dict[str, Any]]:
    """Choose the strength, fit on the training rows, and say what was chosen.

    The strength has the least negative log likelihood (of the ridge score, squared error) on the
    validation rows, or by ``folds`` of the training rows where validation has fewer than ``FEW``
    labels. Every label of a multi-label task has a strength of its own.
    """
    response = train.own.kind.response
    path, loss = METHODS[response]
    big = sparse.issparse(train.X)
    strengths = grid(response, big)
    rough = 1e-2 if big else 1e-5
    path_valid: Solutions = []
    by_folds = len(valid.own) < FEW or response == "ordered"
    out = np.zeros((len(train.own), len(strengths)))  # held-out scores of one-number responses
    if by_folds:
        fold = entity_folds(train.entities, min(folds, len(np.unique(train.entities))), "linear")
        losses = np.zeros((len(strengths), 1))
        for k in range(int(fold.max()) + 1):
            held = np.flatnonzero(fold == k)
            part, found = train.take(held), path(train.take(fold != k), strengths, rough)
            losses = losses + np.array([loss(part, s) for s in found])
            out[held] = np.column_stack([(part.X @ W + b)[:, 0] for W, b in found])
    else:
        path_valid = path(train, strengths, rough)
        losses = np.array([loss(valid, s) for s in path_valid])
    chosen = np.argmin(np.asarray(losses), axis=0)  # [K] or [1]
    best = strengths[chosen]
    W, b = final(train, best, 5e-4 if big else 1e-9, near(path_valid, chosen))
    extra: dict[str, Array] = {}
    weights = train.own.columns()[1][:, 0]
    if response == "gaussian":
        if by_folds:
            errors, sizes = train.own.values - out[:, chosen[0]], weights
        else:
            errors = valid.own.values - (valid.X @ W + b)[:, 0]
            sizes = valid.own.columns()[1][:, 0]
        extra["spread"] = np.array([spread_of(errors, sizes)])
    elif response == "poisson":
        mean = FAMILIES["poisson"].mean((train.X @ W + b)[:, 0])
        pearson = np.square(train.own.values - mean) / np.maximum(mean, 1e-9)
        extra["dispersion"] = np.array([max(np.average(pearson, weights=weights), 1e-3)])
    elif response == "ordered":
        slope, cuts = fit_grades(out[:, chosen[0]], train.own.values, train.own.classes, weights)
        extra = {"slope": np.array([slope]), "cuts": cuts}
    chosen_on = f"{folds} folds of training" if by_folds else "validation"
    flat = train.own.weights.ndim == 1
    return LinearMember(response, W, b, extra, flat), {"strength": best.tolist(), "chosen_on": chosen_on}
