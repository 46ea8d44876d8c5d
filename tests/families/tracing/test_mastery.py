from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy import stats

from umbel.errors import ConfigError, DataError, ShapeError
from umbel.families.tracing.mastery import interval, mastery
from umbel.families.tracing.mastery_members import ensemble
from umbel.families.tracing.mastery_truth import judged, true_mastery
from umbel.families.tracing.model.following import Pooled
from umbel.families.tracing.model.growth import Growth
from umbel.families.tracing.model.tracer import TRACERS, Tracer
from umbel.families.tracing.source.classroom import Classroom
from umbel.families.tracing.source.codes import Codes
from umbel.families.tracing.source.log import AnswerLog, Concepts
from umbel.families.tracing.source.probes import Probes
from umbel.families.tracing.source.simulate import simulate

MADE = simulate("chain", students=60, concepts=3, questions=4, steps=8, seed=1)
LOG = MADE.log.first(np.arange(60) % 9)  # from 0 to 8 answers


class Counting(Tracer):
    """Bayes' rule for a constant probability of each student and concept, Beta(a, b) before any answer."""

    name: ClassVar[str] = "counting"
    parameters = 2

    def __init__(self, a: float = 2.0, b: float = 2.0) -> None:
        super().__init__(calibration="none")
        self.a, self.b = a, b
        self.fitted: AnswerLog | None = None

    def _fit(self, train: AnswerLog, valid: AnswerLog, show: Any, store: Any) -> None:
        self.fitted, self.codes = train, Codes.of(train)

    def counts(self, log: AnswerLog) -> np.ndarray:
        """Right and wrong answers before each step on its concept, [2, N]."""
        found = np.zeros((2, log.steps))
        for s in range(len(log)):
            for j in range(log.offsets[s], log.offsets[s + 1]):
                own = log.concept_sets[log.sets[j]][0]
                for i in range(log.offsets[s], j):
                    if log.concept_sets[log.sets[i]][0] == own:
                        found[:, j] += log.correct[i], 1 - log.correct[i]
        return found

    def _predict(self, log: AnswerLog) -> np.ndarray:
        right, wrong = self.counts(log)
        return (self.a + right) / (self.a + self.b + right + wrong)

    def _state(self) -> dict[str, Any]:
        return {}

    def _restore(self, state: Mapping[str, Any]) -> None: ...


class Plain(Tracer):
    """A model seen only through what every model offers: no pool, no codes."""

    name: ClassVar[str] = "plain"
    parameters = 0

    def __init__(self, inner: Tracer) -> None:
        super().__init__(calibration="none")
        self.inner = inner

    def _fit(self, train: AnswerLog, valid: AnswerLog, show: Any, store: Any) -> None: ...

    def _predict(self, log: AnswerLog) -> np.ndarray:
        return self.inner.predict(log)

    def _state(self) -> dict[str, Any]:
        return {}

    def _restore(self, state: Mapping[str, Any]) -> None: ...


@cache
def growth(seed: int = 0) -> Growth:
    model = Growth(epochs=6, tokens=512, seed=seed).fit(MADE.log, MADE.log)
    assert isinstance(model, Growth)
    return model


@cache
def irt() -> Tracer:
    return TRACERS.get("irt")().fit(MADE.log, MADE.log)


@pytest.mark.parametrize("model", [growth, irt])
def test_mastery_is_what_the_model_says_when_asked(model) -> None:
    found = mastery(model(), LOG)
    assert found.mean.shape == (60, 1, 3)
    np.testing.assert_allclose(found.mean[:, 0], model().ask(LOG, Probes.each_concept(3)), atol=1e-6)
    np.testing.assert_array_equal(found.answers[:, 0], LOG.lengths)
    every = mastery(model(), LOG, at="every")
    assert every.mean.shape == (60, 9, 3)
    for k in (0, 3, 8):
        wanted = model().ask(LOG.first(k), Probes.each_concept(3))
        reached = LOG.lengths >= k
        np.testing.assert_allclose(every.mean[reached, k], wanted[reached], atol=1e-6)
        assert np.isnan(every.mean[~reached, k]).all()
    some = mastery(model(), LOG, at=[2, 5], concepts=["concept 3", "concept 1"])
    np.testing.assert_allclose(some.mean, every.mean[:, [2, 5]][..., [2, 0]], atol=1e-6)
    assert some.concepts == ("concept 3", "concept 1")


