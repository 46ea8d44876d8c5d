"""Performance factors analysis: a concept's answers are forecast from earlier wins and losses on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit

from umbel.errors import ConfigError, near
from umbel.families.tracing.model.asking import as_log, looked_up
from umbel.families.tracing.model.online import Names
from umbel.families.tracing.model.sparse_logistic import (
    Logistic,
    chosen_logistic,
    fit_logistic,
    strengths_of,
)
from umbel.families.tracing.model.tracer import TRACERS, Tracer
from umbel.families.tracing.source.codes import Codes
from umbel.families.tracing.source.counts import Lines
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.probes import Probes
from umbel.training.checkpoint import Store

__all__ = ["PFA", "Counting"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Counting = Literal["raw", "log"]

STRENGTHS = (0.01, 0.1, 1.0, 10.0)


@TRACERS.register("pfa", source="Pavlik, Cen & Koedinger 2009, Performance factors analysis")
class PFA(Tracer):
    """Performance factors analysis: per concept an easiness, a weight of earlier wins and one of losses.

    The logit of a right answer is the sum over the question's concepts of
    ``easiness + win * wins + loss * losses``, where wins and losses are the student's earlier ones on that
    concept, plus one intercept. It is fitted as a logistic regression with squared weights held down.

    The paper has no word for a question without a known concept. Such a step is forecast by the same three
    numbers over all of the student's answers, fitted apart.

    :param counts: ``log``, ln(1 + n), or ``raw`` as in the paper, where one more answer counts as much after
        a hundred as after none.
    :param strength: of the answers against the penalty, above 0 (scikit-learn's ``C``); of several, the one
        of least validation loss.
    """

    name: ClassVar[str] = "pfa"

    def __init__(
        self, *, counts: Counting = "log", strength: float | Sequence[float] = STRENGTHS, **rest: Any
    ) -> None:
        if counts not in get_args(Counting):
            raise ConfigError(
                "counts must be ones there are", found=f"'{counts}'", remedy=near(counts, get_args(Counting))
            )
        self.counts: Counting = counts
        self.strengths = strengths_of(self.name, strength)
        super().__init__(counts=counts, strength=list(self.strengths), **rest)
        self._hold(Codes((), ()), Logistic(np.zeros(0), 0.0), Logistic(np.zeros(2), 0.0))

    @property
    def parameters(self) -> int:
        """Three of each concept and an intercept; three of all answers."""
        return len(self._own.weights) + len(self._all.weights) + 2

    def _hold(self, codes: Codes, own: Logistic, every: Logistic) -> None:
        self.codes, self.names, self._own, self._all = codes, Names(codes), own, every

    # ---- features ----

    def features(self, log: AnswerLog) -> sparse.csr_array:
        """Of each step, for each of its concepts: 1, wins, losses, [N, 3 C]."""
        lines, counts = self._counts(log)
        first = 3 * (lines.name - 1)
        values = np.concatenate([np.ones(len(lines)), *counts])
        places = np.tile(lines.step, 3), np.concatenate([first, first + 1, first + 2])
        return sparse.csr_array((values, places), (log.steps, 3 * len(self.codes.concepts)))

    def _counts(self, log: AnswerLog) -> tuple[Lines, list[Floats]]:
        """Lines of the concepts, and earlier wins and losses of each."""
        lines = Lines.of_concepts(log, self.codes(log))
        right = log.correct[lines.step]
        return lines, [self._counted(lines.earlier(values)) for values in (right, 1 - right)]

    def _all_counts(self, log: AnswerLog) -> list[Floats]:
        """Wins and losses in all answers before each step, [N] each."""
        lines = Lines.of_students(log)
        return [self._counted(lines.earlier(values)) for values in (log.correct, 1 - log.correct)]

    def _counted(self, counts: Floats) -> Floats:
        return counts if self.counts == "raw" else np.log1p(counts)

    # ---- fitted, and forecasts ----

    def _fit(self, train: AnswerLog, valid: AnswerLog, show: bool | None, store: Store | None) -> None:
        self.codes = Codes.of(train)
        chosen = chosen_logistic(
            self.features(train), train.correct, self.features(valid), valid.correct, self.strengths
        )
        every = sparse.csr_array(np.stack(self._all_counts(train), axis=1))
        self._hold(self.codes, chosen.model, fit_logistic(every, train.correct, chosen.strength))
        self.notes |= chosen.notes

    def _predict(self, log: AnswerLog) -> Floats:
        lines, counts = self._counts(log)
        found = self._summed(lines.step, lines.name, counts[0], counts[1], log.steps)
        bare = np.bincount(lines.step, minlength=log.steps) == 0
        if bare.any():
            found = np.where(bare, self._of_all(*self._all_counts(log)), found)
        return found

    def _summed(self, step: Ints, concept: Ints, wins: Floats, losses: Floats, count: int) -> Floats:
        """Forecasts of steps from lines of their concepts, [count]."""
        easy, win, loss = self._own.weights.reshape(-1, 3)[concept - 1].T
        logit = np.bincount(step, weights=easy + win * wins + loss * losses, minlength=count)
        return np.asarray(expit(logit + self._own.intercept), dtype=np.float64)

    def _of_all(self, wins: Floats, losses: Floats) -> Floats:
        """Forecasts from wins and losses in all answers."""
        win, loss = self._all.weights
        return np.asarray(expit(win * wins + loss * losses + self._all.intercept), dtype=np.float64)

    def _ask(self, log: AnswerLog, probes: Probes) -> Floats:
        lines, every = Lines.of_concepts(log, self.codes(log)), Lines.of_students(log)
        question = as_log(log, probes)
        asked = Lines.of_concepts(question, self.codes(question))
        student = np.arange(len(log))[:, None]
        own, total = [], []
        for values in (log.correct, 1 - log.correct):
            wanted = asked.name * len(log) + student
            own.append(self._counted(looked_up(*lines.totals(values[lines.step]), wanted, 0.0)))
            total.append(self._counted(looked_up(*every.totals(values), student, 0.0)))
        cell = (asked.step + len(probes) * student).ravel()
        concept = np.tile(asked.name, len(log))
        found = self._summed(cell, concept, own[0].ravel(), own[1].ravel(), len(log) * len(probes))
        bare = np.bincount(asked.step, minlength=len(probes)) == 0
        return np.where(bare, self._of_all(*total), found.reshape(len(log), len(probes)))

    # ---- in service ----

    def begin(self) -> dict[str, Any]:
        """No answer yet."""
        return {"all": [0.0, 0.0], "concepts": {}}

    def update(
        self, state: dict[str, Any], question: str | None, concepts: Sequence[str], correct: float
    ) -> dict[str, Any]:
        """The counts after one more answer."""
        known = [self.codes.concepts[number - 1] for number in self.names.known(concepts)]
        for counts in [state["all"], *(state["concepts"].setdefault(name, [0.0, 0.0]) for name in known)]:
            counts[0] += correct
            counts[1] += 1 - correct
        return state

    def forecast(self, state: Mapping[str, Any], question: str | None, concepts: Sequence[str]) -> float:
        """Calibrated probability of a right answer."""
        known = np.array(self.names.known(concepts), dtype=np.int64)
        if len(known):
            names = [self.codes.concepts[number - 1] for number in known]
            counts = np.array([state["concepts"].get(name, (0.0, 0.0)) for name in names])
            wins, losses = self._counted(counts).T
            said = self._summed(np.zeros_like(known), known, wins, losses, 1)
        else:
            said = self._of_all(*self._counted(np.array(state["all"]))[:, None])
        return float(self._calibrator(said)[0])

    # ---- saved ----

    def _state(self) -> dict[str, Any]:
        return {
            "codes": self.codes.state,
            "own": {"weights": self._own.weights, "intercept": self._own.intercept},
            "all": {"weights": self._all.weights, "intercept": self._all.intercept},
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        own, every = (
            Logistic(np.asarray(part["weights"], dtype=np.float64), float(part["intercept"]))
            for part in (state["own"], state["all"])
        )
        self._hold(Codes.from_state(state["codes"]), own, every)
