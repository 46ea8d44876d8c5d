"""Tasks with the same inputs, stacked: what the joint linear learners are fitted on, in both layouts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.training.learners.classic import Answers, answers

__all__ = ["Stack", "by_column", "by_group", "standardised"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Stack:
    """Known answers of P tasks under each other.

    :param X: standardised inputs [N, D], without the constant.
    :param y: answers [N]; numbers are standardised, labels are 0 and 1.
    :param task: [N] in [0, P).
    :param count: P.
    :param weights: [N].
    :param entities: [N].
    """

    X: Array
    y: Array
    task: NDArray[np.int64]
    count: int
    weights: Array
    entities: NDArray[np.int64]

    def take(self, chosen: NDArray[Any]) -> Stack:
        """Some of the rows (positions or a mask)."""
        return Stack(
            self.X[chosen],
            self.y[chosen],
            self.task[chosen],
            self.count,
            self.weights[chosen],
            self.entities[chosen],
        )

    def with_constant(self, size: float) -> Array:
        """Inputs with a last column of ``size``, [N, D + 1]."""
        return np.column_stack([self.X, np.full(len(self.X), size)])


def by_group(train: Dataset, X: Array, target: str) -> tuple[Stack, bool, dict[str, list[int]]]:
    """A stack of the groups of one target.

    :param X: inputs of all rows, [B, D].
    :returns: the stack; whether each task is standardised by itself; and no columns.
    """
    own = answers(train, target)
    assert train.group is not None, "the rows layout has groups"
    group = train.group[own.rows]
    seen = group >= 0
    own, group = own.take(seen), group[seen]
    y, entity = own.values.astype(float), train.entity[own.rows]
    count = len(train.tasks.groups)
    return Stack(X[own.rows], y, group, count, own.weights, entity), False, {}


def by_column(train: Dataset, X: Array) -> tuple[Stack, bool, dict[str, list[int]]]:
    """A stack of all targets, each label of a multi-label target a task of its own.

    :param X: inputs of all rows, [B, D].
    :returns: the stack; whether each task is standardised by itself; and the tasks of each target.
    """
    rows, y, w, task = [], [], [], []
    columns: dict[str, list[int]] = {}
    count = 0
    for target in train.tasks.targets:
        own: Answers = answers(train, target.name)
        values, weights = own.columns()
        columns[target.name] = list(range(count, count + values.shape[1]))
        for k in range(values.shape[1]):
            known = weights[:, k] > 0
            rows.append(own.rows[known])
            y.append(values[known, k])
            w.append(weights[known, k])
            task.append(np.full(int(known.sum()), count))
            count += 1
    at = np.concatenate(rows)
    stack = Stack(X[at], np.concatenate(y), np.concatenate(task), count, np.concatenate(w), train.entity[at])
    return stack, True, columns


def standardised(stack: Stack, each: bool) -> tuple[Stack, Array, Array]:
    """Answers of mean 0 and variance 1, of each task or of all together.

    :returns: the stack, and the way back: means and standard deviations by task, [P] each.
    """
    label = stack.task if each else np.zeros(len(stack.y), dtype=np.int64)
    total = np.bincount(label, stack.weights, minlength=stack.count)
    share = np.where(total > 0, total, 1.0)
    mean = np.bincount(label, stack.weights * stack.y, minlength=stack.count) / share
    rest = np.square(stack.y - mean[label])
    spread = np.sqrt(np.bincount(label, stack.weights * rest, minlength=stack.count) / share)
    if not each:
        mean, spread = np.full(stack.count, mean[0]), np.full(stack.count, spread[0])
    spread = np.where(spread > 1e-12, spread, 1.0)
    y = (stack.y - mean[stack.task]) / spread[stack.task]
    return Stack(stack.X, y, stack.task, stack.count, stack.weights, stack.entities), mean, spread
