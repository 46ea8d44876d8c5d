from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, roc_auc_score
from tests.families.tracing.model.attribute_logs import attribute_logs

from tracing_nets import refuses
from umbel.families.tracing.model.rasch_lstm import RaschLSTM
from umbel.families.tracing.model.tracer import Tracer
from umbel.families.tracing.source.log import AnswerLog
from umbel.training.saving import read_model, write_model

OPTIONS: dict[str, Any] = {"width": 16, "hidden": 32, "tokens": 512, "epochs": 8, "rate": 1e-2}


def bare(log: AnswerLog) -> AnswerLog:
    return replace(log, about=None)


@cache
def told(kind: str) -> RaschLSTM:
    train, valid, _ = attribute_logs(kind)
    model = RaschLSTM(**OPTIONS)
    model.fit(train, valid)
    return model


@cache
def untold() -> tuple[float, float]:
    """Scores on questions never seen, of a model that knows nothing about them."""
    train, valid, test = map(bare, attribute_logs("number"))
    stated = RaschLSTM(**OPTIONS).fit(train, valid).predict(test)
    return roc_auc_score(test.correct, stated), log_loss(test.correct, stated)


@pytest.mark.parametrize(("kind", "gain"), [("number", 0.12), ("category", 0.12), ("text", 0.08)])
def test_a_question_never_seen_is_known_by_its_attributes(kind: str, gain: float) -> None:
    _, _, test = attribute_logs(kind)
    stated = told(kind).predict(test)
    auc, loss = untold()
    assert roc_auc_score(test.correct, stated) > auc + gain
    assert log_loss(test.correct, stated) < loss - 0.04
    # without the test questions' attributes all of that is gone
    blind = told(kind).predict(bare(test))
    assert roc_auc_score(test.correct, blind) < auc + gain / 2


def test_attributes_of_a_question_change_nothing_before_it_is_met() -> None:
    _, _, test = attribute_logs("number")
    model, log = told("number"), test.take([2])
    before = model.predict(log)
    place = 12
    assert log.about is not None
    about = log.about.copy()
    about.loc[log.questions[log.question[place]], "told"] = 90.0 if before[place] > 0.5 else 10.0
    moved = np.abs(model.predict(replace(log, about=about)) - before)
    assert moved[:place].max() == 0.0
    assert moved[place] > 1e-2
    assert moved[place + 1 :].max() > 1e-5  # the state has read another item
    others = about.drop(index=[log.questions[i] for i in log.question])
    assert np.array_equal(model.predict(replace(log, about=others)), model.predict(bare(log)))


def test_questions_of_training_keep_their_attributes() -> None:
    _, valid, _ = attribute_logs("number")
    model = told("number")
    assert valid.about is not None
    other = replace(valid, about=valid.about * 0 + 77.0)
    assert np.array_equal(model.predict(other), model.predict(valid))
    assert np.array_equal(model.predict(bare(valid)), model.predict(valid))
    assert model.notes["about"]["inputs"] == {"told": "number"}


@pytest.mark.parametrize("kind", ["number", "category", "text"])
def test_a_saved_model_knows_its_attributes(kind: str, tmp_path: Path) -> None:
    _, _, test = attribute_logs(kind)
    write_model(tmp_path / "model", told(kind).state, version="0")
    again = Tracer.from_state(read_model(tmp_path / "model"))
    assert np.array_equal(again.predict(test), told(kind).predict(test))
    assert again.parameters == told(kind).parameters


def test_without_attributes_nothing_is_drawn_or_kept_of_them() -> None:
    train, valid, _ = attribute_logs("number")
    plain, rich = (RaschLSTM(width=8, hidden=8, epochs=1) for _ in range(2))
    for model, log in ((plain, bare(train)), (rich, train)):
        model._prepare(log)
        model._make()
    first, second = plain.net.state_dict(), rich.net.state_dict()
    assert set(second) - set(first) == {"items.told", "items.harder"}
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    plain.fit(bare(train), bare(valid))
    state = plain.state
    assert "about" not in state["fitted"]
    del state["options"]["unseen"]  # a state from before there were attributes
    again = Tracer.from_state(state)
    assert np.array_equal(again.predict(bare(valid)), plain.predict(valid))


def test_some_questions_are_new_to_each_training_student() -> None:
    train, _, _ = attribute_logs("number")
    few = train.take(np.arange(3))
    model = RaschLSTM(unseen=0.3)
    model._prepare(train)
    coded = model.codes(train)
    hidden = model._hidden(train, coded, 0.3).question
    assert 0.25 < (hidden == 0).mean() < 0.35
    assert np.array_equal(hidden[hidden > 0], coded.question[hidden > 0])
    by_question = [(hidden == 0)[coded.question == q].mean() for q in range(1, 20)]
    assert 0 < min(by_question) < max(by_question) < 1  # not the same ones for all
    again = replace(few, question=np.zeros_like(few.question))  # one question, many attempts
    known = replace(model.codes(again), question=np.ones(again.steps, dtype=np.int64))
    attempts = model._hidden(again, known, 0.3).question.reshape(3, -1)
    assert (attempts == attempts[:, :1]).all()


def test_options_are_checked() -> None:
    refuses("rasch_lstm", "'unseen'", unseen=1.0)
