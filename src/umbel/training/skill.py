"""How well predictions fit known labels, on a scale that tasks of all kinds share.

The skill of a task is 1 - loss / loss of the constant prediction (Murphy 1988): 0 is as good as no
inputs, 1 is perfect; for regression it is R2. The loss is proper (log loss, squared error, Poisson
deviance), so it is smooth enough to choose by when few labels are known, which threshold metrics are
not. Validation chooses by it; the scorecard reports the kinds' own metrics.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.tasks import Kind, Prediction
from umbel.training.learner import Predictions

__all__ = ["losses", "mean_skill", "skill"]

_FLOOR = 1e-6
_TINIEST = 1e-12


def losses(kind: Kind, value: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float64]:
    """Proper loss of each answer.

    :param value: ``Prediction.value``, [B], [B, C], [B, L] or [B, T].
    :param target: encoded answers, [B], [B, L], [B, C] (shares) or [B, T] (tokens).
    :returns: the shape of the kind's label weights, [B], [B, L] or [B, T].
    """
    if kind.response == "sequence":  # of each true token its probability; a rare one's may be tiny
        return np.asarray(-np.log(np.clip(value, _TINIEST, 1.0)))
    if kind.response == "gaussian":
        return np.asarray((value - target) ** 2, dtype=float)
    if kind.response == "poisson":
        mean = np.maximum(value, _FLOOR)
        ratio = np.where(target > 0, target, 1.0) / mean
        return np.asarray(2 * (np.where(target > 0, target * np.log(ratio), 0.0) - (target - mean)))
    chance = np.clip(value, _FLOOR, 1 - _FLOOR)
    if kind.response == "bernoulli":
        return np.asarray(-(target * np.log(chance) + (1 - target) * np.log1p(-chance)))
    if kind.response == "simplex":
        return np.asarray(-(target * np.log(chance)).sum(axis=1))
    return np.asarray(-np.log(chance[np.arange(len(chance)), target.astype(int)]))


def skill(kind: Kind, prediction: Prediction, target: NDArray[Any], weights: NDArray[Any]) -> float | None:
    """1 - loss / loss of the best constant **on these rows**; None where that is undefined.

    :param target, weights: encoded answers and their weights; 0 is unknown.
    """
    known = weights != 0
    if not known.any():
        return None
    share = np.abs(np.asarray(weights, dtype=float))
    rows = known if known.ndim == 1 else known.any(axis=1)
    constant = kind.at(kind.constant(target[rows], weights[rows]), target)
    base = float((losses(kind, constant.value, target) * share)[known].sum())
    mine = float((losses(kind, prediction.value, target) * share)[known].sum())
    return None if base <= 0 else 1 - mine / base


def mean_skill(rows: Dataset, predictions: Predictions) -> float:
    """Mean over target columns of :func:`skill`, weighted by the user's task weights."""
    parts = [
        (t.weight, skill(t.kind, predictions[t.name], rows.values(t.name), rows.weights(t.name)))
        for t in rows.tasks.targets
    ]
    known = [(w, s) for w, s in parts if s is not None and w > 0]
    return float(np.average([s for _, s in known], weights=[w for w, _ in known])) if known else 0.0
