"""Known labels of several tasks under each other, standardised: what a process over tasks is fitted on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.seeding import numpy_generator
from umbel.training.learners.classic import answers

__all__ = ["TaskLabels", "labels_by_column", "labels_by_group", "some_labels"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class TaskLabels:
    """Known answers of P tasks, one row each.

    :param rows: positions in the training rows, [N].
    :param y: answers of mean 0 and variance 1, [N].
    :param task: [N] in [0, P).
    :param weights: [N].
    :param names: of the tasks, [P].
    :param offsets: means taken away, [P].
    :param scales: standard deviations divided by, [P].
    """

    rows: Ints
    y: Array
    task: Ints
    weights: Array
    names: list[str]
    offsets: Array
    scales: Array


def labels_by_group(train: Dataset, target: str) -> TaskLabels:
    """The answers of a target, a task for each group; all groups are standardised alike.

    :param train: training rows of the rows layout.
    :param target: a target of numbers.
    """
    own = answers(train, target)
    assert train.group is not None, "the rows layout has groups"
    own = own.take(train.group[own.rows] >= 0)
    values = own.values.astype(float)
    mean, scale = _standard(values, own.weights)
    names = [str(group) for group in train.tasks.groups]
    units = np.full(len(names), mean), np.full(len(names), scale)
    return TaskLabels(own.rows, (values - mean) / scale, train.group[own.rows], own.weights, names, *units)


def labels_by_column(train: Dataset) -> TaskLabels:
    """The answers of all targets, a task for each, sorted by name: their order in the problem is free.

    :param train: training rows of the columns layout; every target a number with a known label.
    """
    names = sorted(target.name for target in train.tasks.targets)
    owns = [answers(train, name) for name in names]
    values = [own.values.astype(float) for own in owns]
    units = [_standard(v, own.weights) for v, own in zip(values, owns, strict=True)]
    return TaskLabels(
        np.concatenate([own.rows for own in owns]),
        np.concatenate([(v - mean) / scale for v, (mean, scale) in zip(values, units, strict=True)]),
        np.repeat(np.arange(len(names)), [len(own) for own in owns]),
        np.concatenate([own.weights for own in owns]),
        names,
        *np.array(units).T,
    )


def _standard(values: Array, weights: Array) -> tuple[float, float]:
    """Mean and standard deviation; 1 where all values are alike."""
    mean = float(np.average(values, weights=weights))
    spread = float(np.sqrt(np.average(np.square(values - mean), weights=weights)))
    return mean, spread if spread > 1e-12 else 1.0


def some_labels(rows: Ints, most: int, name: str) -> Ints:
    """Positions of the labels of rows drawn at random until there are ``most`` labels or all.

    :param rows: row of every label, [N]; the labels of a row are taken together.
    :param most: labels after which no further row is drawn, at least 1.
    :param name: what the draw is for.

    >>> len(some_labels(np.array([0, 1, 2, 0, 1, 2]), 3, "example"))
    4
    """
    if len(rows) <= most:
        return np.arange(len(rows))
    different, place = np.unique(rows, return_inverse=True)
    turn = numpy_generator(0, "labels", name).permutation(len(different))[place]
    counts = np.bincount(turn)
    return np.flatnonzero((np.cumsum(counts) - counts < most)[turn])
