from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.families.tracing.recommend.gardens import Gardener

from umbel.errors import ConfigError, DataError, ShapeError
from umbel.families.tracing.model.following import followed
from umbel.families.tracing.model.tracer import TRACERS
from umbel.families.tracing.recommend.expected_gain import expected_gain, gain_ahead
from umbel.families.tracing.recommend.recommend import question_bank, recommend
from umbel.families.tracing.source.codes import Codes
from umbel.families.tracing.source.simulate import simulate

LOG = simulate("chain", students=12, concepts=3, questions=4, steps=7, seed=2).log
RATES = np.array([0.05, 0.2, 0.1])


def gardener(needs=None) -> Gardener:
    none = np.zeros((3, 3), dtype=np.bool_)
    return Gardener(Codes.of(LOG), np.array([0.3, 0.4, 0.6]), RATES, none if needs is None else needs)


def test_the_concept_is_the_one_of_the_largest_gain() -> None:
    model = gardener()
    pool = followed(model, LOG)
    for horizon, gain in ((1, expected_gain(pool, 3)), (4, gain_ahead(pool, 3, horizon=4))):
        found = recommend(model, LOG, horizon=horizon)
        assert found["student"].tolist() == list(LOG.students)
        assert found["concept"].tolist() == [f"concept {c + 1}" for c in gain.argmax(axis=1)]
        np.testing.assert_allclose(found["gain"], gain.max(axis=1))
        np.testing.assert_allclose(found["mastery"], pool.level[np.arange(12), gain.argmax(axis=1)])


def test_several_exercises_are_a_plan_in_order() -> None:
    model = gardener()
    found = recommend(model, LOG.take([3, 5]), exercises=3, horizon=1)
    assert found["student"].tolist() == [LOG.students[3]] * 3 + [LOG.students[5]] * 3
    assert found["exercise"].tolist() == [1, 2, 3] * 2
    pool = followed(model, LOG.take([3, 5]))
    for exercise in range(3):
        best = expected_gain(pool, 3).argmax(axis=1)
        rows = found[found["exercise"] == exercise + 1]
        assert rows["concept"].tolist() == [f"concept {c + 1}" for c in best]
        who, what = np.arange(2), best[:, None] + 1
        pool.update(who, np.zeros(2, dtype=np.int64), what, pool.forecast(who, who * 0, what))


def test_questions_not_yet_answered_come_first_and_each_once() -> None:
    found = recommend(gardener(), LOG, exercises=9, questions=question_bank(LOG))
    for name, rows in found.groupby("student"):
        s = LOG.students.index(name)
        done = {LOG.questions[q] for q in LOG.question[LOG.offsets[s] : LOG.offsets[s + 1]]}
        for concept, own in rows.groupby("concept"):
            bank = {q for q, cs in question_bank(LOG).items() if concept in cs}
            fresh = len(bank - done)
            given = own.sort_values("exercise")["question"].tolist()
            assert set(given) <= bank
            assert set(given[:fresh]).isdisjoint(done)
            assert len(set(given[:fresh])) == min(fresh, len(given))


def test_of_fresh_questions_the_forecast_nearest_the_aim_is_taken() -> None:
    made = simulate("none", students=90, concepts=2, questions=5, steps=10, seed=3)
    model = TRACERS.get("rasch_lstm")(epochs=2, width=8, hidden=8, tokens=256)
    model.fit(made.log.take(np.arange(70)), made.log.take(np.arange(70, 90)))
    new, bank = made.log.take(np.arange(6)).first(2), question_bank(made.log)
    for aim in (0.2, 0.9):
        found = recommend(model, new, horizon=2, questions=bank, aim=aim)
        pool, number = followed(model, new), {n: i + 1 for i, n in enumerate(model.codes.questions)}
        for s, row in enumerate(found.itertuples()):
            done = {new.questions[q] for q in new.question[2 * s : 2 * s + 2]}
            fresh = [q for q, cs in bank.items() if row.concept in cs and q not in done]
            what = np.full((len(fresh), 1), model.codes.concepts.index(row.concept) + 1)
            right = pool.forecast(np.full(len(fresh), s), np.array([number[q] for q in fresh]), what)
            best = np.abs(right - aim).argmin()
            assert row.question == fresh[best]
            assert row.forecast == pytest.approx(right[best])


def test_a_concept_without_a_question_is_still_recommended() -> None:
    found = recommend(gardener(), LOG, exercises=2, questions={"question 1.1": ["concept 1"]})
    assert found["question"].isna().any()
    bare = found[found["question"].isna()]
    np.testing.assert_array_equal(bare["forecast"], bare["mastery"])


def test_prerequisites_hold_in_every_exercise() -> None:
    graph = np.zeros((3, 3), dtype=np.bool_)
    graph[1, 0] = graph[2, 1] = True
    model = gardener()
    free = recommend(model, LOG, exercises=3, horizon=2)
    held = recommend(model, LOG, exercises=3, horizon=2, graph=graph, mastered=0.98)
    assert set(free["concept"]) != {"concept 1"}
    assert set(held["concept"]) == {"concept 1"}


def test_a_graph_is_read_in_the_order_of_the_log() -> None:
    turned = replace(LOG, concepts=("concept 3", "concept 1", "concept 2"))  # other names, same numbers
    graph = np.zeros((3, 3), dtype=np.bool_)
    graph[1, 0] = graph[2, 0] = True  # both others need the first of the log
    held = recommend(gardener(), turned, graph=graph, mastered=0.98)
    assert set(held["concept"]) == {"concept 3"}


def test_what_cannot_be_recommended_is_refused() -> None:
    with pytest.raises(ConfigError, match="'bkt'"):
        recommend(TRACERS.get("bkt")(), LOG)
    with pytest.raises(ConfigError, match="aim"):
        recommend(gardener(), LOG, aim=1.0)
    with pytest.raises(ConfigError, match="exercises"):
        recommend(gardener(), LOG, exercises=0)
    with pytest.raises(ShapeError, match="3 concepts"):
        recommend(gardener(), LOG, graph=np.zeros((2, 2), dtype=np.bool_))
    wider = replace(LOG, concepts=(*LOG.concepts, "new"))
    graph = np.zeros((4, 4), dtype=np.bool_)
    graph[0, 3] = True
    with pytest.raises(DataError, match="'new'"):
        recommend(gardener(), wider, graph=graph)
