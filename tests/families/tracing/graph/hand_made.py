"""Models of knowledge whose influence is known because it was written down, and logs to ask them about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.families.tracing.model.tracer import Tracer
from umbel.families.tracing.source.log import AnswerLog, Concepts

Floats = NDArray[np.float64]


class Linear(Tracer):
    """A step on concept i is forecast by base + sum over earlier answers y on j of fade^gap w_ij (y - .5)."""

    name = "linear"

    def __init__(self, weights: Floats, *, fade: float = 1.0, base: float = 0.5) -> None:
        super().__init__(calibration="none")
        self.weights, self.fade, self.base, self.calls = weights, fade, base, 0

    def predict(self, log: AnswerLog) -> Floats:
        """Without the bounds that calibration sets."""
        return self._predict(log)

    def _predict(self, log: AnswerLog) -> Floats:
        self.calls += 1
        step, concept = log.concept_sets.spread(log.sets)
        found = np.full(log.steps, self.base)
        for start, stop in zip(log.offsets[:-1], log.offsets[1:], strict=True):
            mine = np.flatnonzero((step >= start) & (step < stop))
            for now in mine:
                before = mine[step[mine] < step[now]]
                gap = step[now] - step[before] - 1
                said = self.fade**gap * (log.correct[step[before]] - 0.5)
                found[step[now]] += (self.weights[concept[now], concept[before]] * said).sum()
        return found

    @property
    def parameters(self) -> int:
        return self.weights.size

    def _fit(self, train: AnswerLog, valid: AnswerLog, show: Any, store: Any) -> None:
        """Nothing is learned."""

    def _state(self) -> dict[str, Any]:
        return {}

    def _restore(self, state: Mapping[str, Any]) -> None:
        """Nothing to restore."""


def log_of(steps: list[list[int]], correct: list[list[float]], concepts: int = 3) -> AnswerLog:
    """Students by the concepts of their steps; the question is the concept."""
    lengths = [len(one) for one in steps]
    flat = np.array([c for one in steps for c in one], dtype=np.int64)
    return AnswerLog(
        tuple(f"s{i}" for i in range(len(steps))),
        tuple(f"q{i}" for i in range(concepts)),
        tuple("abcdefgh"[:concepts]),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        flat,
        flat,
        Concepts.of([(c,) for c in range(concepts)]),
        np.array([y for one in correct for y in one], dtype=np.float64),
    )


def drawn_log(
    students: int, steps: int, concepts: int, *, seed: int = 0, ability: float = 0.0, same_order: bool = False
) -> AnswerLog:
    """Steps on concepts in random order, answered by ability alone: nobody learns, nothing helps anything."""
    chance = np.random.default_rng(seed)
    asked = np.tile(np.arange(concepts), (students, -(-steps // concepts)))[:, :steps]
    asked = chance.permuted(asked, axis=1)
    if same_order:
        asked = np.repeat(asked[:1], students, axis=0)
    able = 0.5 + ability * np.clip(chance.standard_normal((students, 1)), -2, 2)
    return log_of(asked.tolist(), (chance.random(asked.shape) < able).astype(float).tolist(), concepts)