def test_a_pool_and_plain_questions_state_the_same() -> None:
    fast, slow = (mastery(m, LOG, at=[0, 4]) for m in (growth(), Plain(growth())))
    assert isinstance(growth(), Pooled)
    assert not isinstance(Plain(growth()), Pooled)
    np.testing.assert_allclose(fast.mean, slow.mean, atol=1e-5)
    np.testing.assert_allclose(fast.within, slow.within, atol=1e-4)
    assert np.nanmin(fast.within) > 0.01


def test_the_interval_is_the_posterior_where_that_is_known() -> None:
    log = LOG.take(np.arange(9))
    found = mastery(Counting(2.0, 3.0), log, level=0.8)
    for s in range(9):
        own = slice(log.offsets[s], log.offsets[s + 1])
        for c in range(3):
            said = log.correct[own][log.sets[own] == c]
            exact = stats.beta(2 + said.sum(), 3 + (1 - said).sum())
            assert found.mean[s, 0, c] == pytest.approx(exact.mean())
            assert found.within[s, 0, c] == pytest.approx(exact.std())
            assert (found.low[s, 0, c], found.high[s, 0, c]) == pytest.approx(exact.interval(0.8))
    assert (found.between == 0).all()


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    chance = np.random.default_rng(0)
    truth = chance.beta(2, 2, 900)  # one concept, constant mastery, four answers each
    log = AnswerLog(
        tuple(map(str, range(900))), ("q",), ("c",), np.arange(0, 3601, 4), np.zeros(3600, dtype=np.int64),
        np.zeros(3600, dtype=np.int64), Concepts.of([(0,)]),
        (chance.random(3600) < np.repeat(truth, 4)).astype(float),
    )  # fmt: skip
    found = judged(mastery(Counting(), log, level=0.9), truth[:, None, None])
    assert found.coverage == pytest.approx(0.9, abs=0.03)
    assert abs(found.bias) < 0.02
    np.testing.assert_allclose(found.curve[:, 0], found.curve[:, 1], atol=0.12)
    assert found.curve[:, 2].sum() == 900
    sure = judged(mastery(Counting(40, 40), log), truth[:, None, None])  # a model too sure of itself
    assert sure.coverage < 0.5


def test_members_that_disagree_widen_the_interval() -> None:
    alike = mastery([Counting(2, 2), Counting(2, 2)], LOG)
    apart = mastery([Counting(1, 3), Counting(3, 1)], LOG)
    first = mastery(Counting(2, 2), LOG)
    np.testing.assert_array_equal(alike.between, 0.0)
    np.testing.assert_allclose(alike.low, first.low)
    np.testing.assert_allclose(apart.mean, first.mean)  # the two lean to either side by the same
    assert (apart.high - apart.low > alike.high - alike.low + 0.005).all()
    fresh = LOG.lengths == 0
    np.testing.assert_allclose(apart.between[fresh], np.std([0.25, 0.75], ddof=1))


def test_an_interval_of_nothing_unknown_is_a_point() -> None:
    low, high = interval(np.array([0.3, 0.3, np.nan]), np.array([0.0, 1.0, 0.01]), 0.9)
    assert (low[0], high[0]) == (0.3, 0.3)
    assert low[1] < 1e-6  # all or nothing: a student either knows it or does not
    assert high[1] > 1 - 1e-6
    assert np.isnan(low[2])


