"""DAS3H: items, concepts, and what was practised in the last hour, day, week and month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from umbel.errors import ConfigError, DataError, near
from umbel.families.tracing.model.sparse_logistic import Logistic, chosen_logistic, strengths_of
from umbel.families.tracing.model.tracer import TRACERS, Tracer
from umbel.families.tracing.source.codes import Codes
from umbel.families.tracing.source.counts import Lines, clock
from umbel.families.tracing.source.log import AnswerLog
from umbel.training.checkpoint import Store

__all__ = ["DAS3H", "Windows"]

Floats = NDArray[np.float64]
Windows = Literal["auto", "time", "steps"]

HOUR = 3600.0
TIMES = (HOUR, 24 * HOUR, 7 * 24 * HOUR, 30 * 24 * HOUR)
"""Seconds; all earlier answers are one more window."""
STEPS = (10.0, 50.0, 200.0)
"""Answers of the student, of whatever concept; all earlier answers are one more window."""
STRENGTHS = (0.3, 1.0, 3.0)
TOLERANCE = 3e-8
"""Of the fits: gains that no validation figure shows are not worth seconds."""


@TRACERS.register("das3h", source="Choffin, Popineau, Bourda & Vie 2019, DAS3H")
class DAS3H(Tracer):
    """DAS3H: a sparse logistic regression on item, concepts, and wins and attempts in windows of time.

    The logit of a right answer is the sum of a bias of the question, a bias of each concept, and for each
    concept and window ``gain * ln(1 + wins) + loss * ln(1 + attempts)``, both of earlier answers of that
    student on that concept in that window.

    The paper has an ability of each student, which nobody knows of a student who was not in training. Here
    wins and attempts in all of the student's answers, in the same windows, stand in its place (``ability``);
    they also serve a step that has neither a known question nor a known concept.

    :param windows: ``time`` as in the paper (hour, day, week, 30 days, all); ``steps`` (the student's last
        10, 50, 200 answers, all); ``auto``: by time where every training answer has one, else by steps.
    :param ability: whether the student's answers on all concepts take part.
    :param strength: of the answers against the penalty, above 0 (scikit-learn's ``C``); of several, the one
        of least validation loss.
    """

    name: ClassVar[str] = "das3h"

    def __init__(
        self,
        *,
        windows: Windows = "auto",
        ability: bool = True,
        strength: float | Sequence[float] = STRENGTHS,
        **rest: Any,
    ) -> None:
        if windows not in get_args(Windows):
            raise ConfigError(
                "windows must be ones there are",
                found=f"'{windows}'",
                remedy=near(windows, get_args(Windows)),
            )
        self.windows: Windows = windows
        self.ability = ability
        self.strengths = strengths_of(self.name, strength)
        super().__init__(windows=windows, ability=ability, strength=list(self.strengths), **rest)
        self.codes = Codes((), ())
        self._by_time = False
        self._fitted = Logistic(np.zeros(0), 0.0)

    def serves(self, log: AnswerLog) -> str:
        """Windows of time need times."""
        if self.windows == "time" and log.time is None:
            return "a log without times, and windows: time"
        return ""

    @property
    def parameters(self) -> int:
        """One of each question, one of each concept, two of each concept and window, and so on."""
        return len(self._fitted.weights) + 1

    def features(self, log: AnswerLog) -> sparse.csr_array:
        """Of each step: its question, its concepts, and what was practised before, [N, W].

        :raises DataError: the model was fitted on windows of time, and the log has no times.
        """
        if self._by_time and log.time is None:
            raise DataError(
                "a model that was fitted on windows of time forecasts logs with times",
                found="a log without times",
                remedy="give the times, or fit with windows: steps",
            )
        coded = self.codes(log)
        lines = Lines.of_concepts(log, coded)
        questions, concepts = len(self.codes.questions), len(self.codes.concepts)
        asked = np.flatnonzero(coded.question > 0)
        blocks = [
            _block(asked, coded.question[asked] - 1, np.ones(len(asked)), (log.steps, questions)),
            _block(lines.step, lines.name - 1, np.ones(len(lines)), (log.steps, concepts)),
        ]
        kinds = [(lines, lines.name - 1, concepts)]
        if self.ability:
            every = Lines.of_students(log)
            kinds.append((every, np.zeros(log.steps, dtype=np.int64), 1))
        at = clock(log) if self._by_time else log.place.astype(np.float64)
        for own, column, count in kinds:
            right = log.correct[own.step]
            for width in (*(TIMES if self._by_time else STEPS), None):
                moment = None if width is None else at[own.step]
                for values in (right, np.ones(len(own))):
                    found = np.log1p(own.earlier(values, at=moment, width=width))
                    blocks.append(_block(own.step, column, found, (log.steps, count)))
        return sparse.csr_array(sparse.hstack(blocks, format="csr"))

    def _fit(self, train: AnswerLog, valid: AnswerLog, show: bool | None, store: Store | None) -> None:
        self.codes = Codes.of(train)
        timed = train.time is not None and not np.isnan(train.time).any()
        self._by_time = self.windows == "time" or (self.windows == "auto" and timed)
        chosen = chosen_logistic(
            self.features(train),
            train.correct,
            self.features(valid),
            valid.correct,
            self.strengths,
            tolerance=TOLERANCE,
        )
        self._fitted = chosen.model
        self.notes |= {**chosen.notes, "windows": "time" if self._by_time else "steps"}

    def _predict(self, log: AnswerLog) -> Floats:
        return self._fitted(self.features(log))

    def _state(self) -> dict[str, Any]:
        return {
            "codes": self.codes.state,
            "by_time": self._by_time,
            "weights": self._fitted.weights,
            "intercept": self._fitted.intercept,
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.codes = Codes.from_state(state["codes"])
        self._by_time = bool(state["by_time"])
        weights = np.asarray(state["weights"], dtype=np.float64)
        self._fitted = Logistic(weights, float(state["intercept"]))


def _block(
    step: NDArray[np.int64], column: NDArray[np.int64], values: Floats, shape: tuple[int, int]
) -> sparse.csr_array:
    """Values at their steps and columns; zeros take no room."""
    kept = values != 0
    return sparse.csr_array((values[kept], (step[kept], column[kept])), shape)
