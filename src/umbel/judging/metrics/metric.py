"""The contract of a metric: built once on the known rows, then read for many resamples at a time.

A resample is a column of row counts, so that one bootstrap serves all models and tasks::

    statistic = metric.on(answers)     # sorts, compares, takes logarithms: once
    statistic(counts)                  # counts [B, R] -> [R]

A row counted twice is the same as the row standing twice, and weight w is the same as count w.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError
from umbel.registry import Registry
from umbel.shapes import check_shape
from umbel.tasks import Kind, Prediction, Rule

__all__ = ["METRICS", "Answers", "Metric", "Statistic", "Undefined", "measure", "metric", "ratio", "sums"]

Floats = NDArray[np.float64]
Counted = Callable[[Floats], Floats]


class Undefined(Exception):  # noqa: N818  (a finding about the data, not a failure)
    """A metric has no value on these rows; the message says why."""


@dataclass(frozen=True)
class Answers:
    """The rows of one task with a known answer, and what a model says of them.

    :param values: truth, [B] numbers or class indices, [B, L] labels, or [B, C] shares.
    :param prediction: of the same rows.
    :param decision: what ``Kind.decide`` gives for the prediction.
    :param weights: non-negative, [B], or [B, L] where each label is known or not by itself.
    """

    values: NDArray[Any]
    prediction: Prediction
    decision: NDArray[Any]
    weights: Floats

    def __post_init__(self) -> None:
        rows = len(self.values)
        for name, array in (("prediction", self.prediction.value), ("weights", self.weights)):
            check_shape(f"{name} of a metric", array.shape[:1], (rows,))
        if self.weights.size and self.weights.min() < 0:
            raise DataError(
                "weights of rows that are judged must not be negative", found=str(self.weights.min())
            )

    def __len__(self) -> int:
        return len(self.values)

    @property
    def by_label(self) -> bool:
        """Each label has a weight of its own (multilabel)."""
        return self.weights.ndim == 2

    @property
    def row_weights(self) -> Floats:
        """Weights [B]; for labels their sum over the row's known labels."""
        return self.weights.sum(axis=1) if self.by_label else self.weights

    def scores(self) -> list[tuple[NDArray[np.bool_], Floats, NDArray[np.int64], Floats]]:
        """One-against-the-rest problems: for each label or class (outcome, score, rows, weights).

        A binary task is one problem, a task of C classes C of them, L labels L of them; each on its
        own known rows.
        """
        value = self.prediction.value
        if not self.by_label:
            rows = np.flatnonzero(self.weights > 0)
            weights, truth = self.weights[rows], self.values[rows]
            if value.ndim == 1:
                return [(truth > 0.5, value[rows], rows, weights)]
            return [(truth == c, value[rows, c], rows, weights) for c in range(value.shape[1])]
        columns = []
        for label in range(self.values.shape[1]):
            rows = np.flatnonzero(self.weights[:, label] > 0)
            columns.append(
                (self.values[rows, label] > 0.5, value[rows, label], rows, self.weights[rows, label])
            )
        return columns


@dataclass(frozen=True)
class Statistic:
    """A metric on given answers, as a function of how often each row counts.

    :param of: counts [B, R] -> [R], NaN where a resample leaves it undefined.
    :param note: what had to be left out (labels with one class only); empty when nothing.
    :param undefined: why there is no value at all; empty when there is one.
    """

    of: Counted
    note: str = ""
    undefined: str = ""

    def __call__(self, counts: Floats) -> Floats:
        return self.of(counts)


@dataclass(frozen=True)
class Metric:
    """One metric.

    :param name: as kinds and reports call it.
    :param sign: +1 where larger is better, -1 where smaller is.
    :param build: answers -> statistic (or the bare function of counts); raises :class:`Undefined`.
    :param title: what tables call it.
    """

    name: str
    sign: int
    build: Callable[[Answers], Statistic | Counted]
    title: str = ""

    def on(self, answers: Answers) -> Statistic:
        """The metric on these answers; where it has no value, a statistic that says why."""
        try:
            if not len(answers) or not answers.weights.any():
                raise Undefined("no known row")
            if not np.isfinite(answers.prediction.value).all():
                raise Undefined("the model predicted numbers that are not finite")
            built = self.build(answers)
        except Undefined as reason:
            return Statistic(lambda counts: np.full(counts.shape[1], np.nan), undefined=str(reason))
        return built if isinstance(built, Statistic) else Statistic(built)

    def gain(self, value: Any, reference: Any) -> Any:
        """Difference to a reference, signed so that positive is better (numbers or arrays)."""
        return self.sign * (value - reference)


METRICS: Registry[Metric] = Registry("metric", "umbel.judging.metrics")
"""All metrics, by name."""


def metric(
    name: str, sign: int, *, source: str, title: str = ""
) -> Callable[[Callable[[Answers], Statistic | Counted]], Callable[[Answers], Statistic | Counted]]:
    """Register a function that builds a statistic as a metric.

    :param name, sign, title: see :class:`Metric`.
    :param source: paper or origin, with the year.
    """

    def keep(
        build: Callable[[Answers], Statistic | Counted],
    ) -> Callable[[Answers], Statistic | Counted]:
        summary = (build.__doc__ or "").strip().split("\n")[0]
        METRICS.register(name, source=source, summary=summary)(
            Metric(name, sign, build, title or name.replace("_", " "))
        )
        return build

    return keep


def sums(columns: list[NDArray[Any]], counts: Floats) -> Floats:
    """Sums over rows of some columns [B], for every resample.

    :returns: [K, R] for K columns and counts [B, R].
    """
    found: Floats = np.stack(columns).astype(float) @ counts
    return found


def ratio(above: Floats, below: Floats) -> Floats:
    """``above / below``, NaN where ``below`` is not positive."""
    found: Floats = np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0)
    return found


def measure(
    name: str,
    kind: Kind,
    values: NDArray[Any],
    weights: NDArray[Any],
    prediction: Prediction,
    rule: Rule | None = None,
) -> float | None:
    """One metric on all known rows, without an interval: for choosing on validation rows.

    :param name: a name in :data:`METRICS`.
    :param values, weights: as ``Kind.encode`` gives them, [B] or [B, L]; weight 0 is unknown.
    :param prediction: of the same rows.
    :param rule: how decisions are taken; the kind's default where None.
    :returns: the value, or None where it is undefined.
    :raises ConfigError: there is no such metric.
    """
    known = weights != 0 if weights.ndim == 1 else (weights != 0).any(axis=1)
    prediction = prediction.take(known)
    answers = Answers(
        values[known], prediction, kind.decide(prediction, rule), np.asarray(weights[known], dtype=float)
    )
    value = float(METRICS.get(name).on(answers)(np.ones((len(answers), 1)))[0])
    return value if np.isfinite(value) else None
