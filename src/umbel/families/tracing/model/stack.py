"""Several models as one: their logits weighed by what validation students say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from umbel.errors import ConfigError
from umbel.families.tracing.model.calibration import EDGE, fit_logistic
from umbel.families.tracing.model.tracer import TRACERS, Tracer
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.probes import Probes
from umbel.training.checkpoint import Store

__all__ = ["Stack"]

Floats = NDArray[np.float64]
Member = str | Mapping[str, Any]

MEMBERS: tuple[Member, ...] = (
    "rasch_lstm",
    {"name": "rasch_lstm", "seed": 1},
    "das3h",
    "irt",
    {"name": "bkt", "forget": True},
    "dkt",
)
"""What is stacked where nothing is named: unlike models, and one of them twice with another seed."""
RIDGE = 10.0
"""Strength that holds the weights near the plain mean, in answers' worth of logits."""


@TRACERS.register("stack", source="Wolpert 1992, Stacked generalization; Ting & Witten 1999")
class Stack(Tracer):
    """A logistic regression over the members' logits, fitted on validation students.

    Members stop and are calibrated on the same students; the weights are a handful of numbers, held near
    equal ones, so they take little from them. What each member scores by itself stands in ``notes``.

    :param members: names of models, or mappings of a name and options.
    """

    name: ClassVar[str] = "stack"

    def __init__(self, *, members: Sequence[Member] = MEMBERS, **rest: Any) -> None:
        named = [{"name": one} if isinstance(one, str) else dict(one) for one in members]
        if not named:
            raise ConfigError("a stack has members", found="none", remedy="members: [rasch_lstm, das3h]")
        super().__init__(members=named, **rest)
        self.members = [_made({"seed": self.seed, **one}) for one in named]
        self.weights = np.full(len(named), 1 / len(named))
        self.shift = 0.0

    @property
    def names(self) -> list[str]:
        """Names of the members, told apart by a number where they are alike."""
        plain = [one.name for one in self.members]
        return [
            f"{name} {plain[: i + 1].count(name)}" if plain.count(name) > 1 else name
            for i, name in enumerate(plain)
        ]

    @property
    def parameters(self) -> int:
        """Numbers of all members, and the weights."""
        return sum(one.parameters for one in self.members) + len(self.members) + 1

    def serves(self, log: AnswerLog) -> str:
        """Why a member cannot serve such a log."""
        told = [f"{one.name}: {one.serves(log)}" for one in self.members if one.serves(log)]
        return "; ".join(told)

    def _fit(self, train: AnswerLog, valid: AnswerLog, show: bool | None, store: Store | None) -> None:
        logits = []
        for number, member in enumerate(self.members):
            own = None if store is None else Store(store.folder / f"member-{number}")
            member.fit(train, valid, show=show, store=own)
            logits.append(_logit(member.predict(valid)))
        design = np.stack([*logits, np.ones(valid.steps)], axis=1)
        around = np.concatenate([self.weights, [0.0]])
        ridge = np.concatenate([np.full(len(self.members), RIDGE), [0.0]])
        found = fit_logistic(design, valid.correct, around, ridge)
        self.weights, self.shift = found[:-1], float(found[-1])
        self.notes["weights"] = dict(zip(self.names, self.weights.tolist(), strict=True))

    def by_member(self, log: AnswerLog) -> dict[str, Floats]:
        """Each member's own forecasts, [N] by name."""
        return {name: one.predict(log) for name, one in zip(self.names, self.members, strict=True)}

    def _predict(self, log: AnswerLog) -> Floats:
        return self._mix([one.predict(log) for one in self.members])

    def _ask(self, log: AnswerLog, probes: Probes) -> Floats:
        return self._mix([one.ask(log, probes) for one in self.members])

    def _mix(self, forecasts: list[Floats]) -> Floats:
        total = sum(w * _logit(p) for w, p in zip(self.weights, forecasts, strict=True))
        return np.asarray(expit(total + self.shift))

    def _state(self) -> dict[str, Any]:
        return {
            "members": [one.state for one in self.members],
            "weights": self.weights,
            "shift": self.shift,
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.members = [Tracer.from_state(one) for one in state["members"]]
        self.weights, self.shift = np.asarray(state["weights"]), float(state["shift"])


def _made(options: dict[str, Any]) -> Tracer:
    name = options.pop("name")
    found: Tracer = TRACERS.get(name)(**options)
    return found


def _logit(p: Floats) -> Floats:
    found: Floats = logit(np.clip(p, EDGE, 1 - EDGE))
    return found
