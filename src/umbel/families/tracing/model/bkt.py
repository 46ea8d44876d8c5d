"""Bayesian knowledge tracing: a student knows a concept or does not, and the answers tell which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from umbel.errors import ConfigError
from umbel.families.tracing.model.asking import as_log, looked_up
from umbel.families.tracing.model.bkt_chains import Chains
from umbel.families.tracing.model.bkt_em import Bounds, Skills, expectation_maximisation, forward
from umbel.families.tracing.model.online import Names
from umbel.families.tracing.model.tracer import TRACERS, Tracer
from umbel.families.tracing.source.codes import Codes
from umbel.families.tracing.source.counts import Lines
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.probes import Probes
from umbel.seeding import numpy_generator
from umbel.sharing.options import fraction, whole
from umbel.training.checkpoint import Store

__all__ = ["BKT"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

OPENING = 200
"""Answers of a student at most that the chain of all answers is fitted on."""


@TRACERS.register("bkt", source="Corbett & Anderson 1995; forgetting: Khajah, Lindsey & Mozer 2016")
class BKT(Tracer):
    """Bayesian knowledge tracing: one chain of hidden knowledge per student and concept, fitted by EM.

    A question with several concepts has one chain for each; all of them are updated by its answer. Each
    chain states a probability of the same answer, and was fitted on whole answers to such questions; the
    forecast is the mean of their logits, the pooling of several opinions on one event that commutes with
    Bayes' rule (Genest 1984). A product of the probabilities would count the hardness of the question once
    per concept.

    The paper has no word for a question without a known concept. Such a step is forecast by one more chain
    per student, which every answer belongs to; its parameters are fitted in the same way.

    :param forget: whether what is known may be forgotten; the paper has no forgetting.
    :param starts: points that the search starts from, the first fixed, the others drawn.
    :param iterations: steps of EM at most.
    :param most_guess, most_slip: the largest guess and slip, [0.01, 1); where they sum to more than 1,
        knowing may make a right answer less likely.
    :raises ConfigError: an option has a value it cannot have.
    """

    name: ClassVar[str] = "bkt"

    def __init__(
        self,
        *,
        forget: bool = False,
        starts: int = 3,
        iterations: int = 100,
        most_guess: float = 0.5,
        most_slip: float = 0.5,
        **rest: Any,
    ) -> None:
        self.forget = forget
        self.starts = whole(self.name, "starts", starts, least=1)
        self.iterations = whole(self.name, "iterations", iterations, least=1)
        for option, value in {"most_guess": most_guess, "most_slip": most_slip}.items():
            if fraction(self.name, option, value, below_1=True) < 0.01:
                raise ConfigError(f"'{option}' of 'bkt' is at least 0.01", found=f"{value!r}")
        self.bounds = Bounds(guess=most_guess, slip=most_slip, forget=0.5 if forget else 0.0)
        super().__init__(
            forget=forget,
            starts=starts,
            iterations=iterations,
            most_guess=most_guess,
            most_slip=most_slip,
            **rest,
        )
        self._hold(Codes((), ()), np.zeros((5, 0)))

    @property
    def parameters(self) -> int:
        """Four of each skill, or five."""
        return len(self._online) * (5 if self.forget else 4)

    def table(self) -> pd.DataFrame:
        """Prior, learn, forget, guess and slip of each concept, by its name."""
        index = pd.Index(self.codes.concepts, name="concept")
        return pd.DataFrame(
            self._values[:, 1:].T, index=index, columns=["prior", "learn", "forget", "guess", "slip"]
        )

    # ---- fitting ----

    def _fit(self, train: AnswerLog, valid: AnswerLog, show: bool | None, store: Store | None) -> None:
        codes = Codes.of(train)
        lines = Lines.of_concepts(train, codes(train))
        opening = np.flatnonzero(train.place < OPENING)
        step = np.concatenate([lines.step, opening])
        chains = Chains.of(
            np.concatenate([lines.key, train.student[opening]]),
            np.concatenate([lines.name, np.zeros_like(opening)]),
            train.correct[step],
        )
        found, _, curve = expectation_maximisation(
            chains, self._beginnings(len(codes.concepts) + 1), self.bounds, most=self.iterations
        )
        self._hold(codes, np.stack([values[:, 0] for values in found.parts]))
        self.notes |= {"iterations": len(curve), "likelihood": [value / len(step) for value in curve]}

    def _beginnings(self, count: int) -> Skills:
        """Parameters that the search starts from, [K, R] each."""
        chance = numpy_generator(self.seed, "bkt")
        low = np.array([0.1, 0.02, 0.01, 0.05, 0.02])[:, None, None]
        high = np.array([0.9, 0.4, 0.1, 0.45, 0.3])[:, None, None]
        drawn = low + (high - low) * chance.random((5, 1, self.starts))
        drawn[:, :, :1] = np.array([0.4, 0.15, 0.02, 0.2, 0.1])[:, None, None]
        return Skills(*np.repeat(drawn, count, axis=1))

    def _hold(self, codes: Codes, values: Floats) -> None:
        self.codes, self.names, self._values = codes, Names(codes), values
        self.skills = Skills(*values[:, :, None])
        self._online: list[tuple[float, ...]] = [tuple(column) for column in values.T.tolist()]

    # ---- forecasts ----

    def _predict(self, log: AnswerLog) -> Floats:
        lines = Lines.of_concepts(log, self.codes(log))
        found = _pooled(lines.step, self._stated(lines, log), log.steps)
        bare = np.bincount(lines.step, minlength=log.steps) == 0
        if bare.any():  # the chain of all answers, of those students who need it
            mine = np.isin(log.student, log.student[bare])
            step = np.flatnonzero(mine)
            every = Lines(step, log.student[step], np.zeros_like(step))
            found[bare] = self._stated(every, log)[bare[step]]
        return found

    def _stated(self, lines: Lines, log: AnswerLog) -> Floats:
        """What each line's chain says of the answer, [L]."""
        if not len(lines):
            return np.zeros(0)
        chains = Chains.of(lines.key, lines.name, log.correct[lines.step])
        found = np.empty(len(lines))
        found[chains.line] = forward(chains, self.skills).right[:, 0]
        return found

    def _ask(self, log: AnswerLog, probes: Probes) -> Floats:
        lines = Lines.of_concepts(log, self.codes(log))
        step = np.concatenate([lines.step, np.arange(log.steps)])
        key = np.concatenate([lines.key, log.student])
        skill = np.concatenate([lines.name, np.zeros(log.steps, dtype=np.int64)])
        keys, known = self._known_at_end(key, skill, log.correct[step])
        question = as_log(log, probes)
        asked = Lines.of_concepts(question, self.codes(question))
        bare = np.flatnonzero(np.bincount(asked.step, minlength=len(probes)) == 0)
        place, concept = np.append(asked.step, bare), np.append(asked.name, np.zeros_like(bare))
        wanted = concept * len(log) + np.arange(len(log))[:, None]
        prior, _, _, guess, slip = (values[concept] for values in self._values)
        k = looked_up(keys, known, wanted, prior)
        right = k * (1 - slip) + (1 - k) * guess
        cell = place + len(probes) * np.arange(len(log))[:, None]
        return _pooled(cell.ravel(), right.ravel(), len(log) * len(probes)).reshape(len(log), len(probes))

    def _known_at_end(self, key: Ints, skill: Ints, answer: Floats) -> tuple[Ints, Floats]:
        """Keys of all chains, ascending, and the probability that each is known after its last answer."""
        if not len(key):
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        chains = Chains.of(key, skill, answer)
        g = forward(chains, self.skills).after[chains.ends, 0]
        _, learn, forget, _, _ = (values[chains.skill] for values in self._values)
        order = np.argsort(chains.key)
        return chains.key[order], (g + (1 - g) * learn - g * forget)[order]

    # ---- in service ----

    def begin(self) -> dict[str, Any]:
        """No answer yet: every concept stands at its prior."""
        return {"known": {}, "all": self._online[0][0]}

    def update(
        self, state: dict[str, Any], question: str | None, concepts: Sequence[str], correct: float
    ) -> dict[str, Any]:
        """The chains of the concepts, and that of all answers, after one more answer."""
        known = state["known"]
        for number in self.names.known(concepts):
            name, skill = self.codes.concepts[number - 1], self._online[number]
            known[name] = _after(known.get(name, skill[0]), skill, correct)
        state["all"] = _after(state["all"], self._online[0], correct)
        return state

    def forecast(self, state: Mapping[str, Any], question: str | None, concepts: Sequence[str]) -> float:
        """Calibrated probability of a right answer."""
        said = []
        for number in self.names.known(concepts):
            skill = self._online[number]
            said.append(_right(state["known"].get(self.codes.concepts[number - 1], skill[0]), skill))
        right = np.array(said or [_right(state["all"], self._online[0])])
        return float(self._calibrator(_pooled(np.zeros(len(right), dtype=np.int64), right, 1))[0])

    # ---- saved ----

    def _state(self) -> dict[str, Any]:
        return {"codes": self.codes.state, "values": self._values}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._hold(Codes.from_state(state["codes"]), np.asarray(state["values"], dtype=np.float64))


def _pooled(step: Ints, right: Floats, count: int) -> Floats:
    """Mean of the logits by step, as a probability; a half for a step without any, [count]."""
    total = np.bincount(step, weights=logit(right), minlength=count)
    return np.asarray(expit(total / np.maximum(np.bincount(step, minlength=count), 1)), dtype=np.float64)


def _right(known: float, skill: tuple[float, ...]) -> float:
    return known * (1 - skill[4]) + (1 - known) * skill[3]


def _after(known: float, skill: tuple[float, ...], correct: float) -> float:
    """The forward step of one chain, in plain numbers."""
    _, learn, forget, guess, slip = skill
    with_it: float = known * (1 - slip) ** correct * slip ** (1 - correct)
    without: float = (1 - known) * guess**correct * (1 - guess) ** (1 - correct)
    g = with_it / (with_it + without)
    return g + (1 - g) * learn - g * forget
