"""Attributes of questions in service: what is followed is what is forecast from the log."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.special import logit
from tests.families.tracing.model.attribute_logs import attribute_logs
from tests.families.tracing.model.classic_logs import named

from umbel.families.tracing.model.rasch_lstm import RaschLSTM
from umbel.families.tracing.model.tracer import Tracer
from umbel.families.tracing.source.log import AnswerLog, Concepts
from umbel.families.tracing.source.probes import Probes


@cache
def fitted() -> RaschLSTM:
    train, valid, _ = attribute_logs("number")
    model = RaschLSTM(width=12, hidden=10, epochs=4, tokens=512, rate=1e-2)
    model.fit(train, valid)
    assert np.abs(model.net.items.told.detach().numpy()).max() > 0.01
    return model


def mixed() -> AnswerLog:
    """Questions of training and new ones, single concepts, pairs and none."""
    _, valid, test = attribute_logs("number")
    question = np.where(np.arange(4 * 30) % 3 == 0, valid.question[:120], test.question[:120])
    sets = np.where(question % 7 == 0, 2 + question % 2, test.sets[:120])
    pairs = Concepts.of([(0,), (1,), (0, 1), ()])
    return replace(test.take(np.arange(4)), question=question, sets=sets, concept_sets=pairs)


@pytest.mark.parametrize("partial", [False, True])
def test_questions_of_training_have_theirs(partial: bool) -> None:
    log, model = replace(mixed(), about=None), fitted()
    if partial:
        log = log.answered(0.25 + 0.5 * log.correct)
    stated = model.predict(log)
    state = model.begin()
    for step in range(30):
        question, concepts, correct = named(log, step)
        assert abs(model.forecast(state, question, concepts) - stated[step]) < 2e-6
        state = model.update(state, question, concepts, correct)


def test_a_pool_is_told_those_of_new_questions() -> None:
    log, model = mixed(), fitted()
    stated, coded, about = model.predict(log), model.codes(log), model.about(log)
    assert about is not None
    blind = model.predict(replace(log, about=None))
    assert np.abs(stated - blind).max() > 0.05
    table = coded.table[coded.sets]
    for told, expected in ((about, stated), (None, blind)):
        pool = model.pool(4)
        for place in range(30):
            at = np.arange(4) * 30 + place
            each = np.arange(4), coded.question[at], table[at]
            own = None if told is None else told[at]
            np.testing.assert_allclose(pool.forecast(*each, own), expected[at], rtol=0, atol=2e-6)
            pool.update(*each, log.correct[at], own)


def test_new_questions_are_asked_with_theirs() -> None:
    log, model = mixed(), fitted()
    seen = model.codes(log).question > 0
    known, new = log.question[seen][0], log.question[~seen][:2]
    probes = Probes(np.array([known, *new, -1]), Concepts.of([(0,), (1,), (), (0, 1)]))
    found = model.ask(log, probes)
    slow = model._calibrator(Tracer._ask(model, log, probes))
    np.testing.assert_allclose(logit(found), logit(slow), rtol=0, atol=2e-5)
    blind = model.ask(replace(log, about=None), probes)
    assert np.abs(blind - found)[:, 1].min() > 1e-3
