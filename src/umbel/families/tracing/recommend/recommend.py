"""What each student should practise next: concept, question, what it is expected to add."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.errors import ConfigError, DataError, ShapeError
from umbel.families.tracing.model.following import Pooled, followed
from umbel.families.tracing.model.pool import Pool
from umbel.families.tracing.recommend.expected_gain import expected_gain, gain_ahead
from umbel.families.tracing.recommend.prerequisites import Prerequisites
from umbel.families.tracing.source.log import AnswerLog, Concepts
from umbel.sharing.options import whole

__all__ = ["question_bank", "recommend"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def question_bank(log: AnswerLog) -> dict[str, tuple[str, ...]]:
    """The concepts of each named question of a log, as they were when it was put last.

    >>> from umbel.families.tracing.source.simulate import simulate
    >>> bank = question_bank(simulate(students=5, concepts=2, questions=3).log)
    >>> len(bank), bank["question 2.1"]
    (6, ('concept 2',))
    """
    named = np.flatnonzero(log.question >= 0)
    sets = dict(zip(log.question[named].tolist(), log.sets[named].tolist(), strict=True))
    return {
        log.questions[question]: tuple(log.concepts[c] for c in log.concept_sets[place])
        for question, place in sorted(sets.items())
    }


def recommend(
    tracer: object,
    log: AnswerLog,
    *,
    exercises: int = 1,
    horizon: int = 10,
    graph: Bools | None = None,
    mastered: float = 0.7,
    questions: Mapping[str, Collection[str]] | None = None,
    aim: float = 0.7,
) -> pd.DataFrame:
    """The next exercises of each student.

    The concept is the one of the largest expected gain in mean mastery over all concepts (see
    :mod:`~umbel.families.tracing.recommend.expected_gain`); which question of it is a matter of the student's
    comfort, not of the gain: of those not yet answered, the one whose forecast is nearest to ``aim``. For a
    second exercise and further ones, the answers before it are taken as forecast: after real ones, ask again.

    :param tracer: a fitted model that follows students in a pool: ``growth`` (made for it), ``rasch_lstm``.
    :param log: answers so far.
    :param exercises: of each student, 1 or more.
    :param horizon: exercises that the gain looks ahead, 1 or more; 1 is the greedy form, with both outcomes
        of the answer.
    :param graph: [C, C] bool in the order of ``log.concepts``, true where the concept of the row needs the
        concept of the column; a concept is offered when those it needs are mastered.
    :param mastered: mastery from which a concept counts as known, (0, 1).
    :param questions: concepts by question (see :func:`question_bank`); None for those of the log.
    :param aim: wanted probability of a right answer, (0, 1).
    :returns: student, exercise (from 1), concept, mastery (stated of it now), question (None where there is
        none for the concept), forecast, gain (mean mastery over the horizon less mean mastery now).
    :raises ConfigError: the model follows no pool, or an option has a value it cannot have.
    :raises DataError: a graph that leads in a circle, or by way of a concept that training never met.
    """
    if not isinstance(tracer, Pooled):
        raise ConfigError(
            "recommendations are made by a model that follows students in a pool",
            found=f"'{getattr(tracer, 'name', type(tracer).__name__)}'",
            remedy="the growth model, or rasch_lstm",
        )
    whole("recommend", "exercises", exercises, least=1)
    whole("recommend", "horizon", horizon, least=1)
    if not 0 < aim < 1:
        raise ConfigError("'aim' of a recommendation is in (0, 1)", found=repr(aim), remedy="aim: 0.7")
    known = tracer.codes.concepts
    offers = None if graph is None else Prerequisites(_among(graph, log, known), mastered=mastered)
    bank = _Bank(tracer, log, question_bank(log) if questions is None else questions)
    pool = followed(tracer, log)
    everyone, rows = np.arange(len(log), dtype=np.int64), []
    for exercise in range(exercises):
        mastery = pool.mastery(len(known))
        look = expected_gain if horizon == 1 else gain_ahead
        gain = look(pool, len(known), horizon=horizon, offers=offers)
        allowed = gain if offers is None else np.where(offers(mastery), gain, -np.inf)
        picked = allowed.argmax(axis=1)
        asked, forecast = bank.pick(pool, picked, mastery[everyone, picked], aim)
        pool.update(everyone, bank.number[asked], bank.sets(asked, picked), forecast)
        rows.append(
            pd.DataFrame(
                {
                    "student": log.students,
                    "exercise": exercise + 1,
                    "concept": [known[c] for c in picked],
                    "mastery": mastery[everyone, picked],
                    "question": [bank.names[q] for q in asked],
                    "forecast": forecast,
                    "gain": gain[everyone, picked],
                }
            )
        )
    found = pd.concat(rows, ignore_index=True)
    order = np.lexsort((found["exercise"], np.tile(everyone, exercises)))
    return found.iloc[order].reset_index(drop=True)


class _Bank:
    """Questions that may be put; the last one stands for a concept that has none."""

    def __init__(self, tracer: Pooled, log: AnswerLog, questions: Mapping[str, Collection[str]]) -> None:
        place = {name: i for i, name in enumerate(tracer.codes.concepts)}
        sets = [[place[c] for c in concepts if c in place] for concepts in questions.values()]
        number = {name: i + 1 for i, name in enumerate(tracer.codes.questions)}
        self.names: list[str | None] = [*questions, None]
        self.number = np.array([number.get(name, 0) for name in questions] + [0], dtype=np.int64)
        self.table = Concepts.of([*sets, ()]).table(fill=-1) + 1
        self.of = [[q for q, own in enumerate(sets) if c in own] for c in range(len(place))]
        mine = {name: i for i, name in enumerate(questions)}
        column = np.array([*(mine.get(name, len(mine)) for name in log.questions), len(mine)])
        self.answered = np.zeros((len(log), len(self.names)), dtype=np.bool_)
        self.answered[log.student, column[log.question]] = True

    def pick(self, pool: Pool, picked: Ints, mastery: Floats, aim: float) -> tuple[Ints, Floats]:
        """A question of each student's concept and its forecast, [S] each; it counts as answered."""
        asked, forecast = np.full(len(picked), len(self.names) - 1, dtype=np.int64), mastery.copy()
        for c in np.unique(picked):
            mine, own = np.flatnonzero(picked == c), np.array(self.of[c], dtype=np.int64)
            if not len(own):
                continue
            who, what = np.repeat(mine, len(own)), np.tile(own, len(mine))
            right = pool.forecast(who, self.number[what], self.table[what]).reshape(len(mine), len(own))
            best = (self.answered[mine][:, own] + np.abs(right - aim)).argmin(axis=1)
            asked[mine], forecast[mine] = own[best], right[np.arange(len(mine)), best]
        self.answered[np.arange(len(picked)), asked] = True
        return asked, forecast

    def sets(self, asked: Ints, picked: Ints) -> Ints:
        """Concepts of the questions, [S, K]; without a question the picked concept itself."""
        found = self.table[asked]
        bare = asked == len(self.names) - 1
        found[bare, 0] = picked[bare] + 1
        return found


def _among(graph: Bools, log: AnswerLog, known: tuple[str, ...]) -> Bools:
    """The graph of the concepts that the model knows, in its order."""
    graph = np.asarray(graph)
    if graph.shape != (len(log.concepts),) * 2:
        raise ShapeError(
            "a graph of prerequisites has a row and a column for each concept of the log",
            found=f"shape {graph.shape} for {len(log.concepts)} concepts",
            remedy="a bool array [C, C] in the order of log.concepts",
        )
    place = {name: i for i, name in enumerate(log.concepts)}
    here = np.array([place[name] for name in known if name in place], dtype=np.int64)
    if len(here) < len(known):
        raise DataError(
            "a graph speaks of all concepts that the model knows",
            found=f"'{next(name for name in known if name not in place)}' is not in the log",
            remedy="a log that names all concepts of training",
        )
    strange = np.setdiff1d(np.arange(len(place)), here)
    needed = strange[graph[np.ix_(here, strange)].any(axis=0)]
    if len(needed):
        raise DataError(
            "a prerequisite is a concept that training met",
            found=f"'{log.concepts[needed[0]]}' is needed, and was never met",
            remedy="take its column away, or train on a log that has it",
        )
    found: Bools = graph[np.ix_(here, here)]
    return found
