"""The face of the family: a model of knowledge from any answers, saved, loaded, and followed in service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel._version import __version__
from umbel.errors import ConfigError, ModelFileError
from umbel.families.tracing.graph.concept_graph import concept_graph
from umbel.families.tracing.graph.graph import ConceptGraph
from umbel.families.tracing.judge.scores import score_rows
from umbel.families.tracing.mastery import At, Mastery, mastery
from umbel.families.tracing.mastery_members import ensemble
from umbel.families.tracing.model.online import Online
from umbel.families.tracing.model.tracer import TRACERS, Tracer
from umbel.families.tracing.recommend.recommend import recommend
from umbel.families.tracing.source.audit import audit_log, refuse_leaks
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.read import read_log
from umbel.families.tracing.source.split import split_students
from umbel.sharing.options import whole
from umbel.training.checkpoint import Store
from umbel.training.saving import read_model, write_model

__all__ = ["KnowledgeTracer", "log_of"]

FAMILY = "tracing"


def log_of(answers: Any, **reading: Any) -> AnswerLog:
    """An answer log from whatever holds one: itself, a table, a path, or a list of paths.

    :param reading: options of :func:`~umbel.families.tracing.source.read.read_log`.
    """
    return answers if isinstance(answers, AnswerLog) else read_log(answers, **reading).log


class KnowledgeTracer:
    """What students know, from their answers.

    :param model: a name of ``umbel methods tracer``.
    :param members: further models of the same kind on bootstrap samples of the students: how much they differ
        is part of the intervals of mastery; 0 for none, else 2 or more.
    :param seed: of the split and of the model.
    :param reading: options of :func:`~umbel.families.tracing.source.read.read_log` for answers that are not
        an :class:`~umbel.families.tracing.source.log.AnswerLog` (names of columns, a separator).
    :param options: of the model.
    :raises ConfigError: no such model, or a value an option cannot have.

    >>> from umbel.families.tracing.source.simulate import simulate
    >>> log = simulate("chain", students=80, concepts=3, questions=4, steps=15).log
    >>> tracer = KnowledgeTracer("irt").fit(log)
    >>> tracer.predict(log).shape == (log.steps,)
    True
    >>> state = tracer.update(tracer.begin(), log.questions[0], [log.concepts[0]], 1.0)
    >>> 0 < tracer.forecast(state, log.questions[1], [log.concepts[0]]) < 1
    True
    """

    def __init__(
        self,
        model: str = "rasch_lstm",
        *,
        members: int = 0,
        seed: int = 0,
        reading: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.seed, self.reading = seed, dict(reading or {})
        self.count = whole("KnowledgeTracer", "members", members, least=0)
        self.members_: list[Tracer] = []
        self.tracer_: Tracer = TRACERS.get(model)(seed=seed, **options)

    def fit(
        self,
        answers: Any,
        valid: Any = None,
        *,
        share: float = 0.2,
        show: bool | None = None,
        checkpoint: str | Path | None = None,
    ) -> KnowledgeTracer:
        """Fit on answers; a share of the students (or ``valid``) stops, chooses and calibrates.

        :param answers: see :func:`log_of`.
        :param valid: answers of other students.
        :param share: of the students for validation, where none are given.
        :param show: whether progress is shown; None where standard error is a terminal.
        :param checkpoint: a folder that a fit goes on from after a kill.
        :raises LeakError: a question's concepts stand in several steps, or a student on both sides.
        """
        train = log_of(answers, **self.reading)
        if valid is None:
            train, check, _ = split_students(train, (1 - share, share, 0.0), seed=self.seed)
        else:
            check = log_of(valid, **self.reading)
        refuse_leaks(audit_log(train=train, valid=check))
        store = None if checkpoint is None else Store(Path(checkpoint))
        self.tracer_.fit(train, check, show=show, store=store)
        self.fit_members(train, check)
        return self

    def fit_members(self, train: AnswerLog, valid: AnswerLog) -> None:
        """Fit the further models that the intervals of mastery rest on, where there are any."""
        if self.count:
            self.members_ = ensemble(self._like, train, valid, members=self.count, seed=self.seed)

    def _like(self, seed: int) -> Tracer:
        return TRACERS.get(self.tracer_.name)(**{**self.tracer_.options, "seed": seed})

    def predict(self, answers: Any) -> NDArray[np.float64]:
        """Probability that each answer is right, stated before it is given, [N] in the log's order."""
        return self.tracer_.predict(log_of(answers, **self.reading))

    def evaluate(self, answers: Any, **others: Tracer) -> pd.DataFrame:
        """Scores on answers of students the model has not seen, with intervals over students.

        :param others: fitted models to stand beside; gains are measured against the last of them.
        """
        log = log_of(answers, **self.reading)
        refuse_leaks(audit_log(log))
        models = {self.tracer_.name: self.tracer_, **others}
        return pd.DataFrame(score_rows(log, {name: one.predict(log) for name, one in models.items()}))

    # ---- what students know, and what they need ----

    def mastery(
        self,
        answers: Any,
        *,
        at: At = "end",
        concepts: Sequence[str] | None = None,
        level: float = 0.9,
    ) -> Mastery:
        """Mastery by student, time and concept; see :func:`~umbel.families.tracing.mastery.mastery`."""
        log = log_of(answers, **self.reading)
        models = [self.tracer_, *self.members_]
        return mastery(models, log, at=at, concepts=concepts, level=level)

    def graph(self, answers: Any, *, level: float = 0.05, **options: Any) -> ConceptGraph:
        """What is needed for what; see :func:`~umbel.families.tracing.graph.concept_graph.concept_graph`."""
        return concept_graph(self.tracer_, log_of(answers, **self.reading), level=level, **options)

    def recommend(self, answers: Any, *, graph: ConceptGraph | None = None, **options: Any) -> pd.DataFrame:
        """What each student should practise next; see
        :func:`~umbel.families.tracing.recommend.recommend.recommend`.

        :param graph: prerequisites; a concept it does not have needs nothing.
        """
        log = log_of(answers, **self.reading)
        needs = None if graph is None else _needs(graph, log)
        return recommend(self.tracer_, log, graph=needs, **options)

    # ---- in service ----

    def _online(self) -> Online:
        if not isinstance(self.tracer_, Online):
            able = [entry.name for entry in TRACERS if hasattr(entry.item, "begin")]
            raise ConfigError(
                "a model that follows students answer by answer has begin, update and forecast",
                found=f"'{self.tracer_.name}' has not",
                remedy=f"one of {', '.join(able)}",
            )
        return self.tracer_

    def begin(self) -> dict[str, Any]:
        """The state of a student of whom nothing is known."""
        return self._online().begin()

    def update(
        self, state: dict[str, Any], question: str | None, concepts: Sequence[str], correct: float
    ) -> dict[str, Any]:
        """The state after one more answer, in constant time; it is changed in place."""
        return self._online().update(state, question, concepts, correct)

    def forecast(self, state: Mapping[str, Any], question: str | None, concepts: Sequence[str]) -> float:
        """Probability that the student would answer this question right now."""
        return self._online().forecast(state, question, concepts)

    # ---- saved ----

    def save(self, folder: str | Path, *, card: str = "") -> None:
        """Write the model folder, whole or not at all.

        :param card: the model card in Markdown.
        """
        state = {
            "family": FAMILY,
            "seed": self.seed,
            "reading": self.reading,
            "model": self.tracer_.state,
            "members": [one.state for one in self.members_],
        }
        write_model(Path(folder), state, version=__version__, card=card)

    @staticmethod
    def load(folder: str | Path) -> KnowledgeTracer:
        """The model that :meth:`save` wrote. Loading runs no code of the file.

        :raises ModelFileError: the folder holds no model, or one of another family.
        """
        state = read_model(Path(folder))
        if state.get("family") != FAMILY:
            raise ModelFileError(
                "a model of knowledge is read by the commands of `umbel tracing`",
                found=f"'{folder}' holds a model of another family",
                remedy="use `umbel predict` and `umbel evaluate` for models of tables",
            )
        found = KnowledgeTracer("running_rate", seed=int(state["seed"]), reading=state["reading"])
        found.tracer_ = Tracer.from_state(state["model"])
        found.members_ = [Tracer.from_state(one) for one in state["members"]]
        found.count = len(found.members_)
        return found


def _needs(graph: ConceptGraph, log: AnswerLog) -> NDArray[np.bool_]:
    """The graph among the log's concepts, in their order."""
    place = {name: i for i, name in enumerate(graph.concepts)}
    own = np.array([place.get(name, -1) for name in log.concepts])
    found: NDArray[np.bool_] = graph.needs()[np.ix_(own, own)]
    found[own < 0] = False
    found[:, own < 0] = False
    return found
