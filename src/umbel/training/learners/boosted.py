"""Gradient-boosted trees per task: what a table's owner would use instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.tasks import Prediction
from umbel.training.learner import LEARNERS, Predictions, State
from umbel.training.learners.classic import Answers, Classic, answers, entity_folds, spread_of
from umbel.training.learners.estimators import from_bytes, to_bytes
from umbel.training.learners.group_code import GroupCode
from umbel.training.learners.tree_inputs import TreeInputs, fitted_tree_inputs

__all__ = ["Boosted"]

Array = NDArray[np.float64]

FEW = 50
"""With fewer validation labels a fifth of the training rows stops the boosting instead."""


@dataclass(frozen=True)
class _Member:
    """The models of one target: one, or one per label or share.

    :param models: scikit-learn estimators; None where the training labels are all alike.
    :param constant: the answer without inputs, one row.
    :param spread: of a gaussian answer around its prediction.
    :param classes: training classes of a classifier, positions in C.
    """

    models: list[Any]
    constant: Prediction
    spread: float

    def predict(self, X: Array, response: str) -> Prediction:
        """In the task's own terms."""
        base = self.constant.value
        if response in ("gaussian", "poisson"):
            mean = np.full(len(X), base[0]) if self.models[0] is None else self.models[0].predict(X)
            spread = np.full(len(X), self.spread)
            return Prediction(mean, spread if response == "gaussian" else np.sqrt(mean))
        if response == "bernoulli":
            flat = base.reshape(-1)
            chances = [
                np.full(len(X), flat[k]) if m is None else m.predict_proba(X)[:, 1]
                for k, m in enumerate(self.models)
            ]
            return Prediction(chances[0] if base.ndim == 1 else np.column_stack(chances))
        shares = np.repeat(base, len(X), axis=0)
        if response == "simplex":
            columns = [base[0, k] if m is None else m.predict(X) for k, m in enumerate(self.models)]
            for k, column in enumerate(columns):
                shares[:, k] = np.maximum(column, 1e-6)
            return Prediction(shares / shares.sum(axis=1, keepdims=True))
        if self.models[0] is not None:
            shares = np.zeros_like(shares)
            shares[:, self.models[0].classes_.astype(int)] = self.models[0].predict_proba(X)
        return Prediction(shares)


