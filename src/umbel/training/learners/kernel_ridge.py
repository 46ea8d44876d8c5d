"""Kernel ridge for small tables: all targets over one kernel, or each over its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.encoders.design import DesignMatrix, fitted_design
from umbel.tasks import Prediction, Target, TaskSet
from umbel.training.learner import LEARNERS, Predictions, State
from umbel.training.solvers.glm import fit_glm
from umbel.training.solvers.kernel_ridge import KernelFit, fit_kernel_ridge

__all__ = ["KernelRidge", "KernelRidgePerTask"]

Array = NDArray[np.float64]
MOST_ROWS = 3000


@LEARNERS.register("kernel_ridge", source="Rasmussen & Williams 2006, section 5.4.2; Platt 1999")
class KernelRidge:
    """One kernel, one length and one strength for all targets; least squares on their columns.

    Yes-or-no answers are regressed on 0 and 1, and the scores made probabilities by a logistic curve
    fitted on the leave-one-out predictions.
    """

    name: ClassVar[str] = "kernel_ridge"
    joint: ClassVar[bool] = True

    def __init__(self) -> None:
        self.fits: list[tuple[list[str], KernelFit]] = []
        self.curves: dict[str, list[list[float]]] = {}

    @staticmethod
    def serves(train: Dataset) -> str:
        """Up to ``MOST_ROWS`` rows in the columns layout; gaussian or bernoulli, all labels known."""
        if train.tasks.by_rows:
            return "made for target columns, not for groups of rows"
        if len(train) > MOST_ROWS:
            return f"made for up to {MOST_ROWS} rows, there are {len(train)}"
        for target in train.tasks.targets:
            if target.kind.response not in ("gaussian", "bernoulli"):
                return f"cannot answer the kind {target.kind.name} of '{target.name}'"
            if (train.weights(target.name) == 0).any():
                return f"needs all labels known, '{target.name}' has missing ones"
        return ""

    @property
    def options(self) -> dict[str, Any]:
        """See :class:`Learner`."""
        return {}

    @property
    def parameters(self) -> int:
        """Dual coefficients."""
        return sum(fit.dual.size for _, fit in self.fits)

    @property
    def notes(self) -> Mapping[str, Any]:
        """Kernel and strength."""
        return {
            "kernels": [
                {"targets": names, "gamma": fit.gamma, "strength": fit.strength} for names, fit in self.fits
            ]
        }

    def _parts(self, targets: tuple[Target, ...]) -> list[list[str]]:
        return [[t.name for t in targets]]

    def fit(self, train: Dataset, valid: Dataset) -> KernelRidge:
        """Width and strength by leave-one-out on ``train``; ``valid`` is not used."""
        self.design: DesignMatrix = fitted_design(train)
        X = _dense(self.design.transform(train))
        self.fits, self.curves, self.scales = [], {}, {}
        for names in self._parts(train.tasks.targets):
            columns = [_columns(train.values(name)) for name in names]
            spreads = [np.maximum(c.std(axis=0), 1e-12) for c in columns]
            fit = fit_kernel_ridge(
                X, np.concatenate([c / s for c, s in zip(columns, spreads, strict=True)], axis=1)
            )
            self.fits.append((names, fit))
            start = 0
            for name, column, spread in zip(names, columns, spreads, strict=True):
                stop = start + column.shape[1]
                self.scales[name] = spread
                held = fit.held[:, start:stop] * spread
                if train.tasks.target(name).kind.response == "bernoulli":
                    self.curves[name] = [_platt(h, y) for h, y in zip(held.T, column.T, strict=True)]
                else:
                    self.curves[name] = [[float((held - column).std())]]
                start = stop
        return self

    def predict(self, rows: Dataset) -> Predictions:
        """See :class:`Learner`."""
        X = _dense(self.design.transform(rows))
        asked = {t.name: t for t in rows.tasks.targets}
        found: Predictions = {}
        for names, fit in self.fits:
            scores, start = fit.predict(X), 0
            for name in names:
                stop = start + len(self.scales[name])
                raw = scores[:, start:stop] * self.scales[name]
                start = stop
                if name not in asked:
                    continue
                if asked[name].kind.response == "gaussian":
                    spread = np.full(len(raw), self.curves[name][0][0])
                    found[name] = Prediction(raw[:, 0], spread)
                else:
                    curve = np.asarray(self.curves[name])
                    chance = 1 / (1 + np.exp(-(curve[:, 0] + curve[:, 1] * raw)))
                    many = asked[name].kind.name == "multilabel"
                    found[name] = Prediction(chance if many else chance[:, 0])
        return found

    def state(self) -> State:
        """See :class:`Learner`."""
        return {
            "design": self.design.state(),
            "curves": self.curves,
            "scales": self.scales,
            "fits": [
                {"names": n, "rows": f.rows, "dual": f.dual, "mean": f.mean, "gamma": f.gamma,
                 "strength": f.strength}
                for n, f in self.fits
            ],
        }  # fmt: skip

    def restore(self, state: State, tasks: TaskSet, schema: Schema) -> None:
        """See :class:`Learner`; the leave-one-out predictions are not kept on disk."""
        self.design = DesignMatrix.restore(schema, state["design"])
        self.curves, self.scales = state["curves"], state["scales"]
        self.fits = [
            (
                f["names"],
                KernelFit(f["rows"], f["dual"], f["mean"], f["gamma"], f["strength"], f["dual"][:0]),
            )
            for f in state["fits"]
        ]


@LEARNERS.register("kernel_ridge_per_task", source="Rasmussen & Williams 2006, section 5.4.2; Platt 1999")
class KernelRidgePerTask(KernelRidge):
    """The separate counterpart of kernel ridge: each target has its own length and strength."""

    name: ClassVar[str] = "kernel_ridge_per_task"
    joint: ClassVar[bool] = False

    def _parts(self, targets: tuple[Target, ...]) -> list[list[str]]:
        return [[t.name] for t in targets]


def _dense(design: Any) -> Array:
    return np.asarray(design.toarray() if hasattr(design, "toarray") else design, dtype=float)


def _columns(values: NDArray[Any]) -> Array:
    return np.asarray(values.reshape(len(values), -1), dtype=float)


def _platt(scores: Array, answers: Array) -> list[float]:
    """Intercept and slope of the logistic curve of ``answers`` over ``scores``."""
    slope, intercept = fit_glm(
        scores[:, None], answers[:, None], np.array([1.0]), np.ones((len(scores), 1)), "bernoulli"
    )
    return [float(intercept[0]), float(slope[0, 0])]
