"""umbel's own model: what it follows in service is what it forecasts from the log."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from umbel.errors import DataError
from umbel.families.tracing.model.online import Online
from umbel.families.tracing.model.rasch_lstm import RaschLSTM
from umbel.families.tracing.source.log import AnswerLog, Concepts
from umbel.families.tracing.source.simulate import simulate


@cache
def logs() -> tuple[AnswerLog, AnswerLog, AnswerLog]:
    log = simulate("chain", students=90, concepts=4, questions=4, steps=16, seed=2).log
    pairs = Concepts.of([(0,), (1,), (2,), (3,), (1, 3)])
    log = replace(log, concept_sets=pairs, sets=np.where(log.question % 6 == 5, 4, log.sets))
    log = log.first(2 + np.arange(90) % 15)
    return log.take(np.arange(60)), log.take(np.arange(60, 75)), log.take(np.arange(75, 90))


@cache
def fitted() -> RaschLSTM:
    train, valid, _ = logs()
    model = RaschLSTM(width=12, hidden=10, epochs=3, tokens=256)
    model.fit(train, valid)
    return model


def steps_of(log: AnswerLog, student: int) -> list[tuple[str, list[str], float]]:
    return [
        (
            log.questions[log.question[t]],
            [log.concepts[c] for c in log.concept_sets[log.sets[t]]],
            float(log.correct[t]),
        )
        for t in range(log.offsets[student], log.offsets[student + 1])
    ]


@pytest.mark.parametrize("partial", [False, True])
def test_a_student_followed_is_forecast_as_in_the_log(partial: bool) -> None:
    _, _, log = logs()
    if partial:
        log = log.answered(0.25 + 0.5 * log.correct)
    model = fitted()
    assert isinstance(model, Online)
    stated = model.predict(log)
    for student in (2, 8, 13):
        state = model.begin()
        for t, (question, concepts, correct) in enumerate(steps_of(log, student)):
            assert abs(model.forecast(state, question, concepts) - stated[log.offsets[student] + t]) < 2e-6
            state = model.update(state, question, concepts, correct)


def test_names_never_seen_are_followed_too() -> None:
    model = fitted()
    state = model.update(model.begin(), "new", ["other"], 1.0)
    state = model.update(state, None, [], 0.0)
    assert state["place"] == 2
    assert not state["concepts"]
    assert 0 < model.forecast(state, "new", ["other"]) < 1


def test_the_recurrent_state_is_small() -> None:
    model = RaschLSTM()
    assert 2 * 4 * model.width <= 1000  # output and cell in float32
    state = fitted().begin()
    assert sum(part.nbytes for part in state["memory"]) == 2 * 4 * 12


def test_a_pool_of_students_is_forecast_as_in_the_log() -> None:
    _, _, log = logs()
    model = fitted()
    stated, coded = model.predict(log), model.codes(log)
    table = coded.table[coded.sets]
    pool = model.pool(len(log))
    for place in range(int(log.lengths.max())):
        students = np.flatnonzero(log.lengths > place)
        at = log.offsets[:-1][students] + place
        found = pool.forecast(students, coded.question[at], table[at])
        np.testing.assert_allclose(found, stated[at], rtol=0, atol=2e-6)
        pool.update(students, coded.question[at], table[at], log.correct[at])


def test_copies_of_students_go_on_apart() -> None:
    _, _, log = logs()
    model = fitted()
    pool = model.followed(log)
    before = pool.mastery(4)
    copies = pool.take(np.array([3, 3, 7]))
    np.testing.assert_allclose(copies.mastery(4), before[[3, 3, 7]], atol=1e-6)
    one = np.array([[1]])
    copies.update(np.array([1]), np.array([1]), one, np.array([1.0]))
    after = copies.mastery(4)
    np.testing.assert_allclose(after[[0, 2]], before[[3, 7]], atol=1e-6)
    assert np.abs(after[1] - before[3]).max() > 1e-4
    np.testing.assert_allclose(pool.mastery(4), before, atol=1e-9)


def test_a_student_answers_once_an_update() -> None:
    pool = fitted().pool(3)
    with pytest.raises(DataError, match="one answer at a time"):
        pool.update(np.array([1, 1]), np.zeros(2, dtype=int), np.ones((2, 1), dtype=int), np.ones(2))


def test_further_tasks_are_learned_beside() -> None:
    train, valid, test = logs()
    chance = np.random.default_rng(0)

    def timed(log: AnswerLog) -> AnswerLog:
        seconds = np.exp(2 - 2.0 * log.correct + 0.1 * chance.normal(size=log.steps))
        hints = (log.correct == 0).astype(float)
        seconds[::5] = np.nan
        return replace(log, labels={"seconds": seconds, "hint": hints})

    model = RaschLSTM(
        width=8, epochs=15, patience=15, tokens=256, also=("seconds", "hint"), rate=1e-2, calibration="none"
    )
    model.fit(timed(train), timed(valid))
    assert [t.kind.name for t in model.tasks.targets] == ["binary", "regression", "binary"]
    raw = model.outputs(test)
    right = model.predict(test)
    hint = model.tasks.targets[2].kind.predict(raw["hint"]).value
    assert np.corrcoef(right, hint)[0, 1] < -0.5  # a hint is used where an answer is wrong


def test_a_fit_goes_on_from_its_checkpoint(tmp_path: object) -> None:
    from pathlib import Path

    from umbel.training.checkpoint import Store

    train, valid, test = logs()
    options = {"width": 6, "hidden": 5, "tokens": 256, "patience": 9, "seed": 3}
    whole = RaschLSTM(epochs=4, **options)
    whole.fit(train, valid)
    store = Store(Path(str(tmp_path)))

    class KilledError(Exception):
        pass

    class Stops(Store):
        def save(self, number, state, parts=()):  # type: ignore[no-untyped-def]
            store.save(number, state, parts)
            if number == 2:
                raise KilledError

    with pytest.raises(KilledError):
        RaschLSTM(epochs=4, **options).fit(train, valid, store=Stops(store.folder))
    again = RaschLSTM(epochs=4, **options)
    again.fit(train, valid, store=store)
    np.testing.assert_array_equal(again.predict(test), whole.predict(test))


def test_mastery_is_near_the_truth_where_every_question_is_well_known() -> None:
    made = simulate("chain", students=700, concepts=4, questions=5, steps=25, seed=11)
    train, valid = made.log.take(np.arange(600)), made.log.take(np.arange(600, 700))
    model = RaschLSTM(width=32, epochs=10, rate=1e-2, tokens=1024)
    model.fit(train, valid)
    lift = made.skill[made.log.offsets[601:] - 1][:, :, None] - made.difficulty.reshape(4, 5)
    truth = (0.1 + 0.85 / (1 + np.exp(-lift))).mean(axis=(0, 2))
    stated = model.followed(valid).mastery(4).mean(axis=0)
    assert np.abs(stated - truth).max() < 0.09  # .12 where no question was ever new in training
