"""All targets of a row as one matrix of numbers, and back: what multi-output regressors are fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.encoders.design import fitted_design
from umbel.tasks import Prediction
from umbel.training.learners.classic import answers
from umbel.training.solvers.ridge import ridge_path

__all__ = ["Outputs", "complete", "enough_labels"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Outputs:
    """Columns of all targets, in the order of the targets' names.

    Numbers stand as they are, classes and grades as indicators, labels as 0 and 1. Each target's
    columns are scaled to a total variance of 1, so that every task has the same say.

    :param columns: of each target.
    :param responses: of each target.
    :param flat: targets whose prediction is one number per row.
    :param location: [K].
    :param scale: [K].
    """

    columns: Mapping[str, list[int]]
    responses: Mapping[str, str]
    flat: tuple[str, ...]
    location: Array
    scale: Array

    @staticmethod
    def fit(train: Dataset) -> Outputs:
        """Learn locations and scales from the known training labels."""
        columns: dict[str, list[int]] = {}
        responses: dict[str, str] = {}
        flat: list[str] = []
        location: list[float] = []
        scale: list[float] = []
        for name in sorted(t.name for t in train.tasks.targets):
            Y, W = _cells(train, name)
            known = W.any(axis=1)  # rounding must not depend on rows without a label: trees break ties by it
            Y, W = Y[known], W[known]
            total = np.maximum(W.sum(axis=0), 1e-12)
            mean = (W * Y).sum(axis=0) / total
            variance = (W * np.square(Y - mean)).sum(axis=0) / total
            columns[name] = list(range(len(location), len(location) + Y.shape[1]))
            responses[name] = train.tasks.target(name).kind.response
            if answers(train, name).constant().value.ndim == 1:
                flat.append(name)
            location += mean.tolist()
            scale += [float(np.sqrt(variance.sum())) or 1.0] * Y.shape[1]
        return Outputs(columns, responses, tuple(flat), np.array(location), np.array(scale))

    def encode(self, rows: Dataset) -> tuple[Array, Array]:
        """Scaled outputs and their weights, [B, K] each; 0 is unknown."""
        cells = [_cells(rows, name) for name in self.columns]
        Y, W = np.hstack([y for y, _ in cells]), np.hstack([w for _, w in cells])
        return np.where(W > 0, (Y - self.location) / self.scale, 0.0), W

    def decode(self, scores: Array, spreads: Mapping[str, float]) -> dict[str, Prediction]:
        """Predictions of every target from scaled outputs [B, K].

        :param spreads: standard deviation of an answer around its prediction, of gaussian targets.
        """
        raw = scores * self.scale + self.location
        found: dict[str, Prediction] = {}
        for name, at in self.columns.items():
            part, response = raw[:, at], self.responses[name]
            if response == "gaussian":
                found[name] = Prediction(part[:, 0], np.full(len(part), spreads[name]))
            elif response == "poisson":
                mean = np.maximum(part[:, 0], 1e-9)
                found[name] = Prediction(mean, np.sqrt(mean))
            elif response == "bernoulli":
                part = np.clip(part, 0.0, 1.0)
                found[name] = Prediction(part[:, 0] if name in self.flat else part)
            else:
                part = np.maximum(part, 1e-6)
                found[name] = Prediction(part / part.sum(axis=1, keepdims=True))
        return found

    def state(self) -> dict[str, Any]:
        """All of it as JSON and arrays."""
        return {
            "columns": dict(self.columns),
            "responses": dict(self.responses),
            "flat": list(self.flat),
            "location": self.location,
            "scale": self.scale,
        }

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Outputs:
        """The outputs that :meth:`state` tells of."""
        return Outputs(
            state["columns"],
            state["responses"],
            tuple(state["flat"]),
            np.asarray(state["location"]),
            np.asarray(state["scale"]),
        )


def _cells(rows: Dataset, name: str) -> tuple[Array, Array]:
    """Plain numbers and weights of one target for all rows, [B, K] each."""
    own = answers(rows, name)
    response = own.kind.response
    if response in ("categorical", "ordered", "simplex"):
        y = own.shares()
        w = np.repeat(own.weights[:, None], y.shape[1], axis=1)
    else:
        y, w = own.columns()
    Y, W = np.zeros((len(rows), y.shape[1])), np.zeros((len(rows), y.shape[1]))
    Y[own.rows], W[own.rows] = y, w
    return Y, W


def enough_labels(train: Dataset) -> NDArray[np.bool_]:
    """Rows with at least half of the targets known, [B]."""
    known = np.stack([train.known(t.name) for t in train.tasks.targets])
    return np.asarray(2 * known.sum(axis=0) >= len(known))


def complete(train: Dataset, Y: Array, W: Array, use: NDArray[np.int64]) -> Array:
    """Outputs of some rows, [N, K], in which every unknown cell is what a ridge model of it says.

    A multi-output regressor takes no weights by cell; the mean would pull its predictions to the
    mean, a linear prediction hardly does.

    :param Y: outputs [B, K].
    :param W: weights [B, K].
    :param use: positions of the N rows.
    """
    filled, sure = Y[use], W[use]
    if (sure > 0).all():
        return filled
    X = fitted_design(train).transform(train)[use]
    for k in range(Y.shape[1]):
        known = sure[:, k] > 0
        if known.any() and not known.all():
            path = ridge_path(X[known], filled[known, k], np.array([10.0]), sure[known, k])
            filled[~known, k] = path.predict(X[~known])[:, 0]
    return filled
