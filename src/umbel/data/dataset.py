"""Rows of a table with what is known of their answers: what every learner is fitted on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.schema import Schema
from umbel.tasks import Encoded, Task, TaskSet

__all__ = ["Dataset"]

V = TypeVar("V")


@dataclass(frozen=True)
class Dataset:
    """Some rows of a source table. Taking rows copies no column: columns are cut when asked for.

    :param source: the whole table.
    :param schema: its input columns and their types.
    :param tasks: the tasks, their kinds fitted on training rows.
    :param rows: positions in ``source``, [B].
    :param answers: by target column, for **all** rows of the source.
    :param groups: task group of all rows of the source (rows layout), -1 for a group never seen in
        training; None in the columns layout.
    :param entities: entity of all rows of the source, integers.
    """

    source: pd.DataFrame
    schema: Schema
    tasks: TaskSet
    rows: NDArray[np.int64]
    answers: Mapping[str, Encoded]
    entities: NDArray[np.int64]
    groups: NDArray[np.int64] | None = None
    _cache: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> pd.Series:
        """One input column, [B], with a fresh index."""
        return self.source[name].iloc[self.rows].reset_index(drop=True)

    def frame(self, names: list[str]) -> pd.DataFrame:
        """Some input columns; the index has the rows' numbers in the source: an error can name them."""
        return self.source[names].iloc[self.rows]

    def values(self, target: str) -> NDArray[Any]:
        """Encoded answers of a target column, [B, ...]."""
        return self.answers[target].values[self.rows]

    def weights(self, target: str) -> NDArray[np.float32]:
        """Weights of the answers, the shape of the target's loss; 0 is unknown."""
        return self.answers[target].weights[self.rows]

    def known(self, target: str) -> NDArray[np.bool_]:
        """Rows with at least one known label of a target column, [B]."""
        weights = self.weights(target)
        return np.asarray(weights != 0 if weights.ndim == 1 else (weights != 0).any(axis=1))

    @property
    def group(self) -> NDArray[np.int64] | None:
        """Task group of each row, [B] (rows layout)."""
        return None if self.groups is None else self.groups[self.rows]

    @property
    def entity(self) -> NDArray[np.int64]:
        """Entity of each row, [B]."""
        return self.entities[self.rows]

    def positions(self, task: Task) -> NDArray[np.int64]:
        """Rows of this dataset whose answer to the task is known, as positions in it."""
        known = self.known(task.target)
        group = self.group
        if task.group is not None and group is not None:
            known = known & (group == task.group)
        return np.flatnonzero(known)

    def take(self, positions: NDArray[Any]) -> Dataset:
        """Some of the rows (positions in this dataset, or a mask)."""
        return Dataset(
            self.source,
            self.schema,
            self.tasks,
            self.rows[positions],
            self.answers,
            self.entities,
            self.groups,
        )

    def join(self, other: Dataset) -> Dataset:
        """The rows of both (of the same source)."""
        return Dataset(
            self.source,
            self.schema,
            self.tasks,
            np.concatenate([self.rows, other.rows]),
            self.answers,
            self.entities,
            self.groups,
        )

    def only(self, *targets: str) -> Dataset:
        """The same rows with some of the target columns. Shares the cache of encoded inputs."""
        return Dataset(
            self.source,
            self.schema,
            self.tasks.only(*targets),
            self.rows,
            self.answers,
            self.entities,
            self.groups,
            self._cache,
        )

    def alone(self, task: Task) -> Dataset:
        """The rows with a known answer to one task, as a problem of that task alone (columns layout)."""
        return Dataset(
            self.source,
            self.schema,
            TaskSet((self.tasks.target(task.target),)),
            self.rows[self.positions(task)],
            self.answers,
            self.entities,
        )

    def seeing(self, schema: Schema) -> Dataset:
        """The same rows with some of the input columns."""
        return Dataset(self.source, schema, self.tasks, self.rows, self.answers, self.entities, self.groups)

    def under(self, tasks: TaskSet) -> Dataset:
        """The same rows as a problem of other tasks over the same target columns (columns layout)."""
        return Dataset(
            self.source, self.schema, tasks, self.rows, self.answers, self.entities, None, self._cache
        )

    def cached(self, key: Any, make: Callable[[], V]) -> V:
        """What ``make`` returns, made once for these rows.

        Encoders are fitted on the training rows by several learners alike; this keeps the work.

        :param key: hashable; must tell everything the result depends on but the rows.
        """
        if key not in self._cache:
            self._cache[key] = make()
        found: V = self._cache[key]
        return found
