"""Small kinds and truths for the tests of judging: no torch, no fitting."""

from __future__ import annotations

from typing import Any

import numpy as np

from umbel.judging.truth import Truth
from umbel.tasks import Prediction, Target, TaskSet


class StubKind:
    """As much of a kind as judging looks at."""

    def __init__(self, response: str, *metrics: str, labels: list[str] | None = None) -> None:
        self.name, self.response, self.metrics = response, response, metrics
        self.fitted: dict[str, Any] = {"labels": labels} if labels else {}

    def decide(self, prediction: Prediction, rule: dict[str, Any] | None = None) -> np.ndarray:
        value = prediction.value
        if self.response == "bernoulli":
            return (value >= (rule or {}).get("threshold", 0.5)).astype(int)
        return value if value.ndim == 1 or self.response == "simplex" else value.argmax(axis=1)


def number(*metrics: str) -> StubKind:
    return StubKind("gaussian", *(metrics or ("r2", "rmse")))


def truth_of(kinds: dict[str, StubKind], values: dict[str, Any], **more: Any) -> Truth:
    """A truth in which everything is known but NaN."""
    targets = tuple(Target(name, kind) for name, kind in kinds.items())
    arrays = {name: np.asarray(v, dtype=float) for name, v in values.items()}
    rows = len(next(iter(arrays.values())))
    weights = {name: np.isfinite(v).astype(np.float32) for name, v in arrays.items()}
    for name, kind in kinds.items():
        if kind.response == "simplex":
            weights[name] = weights[name].min(axis=1)
    known = {name: np.nan_to_num(v) for name, v in arrays.items()}
    return Truth(
        TaskSet(targets, more.pop("by", None), more.pop("groups", ())),
        known,
        weights,
        more.pop("entity", np.arange(rows)),
        more.pop("group", None),
    )
