"""Models in service state what they state of a whole log; and what all classic models have in common."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.families.tracing.model.classic_logs import named, small_log, strange_log

from umbel.families.tracing.model.online import Online
from umbel.families.tracing.model.tracer import TRACERS, Tracer
from umbel.families.tracing.source.log import Concepts
from umbel.families.tracing.source.probes import Probes

ONLINE: list[tuple[str, dict[str, Any]]] = [
    ("running_rate", {}),
    ("bkt", {"forget": True, "iterations": 10}),
    ("irt", {"form": "1pl", "memory": 1.0}),
    ("irt", {"form": "2pl", "calibration": "isotonic"}),
    ("pfa", {"strength": 1.0}),
    ("pfa", {"strength": 1.0, "counts": "raw"}),
]
ALL = [*ONLINE, ("das3h", {"strength": 1.0}), ("das3h", {"strength": 1.0, "windows": "time"})]


def ids(case: tuple[str, dict[str, Any]]) -> str:
    return "-".join([case[0], *map(str, case[1].values())])


@pytest.fixture(scope="module")
def fitted() -> dict[str, Tracer]:
    train, valid = small_log(60, partial=True, times=True), small_log(20, seed=1, times=True)
    return {ids(case): TRACERS.get(case[0])(**case[1]).fit(train, valid) for case in ALL}


@pytest.mark.parametrize("case", ONLINE, ids=ids)
def test_forecasts_in_service_equal_those_of_the_log(
    case: tuple[str, Any], fitted: dict[str, Tracer]
) -> None:
    model = fitted[ids(case)]
    assert isinstance(model, Online)
    log = strange_log(small_log(12, seed=2, partial=True))
    stated = model.predict(log)
    for first, last in zip(log.offsets[:-1], log.offsets[1:], strict=True):
        state = model.begin()
        for step in range(first, last):
            question, concepts, correct = named(log, step)
            assert model.forecast(state, question, concepts) == pytest.approx(stated[step], abs=1e-9)
            state = json.loads(json.dumps(model.update(state, question, concepts, correct)))
    assert len(json.dumps(state)) < 2000


@pytest.mark.parametrize("case", ALL, ids=ids)
def test_an_answer_changes_nothing_at_or_before_it(case: tuple[str, Any], fitted: dict[str, Tracer]) -> None:
    model, log = fitted[ids(case)], strange_log(small_log(10, seed=3, times=True))
    stated = model._predict(log)  # an isotonic calibration may hide a change
    for student in (3, 7):
        step = int(log.offsets[student]) + 1
        flipped = log.correct.copy()
        flipped[step] = 1 - flipped[step]
        changed = model._predict(log.answered(flipped)) != stated
        later = np.arange(log.steps) > step
        assert not changed[~later | (log.student != student)].any()
        assert changed[later & (log.student == student)].any()


@pytest.mark.parametrize("case", ALL, ids=ids)
def test_other_students_do_not_matter(case: tuple[str, Any], fitted: dict[str, Tracer]) -> None:
    model, log = fitted[ids(case)], strange_log(small_log(10, seed=3, times=True))
    chosen = np.array([6, 2])
    alone = model.predict(log.take(chosen))
    both = np.concatenate([model.predict(log)[log.student == s] for s in chosen])
    assert np.allclose(alone, both, rtol=0, atol=1e-12)


@pytest.mark.parametrize("case", ALL, ids=ids)
def test_questions_at_the_end_are_answered_as_at_the_end_of_copies(
    case: tuple[str, Any], fitted: dict[str, Tracer]
) -> None:
    model, log = fitted[ids(case)], strange_log(small_log(8, seed=4, partial=True, times=True))
    log = log.first(np.array([0, 1, 5, 50, 50, 50, 50, 50]))
    probes = Probes(np.array([3, -1, 12, -1]), Concepts.of([(0,), (1, 2), (), (4,)]))
    found = model._ask(log, probes)
    assert found.shape == (8, 4)
    assert np.allclose(found, Tracer._ask(model, log, probes), atol=1e-9)


@pytest.mark.parametrize("case", ALL, ids=ids)
def test_a_saved_model_states_the_same(case: tuple[str, Any], fitted: dict[str, Tracer]) -> None:
    model, log = fitted[ids(case)], strange_log(small_log(8, seed=5, times=True))
    again = Tracer.from_state(model.state)
    assert (again.predict(log) == model.predict(log)).all()
    assert again.parameters == model.parameters > 0
    assert again.notes == model.notes
    json.dumps(model.notes)


@pytest.mark.parametrize("name", ["running_rate", "bkt", "irt", "pfa", "das3h"])
def test_answers_that_are_all_alike_are_no_trouble(name: str) -> None:
    log = small_log(10)
    stated = (
        TRACERS.get(name)()
        .fit(log.answered(np.ones(log.steps)), log.answered(np.ones(log.steps)))
        .predict(log)
    )
    assert ((stated > 0.5) & (stated < 1)).mean() > 0.5
    assert np.isfinite(stated).all()
