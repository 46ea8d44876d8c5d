"""A model of knowledge that tells what answers reveal from what practice does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from umbel.errors import ConfigError, near
from umbel.families.tracing.model.asking import as_log
from umbel.families.tracing.model.calibration import Calibrator
from umbel.families.tracing.model.following import followed
from umbel.families.tracing.model.growth_net import GrowthNet, GrowthPrior
from umbel.families.tracing.model.growth_pool import GrowthPool
from umbel.families.tracing.model.net_tracer import NetTracer
from umbel.families.tracing.model.tracer import TRACERS
from umbel.families.tracing.source.counts import Lines
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.probes import Probes

__all__ = ["Growth"]

ABSENT: dict[str, Any] = {"width": 1, "dropout": 0.0, "decay": 0.0, "also": ()}
"""Options of other networks that this one has no use for, and what the base is told in their place."""
REST = ("device", "calibration", "seed")


@TRACERS.register(
    "growth",
    source="umbel; a gated Elo rating: Elo 1978, Pelanek 2016; guess and slip of Corbett & Anderson 1995",
)
class Growth(NetTracer):
    """What a student knows of each concept, corrected by each answer and raised by each practice.

    A policy that picks exercises needs to know what practice *does*. A model that was trained to forecast
    answers tells mostly what answers *reveal*: over both outcomes, weighted by its own forecast, its belief
    changes by next to nothing, and what is left is noise. This model has a part for each. A belief u_c of
    each concept starts at b_c; a question q of the concepts K, d_q harder than the average one of them, is
    answered right with probability::

        p = guess + (1 - guess - slip) logistic(mean of u_c over K - d_q)

    An answer y corrects the beliefs, those of K by their own step and all by a shared one; both steps become
    shorter with the number n of answers they rest on, on that concept and in all::

        u_c += (y - p) (own(n_c) [c in K] + shared(n)),        own(n) = k / (1 + h n) + l

    Then practice raises the beliefs of K, less the more is known already, and more or less by what is known
    of the other concepts; the rest is forgetting::

        u_c += exp(r_c - room m_c + sum_j needs_cj m_j) [c in K] - f (u_c - b_c),
               m_j = logistic(u_j) - logistic(b_j)

    Under the model's own forecast the correction is zero on average: an expected gain is practice alone.
    All parameters are fitted together, by the likelihood of the training answers. A concept whose
    ``needs_cj`` is large grows little until j is known: a soft prerequisite, found in the data.

    What practice does is only as causal as the log. Where exercises were given in random order, it is; where
    students or teachers chose them by what they knew of the student, it is an association.

    It is no member of the registry of tracers: it needs C^2 numbers, and is made for planning.

    :param needs_spread: standard deviation of the needs before any data, above 0.
    :param rate: the highest learning rate; few parameters bear a high one.
    :raises ConfigError: an option it does not have, or a value it cannot have.

    Source: umbel. The correction is an Elo rating's with a growing certainty (Pelanek 2016, section 3), the
    same answer moving all concepts after Abdi et al. 2019; growth by practice after Pavlik et al. 2009.
    """

    name: ClassVar[str] = "growth"

    def __init__(
        self,
        *,
        needs_spread: float = 1.0,
        epochs: int = 60,
        patience: int = 8,
        rate: float = 0.1,
        average: float = 0.9,
        tokens: int = 16384,
        **rest: Any,
    ) -> None:
        own: dict[str, Any] = {
            "epochs": epochs, "patience": patience, "rate": rate, "average": average, "tokens": tokens,
        }  # fmt: skip
        for name in rest:
            if name not in REST:
                raise ConfigError(
                    "'growth' must have an option by that name",
                    found=f"'{name}'",
                    remedy=near(name, ["needs_spread", *own, *REST]),
                )
        if not needs_spread > 0:
            raise ConfigError(
                "'needs_spread' of 'growth' is above 0", found=f"{needs_spread!r}", remedy="needs_spread: 1.0"
            )
        super().__init__(**own, **ABSENT, **rest)
        self.needs_spread = needs_spread
        kept = {name: value for name, value in self.options.items() if name not in ABSENT}
        self.options = {"needs_spread": needs_spread, **kept}
        self._pairs = np.zeros((3, 0))

    def build(self) -> GrowthNet:
        """The network."""
        pairs, share = torch.from_numpy(self._pairs[:2]).long(), torch.from_numpy(self._pairs[2]).float()
        return GrowthNet(len(self.codes.questions), len(self.codes.concepts), pairs, share)

    def _prepare(self, train: AnswerLog) -> None:
        super()._prepare(train)
        lines, coded = Lines.of_concepts(train, self.codes(train)), self.codes(train)
        asked = coded.question[lines.step]
        wide = len(self.codes.questions) + 1
        pair, count = np.unique((lines.name * wide + asked)[asked > 0], return_counts=True)
        concept, question = np.divmod(pair, wide)
        total = np.bincount(concept, count, minlength=len(self.codes.concepts) + 1)
        self._pairs = np.stack([concept, question, count / total[concept]]).astype(np.float64)

    def prior(self) -> GrowthPrior:
        """Of needs and difficulties."""
        return GrowthPrior(self.needs_spread)

    @property
    def needs(self) -> NDArray[np.float64]:
        """How much the growth of the row's concept owes to mastery of the column's, [C, C], log per unit."""
        assert isinstance(self.net, GrowthNet)
        return self.net.needs.detach().cpu().double().numpy()

    def pool(self, students: int) -> GrowthPool:
        """Students followed together.

        :param students: how many, all new.
        """
        assert isinstance(self.net, GrowthNet)
        return GrowthPool(self.net.cpu(), self._calibrator, students)

    def _ask(self, log: AnswerLog, probes: Probes) -> NDArray[np.float64]:
        pool = followed(self, log)
        assert isinstance(pool, GrowthPool)
        pool.calibrator = Calibrator()
        coded = self.codes(as_log(log, probes))
        students = np.repeat(np.arange(len(log), dtype=np.int64), len(probes))
        question = np.tile(coded.question, len(log))
        concepts = np.tile(coded.table[coded.sets], (len(log), 1))
        return pool.forecast(students, question, concepts).reshape(len(log), len(probes))

    def _state(self) -> dict[str, Any]:
        return super()._state() | {"pairs": self._pairs}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._pairs = np.asarray(state["pairs"], dtype=np.float64)
        super()._restore(state)
