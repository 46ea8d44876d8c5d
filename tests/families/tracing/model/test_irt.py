"""Item response theory over logs: the posterior, what is not known, memory."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, log_expit, softmax
from sklearn.metrics import roc_auc_score
from tests.families.tracing.model.classic_logs import named, small_log, strange_log

from umbel.errors import ConfigError
from umbel.families.tracing.model.irt import IRT
from umbel.families.tracing.source.simulate import simulate


@pytest.mark.parametrize(("form", "memory"), [("1pl", 1.0), ("2pl", 0.9)])
def test_forecasts_equal_those_of_a_fine_grid(form: str, memory: float) -> None:
    log = small_log(50)
    model = IRT(form=form, memory=memory, calibration="none").fit(log, log)
    assert isinstance(model, IRT)
    test = strange_log(small_log(6, seed=1, partial=True))
    stated = model.predict(test)
    ability = np.linspace(-8, 8, 4001)
    for first, last in zip(test.offsets[:-1], test.offsets[1:], strict=True):
        evidence = np.zeros_like(ability)
        for step in range(first, last):
            question, concepts, correct = named(test, step)
            number, known = model.names.question(question), model.names.known(concepts)
            row = np.zeros(1 + 4 + 12)
            row[0] = 1
            row[known] = 1 / max(1, len(known))
            if number:
                row[4 + number] = 1
            slope = np.exp(row @ model._v if form == "2pl" else model._v[0])
            logit = slope * ability + row @ model._u
            posterior = softmax(evidence - ability**2 / 2)
            assert stated[step] == pytest.approx(posterior @ expit(logit), abs=1e-4)
            evidence = memory * evidence + correct * log_expit(logit) + (1 - correct) * log_expit(-logit)


def test_memory_is_chosen_on_validation_students() -> None:
    log, valid = small_log(50), small_log(30, seed=1)
    model = IRT().fit(log, valid)
    losses = model.notes["tried"]
    assert str(model.notes["memory"]) == min(losses, key=losses.get)
    assert len(losses) == 5
    assert IRT(memory=0.97).fit(log, valid).notes["memory"] == 0.97


def test_forecasts_rank_simulated_answers_and_know_their_questions() -> None:
    made = [simulate(students=250, cohort=c) for c in range(3)]
    train, valid, test = (m.log for m in made)
    model = IRT().fit(train, valid)
    assert roc_auc_score(test.correct, model.predict(test)) > 0.65
    assert isinstance(model, IRT)
    easy = [model.forecast(model.begin(), q, []) for q in train.questions]
    assert np.corrcoef(easy, -made[0].difficulty)[0, 1] > 0.9


def test_refusals() -> None:
    for options in ({"form": "3pl"}, {"memory": 0.0}, {"memory": 1.5}, {"item_spread": 0.0}, {"points": 5}):
        with pytest.raises(ConfigError):
            IRT(**options)
