"""Forests: one that answers all targets at once, and one per target of the same size."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.seeding import derive
from umbel.training.learner import LEARNERS, Predictions, State
from umbel.training.learners.classic import Classic, entity_folds
from umbel.training.learners.estimators import from_bytes, to_bytes
from umbel.training.learners.outputs import Outputs, complete, enough_labels
from umbel.training.learners.tree_inputs import TreeInputs, fitted_tree_inputs

__all__ = ["Forest", "ForestPerTask"]

Array = NDArray[np.float64]

MOST_ROWS = 10_000
FEW = 50
"""With fewer labelled validation rows a fifth of the training rows chooses instead."""

_SHAPES: tuple[tuple[str, int, str | float], ...] = (
    ("extra", 1, "sqrt"),
    ("extra", 2, 0.33),
    ("extra", 2, 1.0),
    ("random", 1, "sqrt"),
    ("random", 3, 0.33),
)
"""Kind of tree, fewest rows of a leaf, share of the inputs tried at a split."""


class _Forests(Classic):
    """Shared part: outputs, choice of the shape, and the way to disk.

    :param trees: of the final forest.
    :param trial_trees: of the forests that are compared on validation.
    """

    def __init__(self, *, trees: int = 120, trial_trees: int = 40) -> None:
        super().__init__()
        self.trees, self.trial_trees = trees, trial_trees
        self._inputs: TreeInputs | None = None
        self._outputs: Outputs | None = None
        self._forests: dict[str, tuple[list[int], Any]] = {}
        self._spreads: dict[str, float] = {}

    @staticmethod
    def serves(train: Dataset) -> str:
        """Columns layout, at most 10,000 rows; see :class:`Learner`."""
        if train.tasks.by_rows:
            return "in the rows layout a row knows one task only"
        if len(train) > MOST_ROWS:
            return f"more than {MOST_ROWS} training rows"
        return Classic.serves(train)

    @abstractmethod
    def _parts(self, outputs: Outputs) -> dict[str, list[int]]:
        """Which outputs are answered by one forest, by name."""

    @abstractmethod
    def _usable(self, train: Dataset) -> NDArray[np.bool_]:
        """Rows to be fitted on, [B]."""

    def _fit(self, train: Dataset, valid: Dataset) -> None:
        self._inputs = fitted_tree_inputs(train)
        self._outputs = Outputs.fit(train)
        self._forests, self._spreads = {}, {}
        X, (Y, W) = self._inputs.transform(train), self._outputs.encode(train)
        use = np.flatnonzero(self._usable(train) & (W > 0).any(axis=1))
        Y = complete(train, Y, W, use) if self.joint else Y[use]
        X, W = X[use], W[use]
        B, (Z, V) = self._inputs.transform(valid), self._outputs.encode(valid)
        fit_on = np.ones(len(use), dtype=bool)
        if (V > 0).any(axis=1).sum() < FEW:
            fit_on = entity_folds(train.entity[use], 5, "forest") != 0
            B, Z, V = X[~fit_on], Y[~fit_on], W[~fit_on]
        held = np.zeros_like(Z)
        shapes: dict[str, Any] = {}
        for name, at in self._parts(self._outputs).items():
            mine = np.ones(len(use), dtype=bool) if self.joint else W[:, at[0]] > 0
            if not mine.any():  # a fold without a label of this task: unknown answers are 0, the mean
                mine = ~mine
            a = mine & fit_on
            best: tuple[float, int, Array] | None = None
            if not a.any():  # too few labels to choose by
                best = 0.0, 0, np.tile(Y[mine][:, at].mean(axis=0), (len(B), 1))
            for number, shape in enumerate(_SHAPES if a.any() else ()):
                trial = _forest(shape, self.trial_trees, name)
                trial.fit(X[a], _narrow(Y[a][:, at]))
                guess = np.asarray(trial.predict(B)).reshape(len(B), len(at))
                error = _error(guess, Z[:, at], V[:, at])
                if best is None or error < best[0]:
                    best = error, number, guess
            assert best is not None
            held[:, at] = best[2]
            forest = _forest(_SHAPES[best[1]], self.trees, name)
            forest.fit(X[mine], _narrow(Y[mine][:, at]))
            self._forests[name] = at, forest
            shapes[name] = dict(zip(("trees", "leaf", "inputs"), _SHAPES[best[1]], strict=True))
        for name, at in self._outputs.columns.items():
            rest, sure = (held - Z)[:, at[0]] * self._outputs.scale[at[0]], V[:, at[0]]
            enough = sure.sum() > 0
            self._spreads[name] = (
                float(np.sqrt(np.average(rest**2, weights=sure)))
                if enough
                else float(self._outputs.scale[at[0]])
            )
        self._notes = {"shapes": shapes, "rows": len(use), "filled cells": float((W == 0).mean())}

    def predict(self, rows: Dataset) -> Predictions:
        """See :class:`Learner`."""
        assert self._inputs is not None, "predict comes after fit"
        assert self._outputs is not None, "predict comes after fit"
        X = self._inputs.transform(rows)
        scores = np.empty((len(rows), len(self._outputs.scale)))
        for at, forest in self._forests.values():
            scores[:, at] = np.asarray(forest.predict(X)).reshape(len(rows), len(at))
        found = self._outputs.decode(scores, self._spreads)
        return {t.name: found[t.name] for t in rows.tasks.targets}

    @property
    def parameters(self) -> int:
        """The trees' nodes."""
        return sum(t.tree_.node_count for _, f in self._forests.values() for t in f.estimators_)

    def state(self) -> State:
        """See :class:`Learner`."""
        assert self._inputs is not None, "state comes after fit"
        assert self._outputs is not None, "state comes after fit"
        return {
            "inputs": self._inputs.state(),
            "outputs": self._outputs.state(),
            "spreads": self._spreads,
            "forests": {
                name: {"columns": at, "bytes": to_bytes(forest)}
                for name, (at, forest) in self._forests.items()
            },
        }

    def _restore(self, state: State, schema: Schema) -> None:
        self._inputs = TreeInputs.restore(schema, state["inputs"])
        self._outputs = Outputs.from_state(state["outputs"])
        self._spreads = dict(state["spreads"])
        self._forests = {
            name: (list(f["columns"]), from_bytes(f["bytes"])) for name, f in state["forests"].items()
        }


