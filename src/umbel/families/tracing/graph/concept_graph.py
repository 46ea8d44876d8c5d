"""The graph of concepts, found in answers with a model."""

from __future__ import annotations

import numpy as np

from umbel.families.tracing.graph.clusters import clusters
from umbel.families.tracing.graph.direction import clamped_growth
from umbel.families.tracing.graph.edges import chosen_edges
from umbel.families.tracing.graph.gates import gates
from umbel.families.tracing.graph.graph import ConceptGraph
from umbel.families.tracing.graph.influence import influence
from umbel.families.tracing.graph.practice import before_after
from umbel.families.tracing.graph.significance import significance
from umbel.families.tracing.model.tracer import Tracer
from umbel.families.tracing.source.log import AnswerLog
from umbel.sharing.options import fraction

__all__ = ["ConceptGraph", "concept_graph"]


def concept_graph(
    tracer: Tracer,
    log: AnswerLog,
    *,
    level: float = 0.05,
    students: int = 1000,
    horizon: int | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> ConceptGraph:
    """Find the graph of concepts.

    Influence and growth are the model's (:mod:`~umbel.families.tracing.graph.influence`,
    :mod:`~umbel.families.tracing.graph.direction`), edges and their directions come from gates in the data
    (:mod:`~umbel.families.tracing.graph.gates`), tested by permutation within students
    (:mod:`~umbel.families.tracing.graph.significance`), clusters from influence and practice together
    (:mod:`~umbel.families.tracing.graph.clusters`). An edge says that a concept is special among those the
    student has met, so edges are looked for among three concepts or more.

    How often it is right on simulated students (4,000 of 60 answers each) stands in the benchmark
    ``tracing-graph``; a few hundred students show hardly any edge.

    :param tracer: a model fitted on a log with these concepts.
    :param log: all answers there are: the gates do not use the model, so training students may be among them.
    :param level: share of false edges that is accepted, in [0, 1].
    :param students: of whom the model is asked, at most.
    :param horizon: see :func:`~umbel.families.tracing.graph.influence.influence`.
    :param draws: see :func:`~umbel.families.tracing.graph.significance.significance`.
    :param seed: of all that is drawn.
    :raises ConfigError: an option has a value it cannot have.
    :raises DataError: no student has two answers.
    """
    fraction("concept_graph", "level", level)
    moved = influence(tracer, log, students=students, horizon=horizon, seed=seed)
    growth = clamped_growth(tracer, log, students=students, seed=seed)
    found = significance(gates(log), len(log.concepts), draws=draws, seed=seed)
    edges, left = chosen_edges(found, level=level)
    groups = clusters(moved.effect, before_after(log).z, seed=seed)
    return ConceptGraph(
        log.concepts,
        tuple(edges),
        groups,
        influence=moved.effect,
        growth=growth,
        gates=found.z,
        notes={
            "from": "answers",
            "model": tracer.name,
            "students": len(log),
            "steps": log.steps,
            "level": level,
            "pairs tested": int(np.isfinite(found.z).sum()),
            "left out for circles": [[log.concepts[e.source], log.concepts[e.target]] for e in left],
        },
    )
