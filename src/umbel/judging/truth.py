"""The known answers of the rows that are judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.shapes import check_shape
from umbel.tasks import Task, TaskSet

__all__ = ["Truth"]


@dataclass(frozen=True)
class Truth:
    """What is known of some rows, as plain arrays.

    :param tasks: the tasks, their kinds fitted.
    :param values: by target column, encoded answers [B], [B, L] or [B, C].
    :param weights: by target column, [B] or [B, L]; 0 is unknown.
    :param entity: who or what each row belongs to, integers [B]; rows of one entity are resampled
        together.
    :param group: task group of each row [B] (rows layout), -1 for a group training never saw; None in
        the columns layout.
    :raises ShapeError: an array has another number of rows than ``entity``.
    """

    tasks: TaskSet
    values: Mapping[str, NDArray[Any]]
    weights: Mapping[str, NDArray[Any]]
    entity: NDArray[np.int64]
    group: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        for target in self.tasks.targets:
            check_shape(f"values of '{target.name}'", self.values[target.name].shape[:1], (len(self),))
            check_shape(f"weights of '{target.name}'", self.weights[target.name].shape[:1], (len(self),))
        if self.group is not None:
            check_shape("group", self.group.shape, (len(self),))

    def __len__(self) -> int:
        return len(self.entity)

    def known(self, target: str) -> NDArray[np.bool_]:
        """Rows with at least one known label of a target column, [B]."""
        there: NDArray[np.bool_] = np.asarray(self.weights[target]) != 0
        return there if there.ndim == 1 else np.asarray(there.any(axis=1))

    def positions(self, task: Task) -> NDArray[np.int64]:
        """Rows whose answer to the task is known."""
        known = self.known(task.target)
        if task.group is not None and self.group is not None:
            known = known & (self.group == task.group)
        return np.flatnonzero(known)
