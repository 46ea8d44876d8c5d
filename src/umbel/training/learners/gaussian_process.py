"""A Gaussian process per task: the strongest separate model of smooth numbers on few rows."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.encoders.design import DesignMatrix, fitted_design
from umbel.seeding import derive, numpy_generator
from umbel.tasks import Prediction
from umbel.training.learner import LEARNERS, Predictions, State
from umbel.training.learners.classic import Classic, answers, in_order

__all__ = ["GaussianProcess", "too_wide"]

Array = NDArray[np.float64]
MOST_ROWS = 2000
MOST_FEATURES = 500
KERNEL_ROWS = 400
"""Rows, drawn at random, that the kernel's parameters are chosen on where there are more."""


def too_wide(train: Dataset) -> str:
    """Why a process cannot take the inputs of these rows; empty when it can."""
    many = [c.name for c in train.schema.columns if c.type in ("set", "text")]
    if many:
        return f"'{many[0]}' gives too many features for one length"
    width = fitted_design(in_order(train)).width
    return f"{width} features, more than {MOST_FEATURES}" if width > MOST_FEATURES else ""


@dataclass(frozen=True)
class _Process:
    """A fitted process: k(a, b) = size * exp(-|a - b|^2 / 2, scaled) + noise.

    :param X: training inputs [N, D], already divided by the lengths.
    :param lengths: [D] or [1].
    :param alpha: (K + noise)^-1 y, [N].
    :param lower: Cholesky factor of K + noise, [N, N].
    :param numbers: size, noise, mean and scale of y, [4].
    """

    X: Array
    lengths: Array
    alpha: Array
    lower: Array
    numbers: Array

    def predict(self, X: Array) -> Prediction:
        """Mean and standard deviation of an answer, its noise included (Rasmussen & Williams 2.25-26)."""
        from scipy.linalg import solve_triangular
        from scipy.spatial.distance import cdist

        size, noise, mean, scale = self.numbers
        K = size * np.exp(-0.5 * cdist(X / self.lengths, self.X, "sqeuclidean"))
        through = solve_triangular(self.lower, K.T, lower=True, check_finite=False)
        variance = np.maximum(size + noise - np.square(through).sum(axis=0), 1e-12)
        return Prediction(mean + scale * (K @ self.alpha), scale * np.sqrt(variance))

    def state(self) -> dict[str, Array]:
        """All of it as arrays."""
        return {key: getattr(self, key) for key in ("X", "lengths", "alpha", "lower", "numbers")}

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> _Process:
        """The process that :meth:`state` tells of."""
        return _Process(**{key: np.asarray(value) for key, value in state.items()})


@LEARNERS.register("gaussian_process", source="Rasmussen & Williams 2006, algorithm 2.1; scikit-learn")
class GaussianProcess(Classic):
    """Radial kernel plus white noise; scale, length and noise by the marginal likelihood.

    :param lengths: ``one`` length for all inputs, or ``each`` its own (relevance determination).
    :param restarts: further random beginnings of the search for the kernel's parameters.
    """

    name: ClassVar[str] = "gaussian_process"

    def __init__(self, *, lengths: str = "one", restarts: int = 1) -> None:
        super().__init__()
        self.lengths, self.restarts = lengths, restarts
        self._design: DesignMatrix | None = None
        self._processes: dict[str, _Process] = {}

    @staticmethod
    def serves(train: Dataset) -> str:
        """Numbers in the columns layout, of at most 2,000 rows and 500 features; see :class:`Learner`."""
        if train.tasks.by_rows:
            return "one process per group is not built; the columns layout only"
        for target in train.tasks.targets:
            if target.kind.response != "gaussian":
                return f"'{target.name}' is {target.kind.name}: only gaussian answers"
            if train.known(target.name).sum() > MOST_ROWS:
                return f"'{target.name}' has more than {MOST_ROWS} training rows"
        return too_wide(train) or Classic.serves(train)

    def _fit(self, train: Dataset, valid: Dataset) -> None:
        self._design = fitted_design(train)
        X = self._design.transform(train)
        self._processes = {}
        for target in train.tasks.targets:
            own = answers(train, target.name)
            process, note = self._fit_one(X[own.rows], own.values.astype(float), own.weights, target.name)
            self._processes[target.name] = process
            self._notes[target.name] = note

    def _fit_one(self, X: Array, y: Array, weights: Array, name: str) -> tuple[_Process, dict[str, Any]]:
        from scipy.linalg import cho_solve
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

        begin = np.full(X.shape[1] if self.lengths == "each" else 1, np.sqrt(X.shape[1] or 1))
        length = begin if self.lengths == "each" else float(begin[0])
        kernel = ConstantKernel(1.0, (1e-3, 1e4)) * RBF(length, (1e-2, 1e4))
        kernel += WhiteKernel(0.1, (1e-6, 10.0))
        model = GaussianProcessRegressor(
            kernel,
            normalize_y=True,
            n_restarts_optimizer=self.restarts,
            random_state=derive(0, "gaussian_process", name) % 2**32,
        )
        with warnings.catch_warnings():  # a parameter at its bound is told in the notes
            warnings.simplefilter("ignore", ConvergenceWarning)
            if len(X) > KERNEL_ROWS:  # three numbers need no more rows; the answer is that of all
                some = numpy_generator(0, "kernel", name).choice(len(X), KERNEL_ROWS, replace=False)
                model.fit(X[some], y[some])
                model = GaussianProcessRegressor(model.kernel_, normalize_y=True, optimizer=None)
            model.fit(X, y)
        found = model.kernel_
        lengths = np.atleast_1d(np.asarray(found.k1.k2.length_scale, dtype=float))
        size, noise = float(found.k1.k1.constant_value), float(found.k2.noise_level)
        mean, scale = float(model._y_train_mean), float(model._y_train_std)
        lower = np.tril(np.asarray(model.L_, dtype=float))
        alpha = np.asarray(model.alpha_, dtype=float).ravel()
        if (weights != 1).any():  # an answer of weight a has the noise noise / a
            K = lower @ lower.T + np.diag(noise / weights - noise)
            lower = np.linalg.cholesky(K)
            alpha = cho_solve((lower, True), (y - mean) / scale)
        note = {
            "length": lengths.tolist(),
            "size": size,
            "noise": noise,
            "evidence": float(model.log_marginal_likelihood_value_),
            "chosen_on": "evidence of training",
        }
        return _Process(X / lengths, lengths, alpha, lower, np.array([size, noise, mean, scale])), note

    def predict(self, rows: Dataset) -> Predictions:
        """See :class:`Learner`."""
        assert self._design is not None, "predict comes after fit"
        X = self._design.transform(rows)
        return {t.name: self._processes[t.name].predict(X) for t in rows.tasks.targets}

    @property
    def parameters(self) -> int:
        """One weight per training row and the kernel's parameters."""
        return sum(p.alpha.size + p.lengths.size + p.numbers.size for p in self._processes.values())

    def state(self) -> State:
        """See :class:`Learner`."""
        assert self._design is not None, "state comes after fit"
        return {
            "design": self._design.state(),
            "processes": {name: process.state() for name, process in self._processes.items()},
        }

    def _restore(self, state: State, schema: Schema) -> None:
        self._design = DesignMatrix.restore(schema, state["design"])
        self._processes = {n: _Process.from_state(s) for n, s in state["processes"].items()}
