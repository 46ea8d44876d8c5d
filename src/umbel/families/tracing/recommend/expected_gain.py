"""What practising each concept is expected to add to a student's mean mastery, by a model's own forecasts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from umbel.families.tracing.model.pool import Pool
from umbel.sharing.options import whole

__all__ = ["Offers", "expected_gain", "gain_ahead"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Offers = Callable[[Floats], NDArray[np.bool_]]
"""Mastery [S, C] to the concepts that may be practised, [S, C]; at least one of each student."""

MOST_STATES = 200_000
"""Copies of students that are held at a time."""


def expected_gain(pool: Pool, concepts: int, *, horizon: int = 1, offers: Offers | None = None) -> Floats:
    """Expected gain in mean mastery after ``horizon`` exercises, by the concept of the first, [S, C].

    Both outcomes of every exercise are followed, weighted by the model's forecast; from the second exercise
    on the concept is the one that is then the best (expectimax)::

        value(s, 0) = mean mastery of s
        value(s, h) = max over c of  gain(s, c, h)
        gain(s, c, h) = p value(s + right, h - 1) + (1 - p) value(s + wrong, h - 1)

    It holds (2 C)^horizon states of each student: for horizons of 1 (the greedy form) to 3.

    :param pool: students as they are now; they stay so.
    :param concepts: C, how many the model knows.
    :param horizon: exercises, 1 or more.
    :param offers: which concepts may be practised after the first; None for all.
    :returns: gains over the mean mastery of now; below 0 where forgetting wins.
    """
    whole("expected_gain", "horizon", horizon, least=1)
    each = max(1, MOST_STATES // (2 * concepts) ** horizon)
    found = np.empty((len(pool), concepts))
    for start in range(0, len(pool), each):
        some = np.arange(start, min(start + each, len(pool)), dtype=np.int64)
        found[some] = _values(pool.take(some), concepts, horizon, offers)
    return np.asarray(found - pool.mastery(concepts).mean(axis=1, keepdims=True))


def _values(pool: Pool, concepts: int, horizon: int, offers: Offers | None) -> Floats:
    """Expected mean mastery at the horizon by the first concept, [S, C]."""
    who, what, none = _each(len(pool), concepts)
    right = pool.forecast(who, none, what)
    branches = pool.take(np.tile(who, 2))
    everyone = np.arange(len(branches), dtype=np.int64)
    outcome = np.repeat([1.0, 0.0], len(who))
    branches.update(everyone, np.tile(none, 2), np.tile(what, (2, 1)), outcome)
    mastery = branches.mastery(concepts)
    if horizon == 1:
        value = mastery.mean(axis=1)
    else:
        later = _values(branches, concepts, horizon - 1, offers)
        value = _allowed(later, mastery, offers).max(axis=1)
    gained: Floats = right * value[: len(who)] + (1 - right) * value[len(who) :]
    return gained.reshape(len(pool), concepts)


def gain_ahead(pool: Pool, concepts: int, *, horizon: int = 10, offers: Offers | None = None) -> Floats:
    """Gain in mean mastery over the next ``horizon`` exercises, by the concept of the first, [S, C].

    After the first exercise the greedy choice goes on, and each answer is its own expectation (an answer of
    p, where the model forecasts p: it tells the model nothing new, and what remains is practice). The gain is
    the mean over all moments up to the horizon: a student may stop at any of them, and of two plans that end
    alike the one that is earlier there is better. What an exercise opens (a concept that needed this one)
    counts, and C^2 states of each student are held, however far the horizon.

    :param pool: students as they are now; they stay so.
    :param concepts: C, how many the model knows.
    :param horizon: exercises, 1 or more.
    :param offers: which concepts may be practised after the first; None for all.

    Source: rollouts of a base policy, Tesauro & Galperin 1996; Bertsekas, Tsitsiklis & Wu 1997.
    """
    whole("gain_ahead", "horizon", horizon, least=1)
    each = max(1, MOST_STATES // concepts**2)
    found = np.empty((len(pool), concepts))
    for start in range(0, len(pool), each):
        some = np.arange(start, min(start + each, len(pool)), dtype=np.int64)
        found[some] = _rolled(pool.take(some), concepts, horizon, offers)
    return np.asarray(found - pool.mastery(concepts).mean(axis=1, keepdims=True))


def _rolled(pool: Pool, concepts: int, horizon: int, offers: Offers | None) -> Floats:
    """Mean over the horizon of the mean mastery, [S, C]."""
    now = _practised(pool, concepts)
    mastery = now.mastery(concepts)
    total = mastery.mean(axis=1)
    rows = np.arange(len(now), dtype=np.int64)
    for _ in range(horizon - 1):
        after = _practised(now, concepts)
        next_mastery = after.mastery(concepts)
        value = next_mastery.mean(axis=1).reshape(len(now), concepts)
        chosen = rows * concepts + _allowed(value, mastery, offers).argmax(axis=1)
        now, mastery = after.take(chosen), next_mastery[chosen]
        total += mastery.mean(axis=1)
    mean: Floats = (total / horizon).reshape(len(pool), concepts)
    return mean


def _practised(pool: Pool, concepts: int) -> Pool:
    """Each student C times, after an exercise of each concept whose answer was its expectation."""
    who, what, none = _each(len(pool), concepts)
    copies = pool.take(who)
    copies.update(np.arange(len(who), dtype=np.int64), none, what, pool.forecast(who, none, what))
    return copies


def _each(students: int, concepts: int) -> tuple[Ints, Ints, Ints]:
    """Students and concepts of all pairs, and questions of average difficulty, [S C], [S C, 1], [S C]."""
    who = np.repeat(np.arange(students, dtype=np.int64), concepts)
    what = np.tile(np.arange(1, concepts + 1, dtype=np.int64), students)[:, None]
    return who, what, np.zeros(len(who), dtype=np.int64)


def _allowed(values: Floats, mastery: Floats, offers: Offers | None) -> Floats:
    return values if offers is None else np.where(offers(mastery), values, -np.inf)
