"""Item response theory, answer by answer: questions of fitted difficulty, students of unknown ability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit, log_expit, softmax

from umbel.errors import ConfigError, near
from umbel.families.tracing.model.asking import as_log
from umbel.families.tracing.model.irt_marginal import Form, Grid, ItemAnswers, ItemModel, fit_items
from umbel.families.tracing.model.online import Names
from umbel.families.tracing.model.tracer import TRACERS, Tracer
from umbel.families.tracing.source.codes import Coded, Codes
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.probes import Probes
from umbel.sharing.options import fraction, whole
from umbel.training.checkpoint import Store

__all__ = ["IRT"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MEMORIES = (1.0, 0.99, 0.97, 0.94, 0.9)
"""Weights of the past per answer that are tried where none is given."""


@TRACERS.register(
    "irt", source="Rasch 1960; Birnbaum 1968; Bock & Aitkin 1981; in time: Ekanadham & Karklin 2015"
)
class IRT(Tracer):
    """Item response theory with one (Rasch) or two parameters per item, abilities followed over time.

    The logit of a right answer is slope x ability + easiness. Easiness, and in the form ``2pl`` the log
    slope, is the sum of a part of the item's concepts (their mean) and a part of its own, so a question never
    seen is as hard as its concepts are. Items are the most probable ones with all abilities integrated out; a
    student's ability has the prior N(0, 1) and a posterior on a grid, which each answer multiplies by its
    likelihood.

    :param form: ``1pl`` or ``2pl``.
    :param memory: weight that an answer's log likelihood keeps with each later answer, (0, 1]; 1 is the
        theory's constant ability, less follows a student who changes. None: chosen on validation students.
    :param item_spread: standard deviation of a question's own easiness, above 0.
    :param concept_spread: of a concept's easiness.
    :param slope_spread: of the log slopes, of the form ``2pl``.
    :param points: of the grid of abilities, 11 or more.
    """

    name: ClassVar[str] = "irt"

    def __init__(
        self,
        *,
        form: Form = "1pl",
        memory: float | None = None,
        item_spread: float = 1.0,
        concept_spread: float = 1.0,
        slope_spread: float = 0.3,
        points: int = 61,
        **rest: Any,
    ) -> None:
        if form not in get_args(Form):
            raise ConfigError(
                "a form must be one there is", found=f"'{form}'", remedy=near(form, get_args(Form))
            )
        self.spreads = {
            "item_spread": item_spread,
            "concept_spread": concept_spread,
            "slope_spread": slope_spread,
        }
        for option, value in self.spreads.items():
            if not value > 0:
                raise ConfigError(
                    f"'{option}' of 'irt' is above 0", found=f"{value!r}", remedy=f"{option}: 1.0"
                )
        if memory is not None and fraction(self.name, "memory", memory) == 0:
            raise ConfigError("'memory' of 'irt' is in (0, 1]", found="0", remedy="memory: 1.0")
        self.form, self.memory = form, memory
        self.grid = Grid(whole(self.name, "points", points, least=11))
        own: dict[str, Any] = {"form": form, "memory": memory, "points": points, **self.spreads}
        super().__init__(**own, **rest)
        self._hold(Codes((), ()), np.zeros(1), np.zeros(1), 1.0)

    @property
    def parameters(self) -> int:
        """An easiness, and in the form ``2pl`` a slope, of each question, each concept, and all."""
        return len(self._u) + len(self._v)

    # ---- items ----

    def _items(self, coded: Coded) -> tuple[Ints, sparse.csr_array]:
        """Number of each step's pair of question and set, [N], and the columns of the pairs, [I, W]."""
        wide = max(1, len(coded.concept_sets))
        pairs, item = np.unique(coded.question * wide + coded.sets, return_inverse=True)
        question, places = np.divmod(pairs, wide)
        row, concept = coded.concept_sets.spread(places)
        share = 1.0 / np.maximum(coded.concept_sets.sizes[places], 1)[row]
        own = np.flatnonzero(question > 0)
        rows = np.concatenate([np.arange(len(pairs)), row, own])
        columns = np.concatenate([np.zeros_like(pairs), concept, len(self.codes.concepts) + question[own]])
        values = np.concatenate([np.ones(len(pairs)), share, np.ones(len(own))])
        return item.astype(np.int64), sparse.csr_array((values, (rows, columns)), (len(pairs), len(self._u)))

    def _model(self) -> ItemModel:
        item, concept, slope = self.spreads.values()
        sizes = [1, len(self.codes.concepts), len(self.codes.questions)]
        ease = np.repeat([10.0, concept, item], sizes)
        steep = np.repeat([1.0, slope, slope], sizes) if self.form == "2pl" else np.ones(1)
        return ItemModel(self.form, ease, steep)

    def _fit(self, train: AnswerLog, valid: AnswerLog, show: bool | None, store: Store | None) -> None:
        codes = Codes.of(train)
        wide = 1 + len(codes.concepts) + len(codes.questions)
        self._hold(codes, np.zeros(wide), np.zeros(wide if self.form == "2pl" else 1), 1.0)
        item, X = self._items(codes(train))
        answers = ItemAnswers.of(item, train.student, train.correct, X.shape[0])
        u, v, value = fit_items(self._model(), X, answers, self.grid)
        self._hold(codes, u, v, 1.0)
        losses: dict[float, float] = {}
        for memory in MEMORIES if self.memory is None else (self.memory,):
            self._weight = memory
            p = np.clip(self._predict(valid), 1e-6, 1 - 1e-6)
            losses[memory] = -float((valid.correct * np.log(p) + (1 - valid.correct) * np.log1p(-p)).mean())
        self._weight = min(losses, key=lambda memory: losses[memory])
        self.notes |= {
            "memory": self._weight,
            "tried": {str(memory): loss for memory, loss in losses.items()},
            "value": value,
        }

    def _hold(self, codes: Codes, u: Floats, v: Floats, weight: float) -> None:
        self.codes, self.names, self._u, self._v, self._weight = codes, Names(codes), u, v, weight
        self._ability, self._prior = self.grid.ability, self.grid.log_weight

    # ---- forecasts ----

    def _predict(self, log: AnswerLog) -> Floats:
        return self._followed(log)[0]

    def _followed(self, log: AnswerLog) -> tuple[Floats, Floats]:
        """Forecasts of all steps, [N], and what each student's answers say of the abilities, [S, G]."""
        item, X = self._items(self.codes(log))
        slope, ease = self._model().items(X, self._u, self._v)
        found = np.empty(log.steps)
        evidence = np.zeros((len(log), len(self._ability)))
        order = np.argsort(-log.lengths, kind="stable")  # students who go on stand first
        counts = np.searchsorted(
            -log.lengths[order], -np.arange(int(log.lengths.max(initial=0))), side="left"
        )
        starts = log.offsets[:-1][order]
        for place, count in enumerate(counts):
            step = starts[:count] + place
            logit = slope[item[step], None] * self._ability + ease[item[step], None]
            now = evidence[:count]
            found[step] = self._mean(now, logit)
            now *= self._weight
            now += log.correct[step, None] * logit + log_expit(-logit)
        back = np.empty_like(evidence)
        back[order] = evidence
        return found, back

    def _mean(self, evidence: Floats, logit: Floats) -> Floats:
        """Probability of a right answer, over the posterior of the ability; [..., G] each to [...]."""
        return np.asarray((softmax(evidence + self._prior, axis=-1) * expit(logit)).sum(axis=-1))

    def _ask(self, log: AnswerLog, probes: Probes) -> Floats:
        question = as_log(log, probes)
        item, X = self._items(self.codes(question))
        slope, ease = self._model().items(X, self._u, self._v)
        logit = (slope[:, None] * self._ability + ease[:, None])[item]
        posterior = softmax(self._followed(log)[1] + self._prior, axis=-1)
        return np.asarray(posterior @ expit(logit).T, dtype=np.float64)

    # ---- in service ----

    def begin(self) -> dict[str, Any]:
        """No answer yet: nothing is said of any ability."""
        return {"evidence": [0.0] * len(self._ability)}

    def update(
        self, state: dict[str, Any], question: str | None, concepts: Sequence[str], correct: float
    ) -> dict[str, Any]:
        """The evidence after one more answer."""
        logit = self._logit(question, concepts)
        evidence = self._weight * np.array(state["evidence"]) + correct * logit + log_expit(-logit)
        state["evidence"] = evidence.tolist()
        return state

    def forecast(self, state: Mapping[str, Any], question: str | None, concepts: Sequence[str]) -> float:
        """Calibrated probability of a right answer."""
        said = self._mean(np.array(state["evidence"]), self._logit(question, concepts))
        return float(self._calibrator(said.reshape(1))[0])

    def _logit(self, question: str | None, concepts: Sequence[str]) -> Floats:
        """Logit of a right answer at each point of the grid, [G]."""
        own, known = self.names.question(question), self.names.known(concepts)

        def of(values: Floats) -> float:
            shared = float(values[0]) + (float(values[known].mean()) if known else 0.0)
            return shared + (float(values[len(self.codes.concepts) + own]) if own else 0.0)

        slope = np.exp(of(self._v) if self.form == "2pl" else self._v[0])
        return np.asarray(slope * self._ability + of(self._u), dtype=np.float64)

    # ---- saved ----

    def _state(self) -> dict[str, Any]:
        return {"codes": self.codes.state, "u": self._u, "v": self._v, "memory": self._weight}

    def _restore(self, state: Mapping[str, Any]) -> None:
        u, v = (np.asarray(state[name], dtype=np.float64) for name in ("u", "v"))
        self._hold(Codes.from_state(state["codes"]), u, v, float(state["memory"]))
