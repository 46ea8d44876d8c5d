"""The base of the joint linear learners: what is fitted on a stack, and how it answers in both layouts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.encoders.design import DesignMatrix, fitted_design
from umbel.tasks import Prediction
from umbel.training.learner import Predictions, State
from umbel.training.learners.classic import Classic
from umbel.training.learners.stacks import Stack, by_column, by_group, standardised

__all__ = ["SharedLinear", "Solved"]

Array = NDArray[np.float64]

WIDEST = 400
"""Most features: the solvers hold one [D, D] matrix per task."""


@dataclass(frozen=True)
class Solved:
    """A fitted stack.

    :param common: weights of a task never seen, [D + 1].
    :param tasks: weights [P, D + 1].
    :param constant: size of the last column.
    :param noise: standard deviation of an answer around its task's line, in units of y; 0 for labels.
    :param covariances: of the weights, [P + 1, D + 1, D + 1], the last one for a task never seen.
    """

    common: Array
    tasks: Array
    constant: float
    noise: float
    covariances: Array | None = None


@dataclass(frozen=True)
class _Fitted:
    """A solved stack with its way back to the answers' own units (by task)."""

    solved: Solved
    offsets: Array
    scales: Array
    columns: Mapping[str, list[int]] = field(default_factory=dict)


class SharedLinear(Classic):
    """Base of the joint linear learners.

    In the rows layout every target is one stack of groups. In the columns layout all targets form one
    stack, each number standardised, each label of a multi-label target a task of its own.
    """

    shares: ClassVar[bool] = True
    responses: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        super().__init__()
        self._design: DesignMatrix | None = None
        self._location: Array = np.zeros(0)
        self._scale: Array = np.ones(0)
        self._stacks: dict[str, _Fitted] = {}

    @abstractmethod
    def _solve(self, stack: Stack, response: str) -> tuple[Solved, dict[str, Any]]:
        """Fit one stack and say what was chosen."""

    @classmethod
    def serves(cls, train: Dataset) -> str:
        """Answers of its ``responses``, with the same inputs, in two tasks or more; see :class:`Learner`."""
        return Classic.serves(train) or cls._reason(train)

    @classmethod
    def _reason(cls, train: Dataset) -> str:
        """Why these tasks or columns cannot be served; empty when they can."""
        found = {t.kind.response for t in train.tasks.targets}
        for target in train.tasks.targets:
            if target.kind.response not in cls.responses:
                return f"'{target.name}' is {target.kind.name}: only {' and '.join(cls.responses)} answers"
        if not train.tasks.by_rows:
            if len(found) > 1:
                return "the targets have several kinds of answer"
            if len(train.tasks) < 2 and train.tasks.targets[0].kind.name != "multilabel":
                return "there is only one task"
        sets = [t.name for t in train.tasks.targets if t.kind.name == "multilabel"]
        if train.tasks.by_rows and sets:
            return f"'{sets[0]}' has several labels: one vector of weights per group cannot tell them apart"
        wide = [c.name for c in train.schema.columns if c.type in ("set", "text")]
        if wide:
            return f"'{wide[0]}' gives more features than one matrix per task can hold"
        width = fitted_design(train).width
        return f"{width} features, more than {WIDEST}" if width > WIDEST else ""

    def _fit(self, train: Dataset, valid: Dataset) -> None:
        self._design = fitted_design(train)
        X = self._design.transform(train)
        labelled = np.zeros(len(train), dtype=bool)
        for target in train.tasks.targets:
            labelled |= train.known(target.name)
        self._location, spread = X[labelled].mean(axis=0), X[labelled].std(axis=0)
        self._scale = np.where(spread > 1e-12, spread, 1.0)
        X = (X - self._location) / self._scale
        self._stacks = {}
        if train.tasks.by_rows:
            for target in train.tasks.targets:
                self._fit_stack(target.name, by_group(train, X, target.name))
        else:
            self._fit_stack("all", by_column(train, X))

    def _fit_stack(self, name: str, raw: tuple[Stack, bool, dict[str, list[int]]]) -> None:
        stack, each, columns = raw
        target = self.tasks.target(name) if self.tasks.by_rows else self.tasks.targets[0]
        response = target.kind.response  # in the columns layout all targets have the same
        offsets, scales = np.zeros(stack.count), np.ones(stack.count)
        if response == "gaussian":
            stack, offsets, scales = standardised(stack, each)
        solved, note = self._solve(stack, response)
        self._stacks[name] = _Fitted(solved, offsets, scales, columns)
        self._notes[name] = note

    def predict(self, rows: Dataset) -> Predictions:
        """See :class:`Learner`."""
        assert self._design is not None, "predict comes after fit"
        X = (self._design.transform(rows) - self._location) / self._scale
        found: Predictions = {}
        for target in rows.tasks.targets:
            fitted = self._stacks[target.name if rows.tasks.by_rows else "all"]
            Z = np.column_stack([X, np.full(len(X), fitted.solved.constant)])
            if rows.tasks.by_rows:
                assert rows.group is not None, "the rows layout has groups"
                found[target.name] = _answer(fitted, Z, rows.group, target.kind.response)
                continue
            parts = [
                _answer(fitted, Z, np.full(len(Z), p), target.kind.response)
                for p in fitted.columns[target.name]
            ]
            many = target.kind.name == "multilabel"
            found[target.name] = Prediction(np.column_stack([p.value for p in parts])) if many else parts[0]
        return found

    @property
    def parameters(self) -> int:
        """See :class:`Learner`."""
        return sum(f.solved.tasks.size + f.solved.common.size for f in self._stacks.values())

    def state(self) -> State:
        """See :class:`Learner`."""
        assert self._design is not None, "state comes after fit"
        stacks = {
            name: {
                "common": f.solved.common,
                "tasks": f.solved.tasks,
                "constant": f.solved.constant,
                "noise": f.solved.noise,
                "covariances": f.solved.covariances,
                "offsets": f.offsets,
                "scales": f.scales,
                "columns": dict(f.columns),
            }
            for name, f in self._stacks.items()
        }
        return {
            "design": self._design.state(),
            "location": self._location,
            "scale": self._scale,
            "stacks": stacks,
        }

    def _restore(self, state: State, schema: Schema) -> None:
        self._design = DesignMatrix.restore(schema, state["design"])
        self._location, self._scale = np.asarray(state["location"]), np.asarray(state["scale"])
        self._stacks = {}
        for name, s in state["stacks"].items():
            cov = s["covariances"]
            solved = Solved(
                np.asarray(s["common"]),
                np.asarray(s["tasks"]),
                s["constant"],
                s["noise"],
                None if cov is None else np.asarray(cov),
            )
            self._stacks[name] = _Fitted(
                solved, np.asarray(s["offsets"]), np.asarray(s["scales"]), s["columns"]
            )


def _answer(fitted: _Fitted, Z: Array, task: NDArray[np.int64], response: str) -> Prediction:
    solved = fitted.solved
    W = np.vstack([solved.tasks, solved.common])  # task -1 is the last row: the common weights
    score = np.einsum("ij,ij->i", Z, W[task])
    if response == "bernoulli":
        return Prediction(np.asarray(expit(score)))
    offset, scale = fitted.offsets[task], fitted.scales[task]
    variance = np.full(len(Z), solved.noise**2)
    if solved.covariances is not None:
        for p in np.unique(task):
            mine = task == p
            variance[mine] += np.einsum("ij,jk,ik->i", Z[mine], solved.covariances[p], Z[mine])
    return Prediction(offset + scale * score, scale * np.sqrt(variance))
