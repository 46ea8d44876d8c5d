"""What the classical learners share: options, the rows they are fitted on, and tasks as arrays."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.errors import KindError
from umbel.seeding import numpy_generator
from umbel.tasks import Prediction, TaskSet
from umbel.tasks.kind import Kind
from umbel.training.learner import Predictions, State

__all__ = [
    "Answers",
    "Classic",
    "answers",
    "entity_folds",
    "in_order",
    "negative_weights",
    "no_texts",
    "spread_of",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """Known answers of one target column (of one group, or of all) as plain arrays.

    :param rows: positions in the dataset, [N].
    :param values: [N], [N, L] or [N, C].
    :param weights: [N] or [N, L]; 0 is unknown.
    :param kind: of the target.
    """

    rows: NDArray[np.int64]
    values: NDArray[Any]
    weights: Array
    kind: Kind

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def classes(self) -> int:
        """How many numbers a prediction has per row: C or L; 1 for a plain number."""
        value = self.constant().value
        return 1 if value.ndim == 1 else value.shape[1]

    def constant(self) -> Prediction:
        """The best prediction without inputs, of one row."""
        return self.kind.constant(self.values, self.weights)

    def take(self, chosen: NDArray[Any]) -> Answers:
        """Some of the answers (positions or a mask)."""
        return Answers(self.rows[chosen], self.values[chosen], self.weights[chosen], self.kind)

    def columns(self) -> tuple[Array, Array]:
        """Answers and weights as columns, [N, K] each: labels side by side, or one column."""
        if self.weights.ndim == 2:
            return self.values.astype(float), self.weights
        return self.values.astype(float)[:, None], self.weights[:, None]

    def shares(self) -> Array:
        """Classes one-hot, or shares as they are, [N, C]."""
        if self.values.ndim == 2:
            return self.values.astype(float)
        return np.eye(self.classes)[self.values.astype(np.int64)]


def answers(rows: Dataset, target: str, group: int | None = None) -> Answers:
    """The known answers of a target column, of one group where given.

    :param rows: training or validation rows.
    """
    known = rows.known(target)
    if group is not None:
        assert rows.group is not None, "only the rows layout has groups"
        known = known & (rows.group == group)
    at = np.flatnonzero(known)
    weights = rows.weights(target)[at].astype(float)
    return Answers(at, rows.values(target)[at], weights, rows.tasks.target(target).kind)


def in_order(rows: Dataset) -> Dataset:
    """The same rows in the order of their source, so that a fit does not depend on how they came."""
    if len(rows) < 2 or (np.diff(rows.rows) >= 0).all():
        return rows
    return rows.take(np.argsort(rows.rows, kind="stable"))


def entity_folds(entities: NDArray[np.int64], count: int, *seed: object) -> NDArray[np.int64]:
    """A fold in [0, count) for each row; rows of one entity share it, and row order does not matter.

    >>> entity_folds(np.array([5, 7, 5, 9]), 2, "example")[[0, 2]].tolist()
    [0, 0]
    """
    different, place = np.unique(entities, return_inverse=True)
    shuffled = numpy_generator(0, "folds", *seed).permutation(len(different))
    return np.asarray(shuffled[place] % count, dtype=np.int64)


def spread_of(errors: Array, weights: Array) -> float:
    """Standard deviation of an answer around its prediction, from errors on rows not fitted on."""
    return float(np.sqrt(max(np.average(np.square(errors), weights=weights), 1e-24)))


class Classic(ABC):
    """A learner that is not a net: keyword options kept under their own names, state as arrays."""

    name: ClassVar[str]
    shares: ClassVar[bool] = False
    """Whether its tasks share parameters, as far as the class can tell."""
    tasks: TaskSet

    def __init__(self) -> None:
        self._notes: dict[str, Any] = {}

    @property
    def joint(self) -> bool:
        """See :class:`Learner`."""
        return self.shares

    @property
    def options(self) -> dict[str, Any]:
        """See :class:`Learner`."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    @property
    def notes(self) -> Mapping[str, Any]:
        """See :class:`Learner`."""
        return self._notes

    def fit(self, train: Dataset, valid: Dataset) -> Any:
        """See :class:`Learner`.

        :raises KindError: the learner cannot serve these tasks.
        """
        why = type(self).serves(train)
        if why:
            raise KindError(
                "a learner must serve the tasks it is fitted on",
                found=f"'{self.name}': {why}",
                remedy="choose another learner; `umbel methods` lists them",
            )
        self.tasks, self._notes = train.tasks, {}
        self._fit(in_order(train), in_order(valid))
        return self

    @abstractmethod
    def _fit(self, train: Dataset, valid: Dataset) -> None:
        """Fit on rows in source order; the tasks are served."""

    @abstractmethod
    def predict(self, rows: Dataset) -> Predictions:
        """See :class:`Learner`."""

    @staticmethod
    def serves(train: Dataset) -> str:
        """See :class:`Learner`."""
        return no_texts(train) or negative_weights(train)

    @abstractmethod
    def state(self) -> State:
        """See :class:`Learner`."""

    def restore(self, state: State, tasks: TaskSet, schema: Schema) -> None:
        """See :class:`Learner`."""
        self.tasks = tasks
        self._restore(state, schema)

    @abstractmethod
    def _restore(self, state: State, schema: Schema) -> None:
        """Take back what :meth:`state` gave."""


def negative_weights(train: Dataset) -> str:
    """A reason when some label has a weight below 0, which only likelihood gradients can take."""
    for target in train.tasks.targets:
        if (train.weights(target.name) < 0).any():
            return f"'{target.name}' has labels of negative weight"
    return ""


def no_texts(train: Dataset) -> str:
    """A reason when some target is to be written, which takes a model of one token after another."""
    for target in train.tasks.targets:
        if target.kind.response == "sequence":
            return f"'{target.name}' is {target.kind.name}: a text, which this learner does not write"
    return ""


def by_group(rows: Dataset) -> Iterator[tuple[int | None, NDArray[np.int64]]]:
    """Each task group among some rows and its positions; -1 for unseen ones, None without groups."""
    if rows.group is None:
        yield None, np.arange(len(rows))
        return
    for group in np.unique(rows.group):
        yield int(group), np.flatnonzero(rows.group == group)
