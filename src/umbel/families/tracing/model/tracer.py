"""The contract of a model of knowledge: fitted on students, it forecasts every answer before it is given."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import NDArray

from umbel.errors import ConfigError, DataError, near
from umbel.families.tracing.model.calibration import Calibration, Calibrator, fit_calibrator
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.probes import Probes, asked
from umbel.registry import Registry
from umbel.training.checkpoint import Store

__all__ = ["TRACERS", "Tracer"]

Floats = NDArray[np.float64]


class Tracer(ABC):
    """A model of what students know.

    Made with keyword options (JSON, all kept in ``options``), fitted on the students of ``train``, stopped,
    chosen and calibrated on those of ``valid``. A forecast of a step depends on the student's answers before
    that step, on the step's question and concepts, and on nothing else: never on its own answer, on later
    ones, or on other students of the log that is forecast. A subclass writes ``_fit``, ``_predict``,
    ``_state`` and ``_restore`` and registers itself with ``@TRACERS.register(name, source=...)``.

    :param calibration: ``platt``, ``isotonic`` or ``none``, on the validation students.
    :param seed: of all that is drawn.
    :raises ConfigError: an option has a value it cannot have.
    """

    name: ClassVar[str]

    def __init__(self, *, calibration: Calibration = "platt", seed: int = 0, **own: Any) -> None:
        if calibration not in get_args(Calibration):
            raise ConfigError(
                "a calibration must be one there is",
                found=f"'{calibration}'",
                remedy=near(calibration, get_args(Calibration)),
            )
        for option in own:
            if option not in (known := self._known()):
                raise ConfigError(
                    f"an option of the model '{self.name}' must be one it has",
                    found=f"'{option}'",
                    remedy=near(option, known),
                )
        self.calibration: Calibration = calibration
        self.seed = seed
        self.options: dict[str, Any] = {"calibration": calibration, "seed": seed, **own}
        self.notes: dict[str, Any] = {}
        """What was chosen and why (epochs, strengths, curves), JSON."""
        self._calibrator = Calibrator()

    @classmethod
    def _known(cls) -> list[str]:
        """Names of all keyword options, those of the classes it is made of included."""
        return [
            parameter.name
            for form in cls.__mro__
            if form is not object and "__init__" in vars(form)
            for parameter in inspect.signature(vars(form)["__init__"]).parameters.values()
            if parameter.kind is parameter.KEYWORD_ONLY
        ]

    # ---- what a user calls ----

    def fit(
        self, train: AnswerLog, valid: AnswerLog, *, show: bool | None = False, store: Store | None = None
    ) -> Tracer:
        """Fit on the students of ``train``, choose and calibrate on those of ``valid``.

        :param show: whether progress is shown; None shows it where standard error is a terminal.
        :param store: where checkpoints go, for models that take long; a fit goes on from there.
        :raises DataError: a log without answers, or one this model cannot serve (see :meth:`serves`).
        """
        for side, log in (("training", train), ("validation", valid)):
            if not log.steps:
                raise DataError(
                    "a model of knowledge is fitted on answers",
                    found=f"no answer of a {side} student",
                    remedy="give more students, or other shares of the split",
                )
        refusal = self.serves(train)
        if refusal:
            raise DataError(f"'{self.name}' must be able to serve the log", found=refusal)
        self._fit(train, valid, show, store)
        self._calibrator = fit_calibrator(self.calibration, self._predict(valid), valid.correct)
        return self

    def predict(self, log: AnswerLog) -> Floats:
        """Probability that each answer is correct, stated before it is given, [N].

        Unseen questions fall back to their concepts, unseen concepts are left out of their sets, and a step
        with neither is forecast from the student's other answers.
        """
        return self._calibrator(self._predict(log))

    def ask(self, log: AnswerLog, probes: Probes) -> Floats:
        """Probability that each student, after all answers in the log, would answer each probe, [S, K]."""
        return self._calibrator(self._ask(log, probes))

    def serves(self, log: AnswerLog) -> str:
        """Why this model cannot serve such a log; empty when it can."""
        return ""

    @property
    @abstractmethod
    def parameters(self) -> int:
        """How many numbers were learned."""

    # ---- what a subclass writes ----

    @abstractmethod
    def _fit(self, train: AnswerLog, valid: AnswerLog, show: bool | None, store: Store | None) -> None: ...

    @abstractmethod
    def _predict(self, log: AnswerLog) -> Floats:
        """Forecasts before calibration, [N]."""

    def _ask(self, log: AnswerLog, probes: Probes) -> Floats:
        """Forecasts of probes before calibration, [S, K]: by asking at the end of copies of the log.

        Right for every model; one that carries a state does the same with less work.
        """
        found = np.empty((len(log), len(probes)))
        each = max(1, _MOST_STEPS // max(1, len(probes)))
        for students in _chunks(log.lengths + 1, each):
            extended, place = asked(log.take(students), probes)
            found[students] = self._predict(extended)[place]
        return found

    @abstractmethod
    def _state(self) -> dict[str, Any]:
        """All that was fitted: JSON values and numpy arrays, nested in dicts and lists."""

    @abstractmethod
    def _restore(self, state: Mapping[str, Any]) -> None: ...

    # ---- saved ----

    @property
    def state(self) -> dict[str, Any]:
        """The whole model; :func:`from_state` makes it again."""
        return {
            "tracer": self.name,
            "options": self.options,
            "notes": self.notes,
            "calibrator": self._calibrator.state,
            "fitted": self._state(),
        }

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Tracer:
        """The model that :attr:`state` tells of."""
        tracer: Tracer = TRACERS.get(state["tracer"])(**state["options"])
        tracer.notes = dict(state["notes"])
        tracer._calibrator = Calibrator.from_state(dict(state["calibrator"]))
        tracer._restore(state["fitted"])
        return tracer


_MOST_STEPS = 400_000
"""Steps of the copies of a log that are forecast at a time."""


def _chunks(lengths: NDArray[np.int64], steps: int) -> list[NDArray[np.int64]]:
    """Students in parts of at most so many steps, at least one student each."""
    part = np.cumsum(lengths) // max(1, steps)
    return [np.flatnonzero(part == one) for one in np.unique(part)]


TRACERS: Registry[type[Tracer]] = Registry("tracer", "umbel.families.tracing.model")
"""All models of knowledge, by name."""
