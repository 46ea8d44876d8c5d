"""The baseline: how often the student was right so far, and how often all are right on the concept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from umbel.errors import ConfigError
from umbel.families.tracing.model.asking import as_log
from umbel.families.tracing.model.online import Names
from umbel.families.tracing.model.tracer import TRACERS, Tracer
from umbel.families.tracing.source.codes import Codes
from umbel.families.tracing.source.counts import Lines
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.probes import Probes
from umbel.sharing.options import fraction
from umbel.training.checkpoint import Store

__all__ = ["RunningRate"]

Floats = NDArray[np.float64]

STRENGTHS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
SHARES = (0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0)
SMOOTHING = 10.0
"""Answers at the average rate that each concept's training rate counts in."""


@TRACERS.register("running_rate", source="baseline: a smoothed share of right answers, and the concept's own")
class RunningRate(Tracer):
    """The student's running rate, mixed with the training rate of the question's concepts.

    ``share * (right + strength * average) / (answers + strength) + (1 - share) * rate``, where ``right`` of
    ``answers`` are the student's earlier ones, ``average`` is the training rate of all answers, and ``rate``
    the mean training rate of the question's concepts (the average where none is known).

    :param strength: answers at the average rate that a student begins with, above 0; None: of least
        validation loss.
    :param share: weight of the student's rate, [0, 1]; None: of least validation loss.
    """

    name: ClassVar[str] = "running_rate"

    def __init__(self, *, strength: float | None = None, share: float | None = None, **rest: Any) -> None:
        if strength is not None and not 0 < strength < np.inf:
            raise ConfigError(
                "'strength' of 'running_rate' is above 0", found=repr(strength), remedy="strength: 4.0"
            )
        self.strengths = STRENGTHS if strength is None else (float(strength),)
        self.shares = SHARES if share is None else (fraction(self.name, "share", share),)
        super().__init__(strength=strength, share=share, **rest)
        self._hold(Codes((), ()), np.full(1, 0.5), self.strengths[0], self.shares[0])

    @property
    def parameters(self) -> int:
        """A rate of each concept, the average, strength and share."""
        return len(self._rates) + 2

    def _hold(self, codes: Codes, rates: Floats, strength: float, share: float) -> None:
        self.codes, self.names = codes, Names(codes)
        self._rates, self._strength, self._share = rates, strength, share

    def _fit(self, train: AnswerLog, valid: AnswerLog, show: bool | None, store: Store | None) -> None:
        codes = Codes.of(train)
        lines = Lines.of_concepts(train, codes(train))
        average = float(train.correct.mean())
        count = np.bincount(lines.name, minlength=len(codes.concepts) + 1)
        right = np.bincount(lines.name, weights=train.correct[lines.step], minlength=len(count))
        rates = (right + SMOOTHING * average) / (count + SMOOTHING)
        rates[0] = average
        losses: dict[tuple[float, float], float] = {}
        for strength, share in product(self.strengths, self.shares):
            self._hold(codes, rates, strength, share)
            p = np.clip(self._predict(valid), 1e-6, 1 - 1e-6)
            losses[strength, share] = -float(
                (valid.correct * np.log(p) + (1 - valid.correct) * np.log1p(-p)).mean()
            )
        best = min(losses, key=lambda pair: losses[pair])
        self._hold(codes, rates, *best)
        self.notes |= {"strength": best[0], "share": best[1], "loss": losses[best]}

    def _predict(self, log: AnswerLog) -> Floats:
        right = Lines.of_students(log).earlier(log.correct)
        return self._mixed(right, log.place.astype(np.float64), self._base(log))

    def _base(self, log: AnswerLog) -> Floats:
        """Mean training rate of each step's concepts, [N]."""
        lines = Lines.of_concepts(log, self.codes(log))
        count = np.bincount(lines.step, minlength=log.steps)
        total = np.bincount(lines.step, weights=self._rates[lines.name], minlength=log.steps)
        return np.where(count > 0, total / np.maximum(count, 1), self._rates[0])

    def _mixed(self, right: Floats, answers: Floats, base: Floats) -> Floats:
        own = (right + self._strength * self._rates[0]) / (answers + self._strength)
        return np.asarray(self._share * own + (1 - self._share) * base, dtype=np.float64)

    def _ask(self, log: AnswerLog, probes: Probes) -> Floats:
        right: Floats = np.bincount(log.student, weights=log.correct, minlength=len(log)).astype(np.float64)
        answers = log.lengths.astype(np.float64)
        return self._mixed(right[:, None], answers[:, None], self._base(as_log(log, probes)))

    # ---- in service ----

    def begin(self) -> dict[str, Any]:
        """No answer yet."""
        return {"right": 0.0, "answers": 0}

    def update(
        self, state: dict[str, Any], question: str | None, concepts: Sequence[str], correct: float
    ) -> dict[str, Any]:
        """The counts after one more answer."""
        state["right"] += correct
        state["answers"] += 1
        return state

    def forecast(self, state: Mapping[str, Any], question: str | None, concepts: Sequence[str]) -> float:
        """Calibrated probability of a right answer."""
        known = self.names.known(concepts)
        base = self._rates[known].mean() if known else self._rates[0]
        right, answers = np.array([state["right"]]), np.array([float(state["answers"])])
        return float(self._calibrator(self._mixed(right, answers, np.array([base])))[0])

    # ---- saved ----

    def _state(self) -> dict[str, Any]:
        own = {"rates": self._rates, "strength": self._strength, "share": self._share}
        return {"codes": self.codes.state, **own}

    def _restore(self, state: Mapping[str, Any]) -> None:
        rates = np.asarray(state["rates"], dtype=np.float64)
        self._hold(Codes.from_state(state["codes"]), rates, float(state["strength"]), float(state["share"]))