def test_an_ensemble_is_fitted_on_other_students_each_time() -> None:
    train, valid = MADE.log.take(np.arange(50)), MADE.log.take(np.arange(50, 60))
    seeds: list[int] = []

    def make(seed: int) -> Tracer:
        seeds.append(seed)
        return Counting()

    found = ensemble(make, train, valid, members=3, seed=4)
    names = [member.fitted.students for member in found]
    assert len(set(names)) == len(set(seeds)) == 3
    for drawn in names:
        assert len(drawn) == 50
        assert set(drawn) < set(train.students)
        assert len(set(drawn)) == pytest.approx(50 * (1 - np.exp(-1)), abs=8)
    again = ensemble(make, train, valid, members=3, seed=4)
    assert [member.fitted.students for member in again] == names


def test_the_table_and_the_section_say_what_was_found() -> None:
    found = mastery([growth(), growth(1)], LOG, at="every")
    table = found.table()
    assert list(table.columns) == ["student", "answers", "concept", "mastery", "low", "high"]
    assert len(table) == 3 * (LOG.lengths + 1).sum()
    assert (table["low"] < table["mastery"]).all()
    assert (table["mastery"] < table["high"]).all()
    row = table[(table["student"] == LOG.students[5]) & (table["answers"] == 2)].iloc[1]
    assert row["mastery"] == found.mean[5, 2, 1]
    section = found.section()
    course, heat = section.figures
    assert course.title == f"{LOG.students[8]} over time"
    np.testing.assert_array_equal(course.matrix, found.mean[8].T)
    assert course.labels == (list(found.concepts), [str(k) for k in range(9)])
    assert heat.matrix.shape == (40, 3)
    assert "first 40 of 60" in heat.caption
    np.testing.assert_array_equal(heat.matrix[3], found.mean[3, 3])
    assert found.section(LOG.students[2]).figures[0].matrix.shape == (3, 3)
    with pytest.raises(DataError, match="'nobody'"):
        found.section("nobody")


def test_what_cannot_be_stated_is_refused() -> None:
    unmet = simulate("none", students=4, concepts=4, questions=3, steps=6, seed=1).log
    with pytest.raises(DataError, match="'concept 4'"):
        mastery(growth(), unmet)
    assert mastery(growth(), unmet, concepts=["concept 2"]).mean.shape == (4, 1, 1)
    for concepts, words in ((["concept 9"], "'concept 9'"),):
        with pytest.raises(DataError, match=words):
            mastery(irt(), LOG, concepts=concepts)
    for wrong in ({"at": "begin"}, {"at": [3, 2]}, {"at": []}, {"at": [-1]}, {"level": 1.0}):
        with pytest.raises(ConfigError):
            mastery(irt(), LOG, **wrong)
    with pytest.raises(ConfigError, match="no model"):
        mastery([], LOG)


def test_the_truth_of_the_simulator_is_that_of_its_class() -> None:
    room = Classroom("chain", students=60, concepts=3, questions=4, seed=1)
    np.testing.assert_allclose(true_mastery(MADE, [0])[:, 0], room.mastery(), atol=1e-6)
    every = np.arange(60)
    for step in range(3):
        room.answer(every, MADE.log.question[every * 8 + step])
    np.testing.assert_allclose(true_mastery(MADE, [1, 3])[:, 1], room.mastery(), atol=1e-6)
    with pytest.raises(DataError, match="0 to 7"):
        true_mastery(MADE, [8])


def test_judging_counts_only_what_was_reached() -> None:
    found = mastery(growth(), LOG, at=[0, 4, 7])
    truth = true_mastery(MADE, [0, 4, 7])
    told = judged(found, truth)
    there = ~np.isnan(found.mean)
    error = (found.mean - truth)[there]
    assert told.bias == pytest.approx(error.mean())
    assert told.error == pytest.approx(np.sqrt((error**2).mean()))
    assert told.by_answers["answers"].tolist() == [0, 4, 7]
    kept = ((truth >= found.low) & (truth <= found.high))[there]
    assert told.coverage == pytest.approx(kept.mean())
    assert told.section().figures[0].kind == "calibration"
    with pytest.raises(ShapeError, match="times"):
        judged(found, truth[:, :2])