def _forest(shape: tuple[str, int, str | float], trees: int, name: str) -> Any:
    from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor

    kind, leaf, share = shape
    form: Callable[..., Any] = ExtraTreesRegressor if kind == "extra" else RandomForestRegressor
    seed = derive(0, "forest", name, kind) % 2**32
    return form(trees, min_samples_leaf=leaf, max_features=share, random_state=seed, n_jobs=1)


def _narrow(Y: Array) -> Array:
    return Y[:, 0] if Y.shape[1] == 1 else Y


def _error(guess: Array, Y: Array, W: Array) -> float:
    """Mean squared error over known cells, each output counting alike."""
    total = W.sum(axis=0)
    sums = (W * np.square(guess - Y)).sum(axis=0)
    return float(np.mean(sums[total > 0] / total[total > 0])) if (total > 0).any() else 0.0


@LEARNERS.register("forest", source="Kocev et al. 2007 (multi-target); Breiman 2001; Geurts et al. 2006")
class Forest(_Forests):
    """One forest whose leaves answer all targets; its shape is chosen on validation.

    Rows that know at least half of their targets are used; their unknown cells are filled by a linear
    prediction.
    """

    name: ClassVar[str] = "forest"
    shares: ClassVar[bool] = True

    def _parts(self, outputs: Outputs) -> dict[str, list[int]]:
        return {"all": list(range(len(outputs.scale)))}

    def _usable(self, train: Dataset) -> NDArray[np.bool_]:
        return enough_labels(train)

    @staticmethod
    def serves(train: Dataset) -> str:
        """Columns layout, at most 10,000 rows, most of which know half of their targets."""
        share = float(enough_labels(train).mean()) if len(train) else 0.0
        if share < 0.5:
            return f"only {share:.0%} of the rows know half of their targets"
        return _Forests.serves(train)


@LEARNERS.register("forest_per_task", source="Breiman 2001; Geurts et al. 2006")
class ForestPerTask(_Forests):
    """One forest per target (per label or class), each of the size and tuning of the joint one."""

    name: ClassVar[str] = "forest_per_task"
    shares: ClassVar[bool] = False

    def _parts(self, outputs: Outputs) -> dict[str, list[int]]:
        return {f"{name} {k}": [k] for name, at in outputs.columns.items() for k in at}

    def _usable(self, train: Dataset) -> NDArray[np.bool_]:
        return np.ones(len(train), dtype=bool)