@LEARNERS.register("boosted", source="Friedman 2001; Ke et al. 2017 (histograms); scikit-learn")
class Boosted(Classic):
    """Histogram gradient boosting per task, label by label, stopped on validation.

    In the rows layout the rows of all groups are pooled, with the group's shrunken mean answer
    (out of fold on training rows) as a further input.

    :param learning_rate: of each tree.
    :param leaves: most leaves of a tree.
    :param least: fewest rows of a leaf.
    :param l2: penalty of leaf values.
    :param iterations: most trees.
    :param patience: trees without a better validation loss before it stops.
    :param bins: thresholds tried per input; 255 take three times as long on many labels.
    :param dimensions: singular vectors for sets and texts.
    """

    name: ClassVar[str] = "boosted"

    def __init__(
        self,
        *,
        learning_rate: float = 0.1,
        leaves: int = 12,
        least: int = 20,
        l2: float = 3.0,
        iterations: int = 300,
        patience: int = 10,
        bins: int = 64,
        dimensions: int = 24,
    ) -> None:
        super().__init__()
        self.learning_rate, self.leaves, self.least = learning_rate, leaves, least
        self.l2, self.iterations, self.patience = l2, iterations, patience
        self.bins, self.dimensions = bins, dimensions
        self._inputs: TreeInputs | None = None
        self._members: dict[str, _Member] = {}
        self._codes: dict[str, GroupCode] = {}

    @property
    def joint(self) -> bool:
        """True in the rows layout, where the groups' rows are pooled."""
        return bool(self._codes)

    def _fit(self, train: Dataset, valid: Dataset) -> None:
        self._inputs = fitted_tree_inputs(train, dimensions=self.dimensions)
        X, X_valid = self._inputs.transform(train), self._inputs.transform(valid)
        self._members, self._codes = {}, {}
        for target in train.tasks.targets:
            own, check = answers(train, target.name), answers(valid, target.name)
            A, B = X[own.rows], X_valid[check.rows]
            if train.tasks.by_rows:
                assert train.group is not None, "the rows layout has groups"
                assert valid.group is not None, "the rows layout has groups"
                entity = train.entity[own.rows]
                code, inner = GroupCode.fit(own, train.group[own.rows], entity, len(train.tasks.groups))
                A = np.hstack([A, inner])
                B = np.hstack([B, code.transform(valid.group[check.rows])])
                self._codes[target.name] = code
            self._members[target.name], trees = self._fit_target(A, own, B, check, train.entity[own.rows])
            self._notes[target.name] = {"trees": trees}

    def _fit_target(
        self, A: Array, own: Answers, B: Array, check: Answers, entities: NDArray[np.int64]
    ) -> tuple[_Member, list[int]]:
        """Fit the models of one target and count their trees."""
        if len(check) < FEW:
            fold = entity_folds(entities, 5, "boosted")
            if (fold == 0).any() and (fold != 0).any():
                A, own, B, check = A[fold != 0], own.take(fold != 0), A[fold == 0], own.take(fold == 0)
        response = own.kind.response
        y, w = own.shares() if response == "simplex" else own.columns()[0], own.columns()[1]
        z, v = check.shares() if response == "simplex" else check.columns()[0], check.columns()[1]
        models: list[Any] = []
        for k in range(y.shape[1]):
            at, to = w[:, min(k, w.shape[1] - 1)], v[:, min(k, v.shape[1] - 1)]
            a, b = at > 0, to > 0
            if response in ("categorical", "ordered", "bernoulli"):
                b = b & np.isin(z[:, k], np.unique(y[a, k]))
            models.append(self._fit_model(response, A[a], y[a, k], at[a], B[b], z[b, k], to[b]))
        member = _Member(models, own.constant(), 1.0)
        if response == "gaussian":
            errors = check.values - member.predict(B, response).value
            spread = spread_of(errors, check.weights) if len(check) else float(np.std(own.values))
            member = _Member(models, member.constant, spread)
        return member, [0 if m is None else len(m._predictors) for m in models]

    def _fit_model(self, response: str, A: Array, y: Array, w: Array, B: Array, z: Array, v: Array) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        if len(y) < 2 or (y == y[0]).all() or A.shape[1] == 0:
            return None
        settings = {
            "learning_rate": self.learning_rate,
            "max_leaf_nodes": self.leaves,
            "min_samples_leaf": min(self.least, max(1, len(y) // 10)),
            "l2_regularization": self.l2,
            "max_iter": self.iterations,
            "max_bins": self.bins,
            "random_state": 0,
            "early_stopping": len(z) > 0,
            "n_iter_no_change": self.patience,
            "tol": 0.0,
            "scoring": "loss",
        }
        if response in ("gaussian", "poisson", "simplex"):
            loss = "poisson" if response == "poisson" else "squared_error"
            model = HistGradientBoostingRegressor(loss=loss, **settings)
        else:
            model = HistGradientBoostingClassifier(**settings)
        if len(z) == 0:
            return model.set_params(max_iter=min(100, self.iterations)).fit(A, y, sample_weight=w)
        model.fit(A, y, sample_weight=w, X_val=B, y_val=z, sample_weight_val=v)
        # the trees after the best validation loss are left out: no second fit
        best = max(1, int(np.argmax(model.validation_score_)))
        model._predictors = model._predictors[:best]
        return model

    def predict(self, rows: Dataset) -> Predictions:
        """See :class:`Learner`."""
        assert self._inputs is not None, "predict comes after fit"
        X = self._inputs.transform(rows)
        found: Predictions = {}
        for target in rows.tasks.targets:
            Z = X
            if target.name in self._codes:
                assert rows.group is not None, "the rows layout has groups"
                Z = np.hstack([X, self._codes[target.name].transform(rows.group)])
            found[target.name] = self._members[target.name].predict(Z, target.kind.response)
        return found

    @property
    def parameters(self) -> int:
        """The trees' nodes."""
        models = [m for member in self._members.values() for m in member.models if m is not None]
        return sum(len(tree.nodes) for m in models for step in m._predictors for tree in step)

    def state(self) -> State:
        """See :class:`Learner`."""
        assert self._inputs is not None, "state comes after fit"
        members = {
            name: {
                "models": [None if m is None else to_bytes(m) for m in member.models],
                "constant": member.constant.value,
                "spread": member.spread,
            }
            for name, member in self._members.items()
        }
        codes = {name: code.state() for name, code in self._codes.items()}
        return {"inputs": self._inputs.state(), "members": members, "codes": codes}

    def _restore(self, state: State, schema: Schema) -> None:
        self._inputs = TreeInputs.restore(schema, state["inputs"])
        self._members = {name: _restored(member) for name, member in state["members"].items()}
        self._codes = {name: GroupCode.from_state(code) for name, code in state["codes"].items()}


def _restored(state: Mapping[str, Any]) -> _Member:
    models = [None if m is None else from_bytes(m) for m in state["models"]]
    return _Member(models, Prediction(np.asarray(state["constant"])), state["spread"])
