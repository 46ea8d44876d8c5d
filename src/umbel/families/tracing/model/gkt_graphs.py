"""Graphs of concepts along which answers spread: from transitions, dense, or one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from umbel.errors import ConfigError, near
from umbel.families.tracing.source.codes import Codes
from umbel.families.tracing.source.log import AnswerLog

__all__ = ["Form", "Graph", "checked_graph", "dense_graph", "given_graph", "transition_graph"]

Form = Literal["transition", "dense"]
Graph = Form | list[list[str]]


def checked_graph(graph: Any) -> Graph:
    """The option ``graph`` as it is kept.

    :param graph: ``transition``, ``dense``, or pairs of names of concepts.
    :raises ConfigError: it is neither.

    >>> checked_graph([("addition", "fractions")])
    [['addition', 'fractions']]
    """
    if isinstance(graph, str):
        if graph in get_args(Form):
            return graph  # type: ignore[return-value]  # one of the two, as was just asked
        raise ConfigError(
            "a graph must be a form there is, or a list of edges",
            found=f"'{graph}'",
            remedy=near(graph, get_args(Form)),
        )
    edges = list(graph) if isinstance(graph, Sequence) else []
    for edge in edges:
        pair = list(edge) if isinstance(edge, list | tuple) else []
        if len(pair) != 2 or not all(isinstance(name, str) for name in pair):
            raise ConfigError(
                "an edge of 'graph' must be two names of concepts, from and to",
                found=repr(edge),
                remedy="['addition', 'fractions']",
            )
    if not edges:
        raise ConfigError(
            "a graph must be a form there is, or a list of edges",
            found=repr(graph),
            remedy="'transition', 'dense', or [['addition', 'fractions']]",
        )
    return [list(edge) for edge in edges]


def dense_graph(count: int) -> NDArray[np.float32]:
    """Every concept joined to every other, [C, C]: 1 / (C - 1), the diagonal 0.

    :param count: C.

    Source: Nakagawa et al. 2019, the dense graph.
    """
    return _shares(1.0 - np.eye(count))


def transition_graph(log: AnswerLog, codes: Codes) -> NDArray[np.float32]:
    """Which concept is practised right after which, as shares.

    A_ij is the share of the steps from concept i to another that lead to concept j. A step from one set to
    another counts one in all, spread evenly over their pairs.

    :param log: training answers.
    :param codes: the C known concepts.
    :returns: [C, C], rows sum to 1, or to 0 where nothing follows; the diagonal is 0.

    Source: Nakagawa et al. 2019, the transition graph.
    """
    coded = codes(log)
    step, concept = coded.concept_sets.spread(coded.sets)
    share = 1 / np.maximum(coded.concept_sets.sizes[coded.sets], 1)[step]
    member = sparse.csr_matrix((share, (step, concept - 1)), shape=(log.steps, len(codes.concepts)))
    same = np.flatnonzero(log.student[1:] == log.student[:-1])
    counts = (member[same].T @ member[same + 1]).toarray()
    np.fill_diagonal(counts, 0.0)
    return _shares(counts)


def given_graph(edges: Sequence[Sequence[str]], codes: Codes, names: Sequence[str]) -> NDArray[np.float32]:
    """A graph of one's own.

    :param edges: pairs of names, from and to; the same edge twice counts once.
    :param codes: the C known concepts; an edge of a concept that no training answer is about has no effect.
    :param names: all concepts of the training log.
    :returns: [C, C], the edges from a concept share 1 evenly.
    :raises ConfigError: an edge names a concept that the log does not, or leads back to where it starts.
    """
    place = {name: i for i, name in enumerate(codes.concepts)}
    every = set(names)
    counts = np.zeros((len(place), len(place)))
    for first, second in edges:
        for name in (first, second):
            if name not in every:
                raise ConfigError(
                    "an edge of 'graph' must join concepts of the training log",
                    found=f"['{first}', '{second}']",
                    remedy=near(name, names),
                )
        if first == second:
            raise ConfigError(
                "an edge of 'graph' must join two concepts",
                found=f"['{first}', '{second}']",
                remedy="leave it out: a concept's own answers always reach it",
            )
        if first in place and second in place:
            counts[place[first], place[second]] = 1.0
    return _shares(counts)


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float32]:
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)
    return np.asarray(counts / total, dtype=np.float32)
