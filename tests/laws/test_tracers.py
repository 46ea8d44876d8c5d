"""What holds for every registered model of knowledge."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.special import logit

from umbel.families.tracing.model.net_tracer import NetTracer
from umbel.families.tracing.model.tracer import TRACERS, Tracer
from umbel.families.tracing.source.log import AnswerLog, Concepts
from umbel.families.tracing.source.probes import Probes
from umbel.families.tracing.source.simulate import simulate

NAMES = TRACERS.names()


@cache
def logs() -> tuple[AnswerLog, AnswerLog, AnswerLog]:
    log = simulate("chain", students=70, concepts=4, questions=3, steps=14, seed=5).log
    pairs = Concepts.of([(0,), (1,), (2,), (3,), (0, 1), (2, 3)])  # some questions have two concepts
    sets = np.where(log.question % 5 == 0, 4 + (log.question > 5), log.sets)
    log = replace(log, concept_sets=pairs, sets=sets)
    lengths = np.where(np.arange(len(log)) % 7 == 3, 1, 3 + np.arange(len(log)) % 12)
    log = log.first(lengths)
    return log.take(np.arange(50)), log.take(np.arange(50, 60)), log.take(np.arange(60, 70))


def quick(name: str) -> dict[str, Any]:
    if name == "stack":
        return {"members": ["running_rate", "pfa"]}
    if issubclass(TRACERS.get(name), NetTracer):
        narrow = {} if name == "growth" else {"width": 8}  # it has one number a concept
        return {"epochs": 1, "tokens": 200, "calibration": "none", **narrow}
    return {}


@cache
def fitted(name: str) -> Tracer:
    train, valid, _ = logs()
    return TRACERS.get(name)(**quick(name)).fit(train, valid)


@pytest.mark.parametrize("name", NAMES)
def test_no_forecast_knows_its_own_answer_or_a_later_one(name: str) -> None:
    _, _, log = logs()
    model = fitted(name)
    before = model.predict(log)
    moved = 0.0
    for student, place in ((4, 2), (6, 0), (9, 3)):
        at = int(log.offsets[student] + place)
        correct = log.correct.copy()
        correct[at] = 1 - correct[at]
        after = model.predict(log.answered(correct))
        later = np.zeros(log.steps, dtype=bool)
        later[at + 1 : log.offsets[student + 1]] = True
        np.testing.assert_allclose(after[~later], before[~later], rtol=0, atol=1e-7)
        moved = max(moved, float(np.abs(after - before)[later].max(initial=0.0)))
    assert moved > 1e-6  # the answers before a step do matter


@pytest.mark.parametrize("name", NAMES)
def test_students_are_forecast_apart(name: str) -> None:
    _, _, log = logs()
    model = fitted(name)
    together = model.predict(log)
    for student in (3, 5):
        alone = model.predict(log.take([student]))
        np.testing.assert_allclose(
            alone, together[log.offsets[student] : log.offsets[student + 1]], rtol=0, atol=2e-6
        )


@pytest.mark.parametrize("name", NAMES)
def test_forecasts_are_probabilities_of_every_answer(name: str) -> None:
    _, _, log = logs()
    stated = fitted(name).predict(log)
    assert stated.shape == (log.steps,)
    assert ((stated > 0) & (stated < 1)).all()


@pytest.mark.parametrize("name", NAMES)
def test_probes_are_asked_after_all_answers(name: str) -> None:
    _, _, log = logs()
    model = fitted(name)
    few = log.take([1, 3, 8])
    probes = Probes(np.array([-1, int(log.question[0])]), Concepts.of([(2,), (0, 1)]))
    found = model.ask(few, probes)
    slow = model._calibrator(Tracer._ask(model, few, probes))
    assert found.shape == (3, 2)
    np.testing.assert_allclose(logit(found), logit(slow), rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_forecasts_the_same(name: str) -> None:
    _, _, log = logs()
    model = fitted(name)
    again = Tracer.from_state(model.state)
    np.testing.assert_allclose(again.predict(log), model.predict(log), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_names_never_seen_and_empty_sets_are_forecast(name: str) -> None:
    _, _, log = logs()
    strange = replace(
        log,
        questions=tuple(f"new {q}" for q in log.questions),
        concepts=("other", *log.concepts[1:]),
        concept_sets=Concepts.of([(), (1,), (2,), (3,), (0, 1), (2, 3)]),
    )
    stated = fitted(name).predict(strange)
    assert ((stated > 0) & (stated < 1)).all()
