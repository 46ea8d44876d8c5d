"""Which gates are more than chance: a permutation within students, and a bound on false edges."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.families.tracing.graph.gates import Gate
from umbel.seeding import numpy_generator
from umbel.sharing.options import whole

__all__ = ["Significance", "contrasts", "exchanged", "false_discovery", "significance"]

Floats = NDArray[np.float64]

PICKS = 2_000_000
"""Numbers that are drawn at a time."""
ENOUGH = 10
"""Draws above the strongest pair of a concept after which no more are made (Besag & Clifford 1991)."""
FINE, MOST_DRAWS = 20, 100_000
"""Draws per pair that are made at most where the strongest pair is hardly reached, and draws in all."""


@dataclass(frozen=True)
class Significance:
    """Each pair of concepts with its evidence.

    :param effect: [C, C], of the column's concept on the row's gain: how much more often answers are right
        for one more spread of gated practice, beyond the average of the other concepts; NaN: not tested.
    :param z: [C, C], the same in its standard errors.
    :param p: [C, C], share of permuted students with as much evidence; 1 where not tested.
    :param q: [C, C], the least share of false edges at which the pair is an edge.
    """

    effect: Floats
    z: Floats
    p: Floats
    q: Floats


def significance(found: Iterable[Gate], count: int, *, draws: int = 2000, seed: int = 0) -> Significance:
    """Test every pair of concepts.

    The more pairs there are, the less a p value must be to count, and the more draws it takes to be so sure:
    while fewer than ten draws reach the strongest pair of a concept, more are made, up to 20 for each pair of
    the graph, 100,000 at most.

    :param found: evidence of the gates, concept by concept.
    :param count: C.
    :param draws: permutations of each concept's students that are made at a time.
    :param seed: of the permutations.
    :raises ConfigError: no permutation.
    """
    whole("concept_graph", "draws", draws, least=1)
    effect, z = np.full((2, count, count), np.nan)
    p = np.ones((count, count))
    for gate in found:
        rest = contrasts(gate.scores, gate.met)
        usable = np.flatnonzero((rest**2).sum(axis=0) > 0)
        if not len(usable):
            continue
        z[gate.concept, usable] = _studentised(rest[:, usable])
        effect[gate.concept, usable] = rest[:, usable].sum(axis=0) / gate.answers
        null = exchanged(rest, gate.met, draws=draws, seed=seed, name=f"{gate.concept} 0")
        most, part = min(MOST_DRAWS, FINE * count * (count - 1)), 0
        while (null >= z[gate.concept, usable].max()).sum() < ENOUGH and len(null) < most:
            part += 1
            more = exchanged(rest, gate.met, draws=draws, seed=seed, name=f"{gate.concept} {part}")
            null = np.concatenate([null, more])
        above = len(null) - np.searchsorted(np.sort(null), z[gate.concept, usable])
        p[gate.concept, usable] = (1 + above) / (1 + len(null))
    q = np.ones_like(p)
    told = np.isfinite(z)
    q[told] = false_discovery(p[told])
    return Significance(effect, z, p, q)


def contrasts(scores: Floats, met: NDArray[np.bool_]) -> Floats:
    """Scores of each student less their mean over the concepts the student has met, [S, C].

    What all of a student's scores share (being able, learning fast, a good day) is gone; a student who has
    met fewer than two others says nothing.
    """
    number = met.sum(axis=1, keepdims=True)
    mean = (scores * met).sum(axis=1, keepdims=True) / np.maximum(number, 1)
    return np.where(met & (number > 1), scores - mean, 0.0)


def exchanged(rest: Floats, met: NDArray[np.bool_], *, draws: int, seed: int = 0, name: str = "") -> Floats:
    """The studentised sum of one concept when it is nothing but one of the student's concepts, [draws].

    No edge to i means that no other concept is special: which of a student's scores belongs to which concept
    is then exchangeable *within* the student, and only there (between students ability would be exchanged,
    too; an order of steps could not be exchanged, as learning goes on). So each student's score on a concept
    is replaced by that of one of the concepts the student has met, drawn evenly and for each student apart:
    what a permutation of the student's concepts does to any one of them. All concepts of i have this same
    distribution, which is the reason to draw it once. Sums are studentised, so that unequal spreads of the
    concepts do not make edges (Janssen 1997; Chung & Romano 2013).

    :param rest: contrasts, [S, C].
    :param met: what each student has met, [S, C].
    :param draws: how many.
    :param seed, name: of the chance.

    >>> rest = np.array([[1.0, -1.0], [2.0, -2.0]])
    >>> np.unique(exchanged(rest, rest != 0, draws=50)).round(2).tolist()
    [-1.34, -0.45, 0.45, 1.34]
    """
    number = met.sum(axis=1)
    rest, met, number = rest[number > 1], met[number > 1], number[number > 1]
    packed = np.take_along_axis(rest, np.argsort(~met, axis=1, kind="stable"), axis=1)
    chance = numpy_generator(seed, "exchanged", name)
    each = np.arange(len(rest))
    found = []
    at_once = max(1, PICKS // max(1, len(rest)))
    for begin in range(0, draws, at_once):
        pick = (chance.random((min(at_once, draws - begin), len(rest))) * number).astype(np.int64)
        found.append(_studentised(packed[each, pick].T))
    return np.concatenate(found)


def false_discovery(p: Floats) -> Floats:
    """The q value of each p value: the least share of false discoveries at which it is one.

    :param p: p values of independent or positively dependent tests, [M].
    :returns: [M], in [0, 1].

    Source: Benjamini & Hochberg 1995.

    >>> false_discovery(np.array([0.01, 0.5, 0.02])).round(3).tolist()
    [0.03, 0.5, 0.03]
    """
    order = np.argsort(p)
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    found = np.empty(len(p))
    found[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return found


def _studentised(columns: Floats) -> Floats:
    """Sum of each column over the root of its sum of squares, [K]; 0 where there is nothing."""
    size = np.sqrt((columns**2).sum(axis=0))
    return np.asarray(columns.sum(axis=0) / np.where(size > 0, size, 1.0), dtype=np.float64)
