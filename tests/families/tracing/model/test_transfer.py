from __future__ import annotations

import numpy as np
import pytest

from tracing_nets import classroom, hold_composition, hold_no_leak
from umbel.errors import ConfigError, DataError
from umbel.families.tracing.graph.influence import influence
from umbel.families.tracing.graph.questions import questions_as_concepts
from umbel.families.tracing.model import transfer as module
from umbel.families.tracing.model.transfer import SHARED, Transfer
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.simulate import simulate


def features(log: AnswerLog, concepts: int) -> tuple[np.ndarray, np.ndarray]:
    """Practice and answers before each step by loops, [N, C] each."""
    practice, answers = np.zeros((2, log.steps, concepts))
    for step in range(log.steps):
        for c in range(concepts):
            told = [
                s for s in range(log.offsets[log.student[step]], step) if c in log.concept_sets[log.sets[s]]
            ]
            right = log.correct[told].sum()
            practice[step, c] = np.log1p(len(told))
            answers[step, c] = np.log1p(right) - np.log1p(len(told) - right)
    return practice, answers


def test_features_equal_loops_and_parts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    log = classroom()
    model = Transfer().fit(log, log)
    practice, answers = features(log, 5)
    for cells in (module.CELLS, 300):
        monkeypatch.setattr(module, "CELLS", cells)
        parts = list(model._designs(log))
        assert (len(parts) > 3) == (cells == 300)
        step, concept, X = (np.concatenate(one) for one in zip(*parts, strict=True))
        np.testing.assert_allclose(X[:, SHARED:], np.concatenate([practice, answers], axis=1)[step])
        for s in range(log.steps):
            told = sorted(log.concept_sets[log.sets[s]] + 1)
            assert sorted(concept[step == s]) == (told or [0])


def test_it_is_the_ridge_regression_of_each_concept() -> None:
    log = classroom(60)
    model = Transfer(ridge=3.0).fit(log, log)
    step, concept, X = (np.concatenate(one) for one in zip(*model._designs(log), strict=True))
    for c in range(1, 6):
        mine = concept == c
        held = np.diag(np.sqrt(np.where(np.arange(X.shape[1]) < SHARED, 1e-3, 3.0)))
        stacked = np.concatenate([X[mine], held])
        expected = np.linalg.lstsq(
            stacked, np.concatenate([log.correct[step[mine]], np.zeros(len(held))]), rcond=None
        )[0]
        np.testing.assert_allclose(model.weights[c], expected, atol=1e-7)
    assert (model.weights[0, SHARED:] == 0).all()
    assert model.parameters == SHARED * 6 + 2 * 25


def test_its_influences_are_its_weights() -> None:
    made = simulate(students=300, concepts=2, questions=3, steps=6, seed=100)
    log = questions_as_concepts(made.log)
    model = Transfer(calibration="none").fit(log, log)
    model.weights[:, :SHARED] = 0.5 * (np.arange(SHARED) == 0)  # only the pairs speak
    found = influence(model, log).effect
    answers = model.weights[1:, SHARED + 6 :]
    off = ~np.eye(6, dtype=bool)  # each question once: of one answer, ln 2 for a right one, -ln 2 for a wrong
    np.testing.assert_allclose(found[off], 2 * np.log(2) * answers[off], atol=1e-9)


def test_no_leak_and_nobody_else_matters() -> None:
    log = classroom()
    model = Transfer(ridge=1.0).fit(log, log)
    hold_no_leak(model)
    hold_composition(model)
    told = model.predict(log)
    assert ((told > 0) & (told < 1)).all()
    rate = log.correct.mean()
    assert ((told - log.correct) ** 2).mean() < ((rate - log.correct) ** 2).mean() - 0.02


def test_the_ridge_is_chosen_on_validation_students() -> None:
    log = simulate("none", students=600, concepts=3, questions=4, steps=12, seed=100).log
    train, valid = log.take(np.arange(450)), log.take(np.arange(450, 600))
    errors = {}
    for ridge in (0.1, 100.0, 1e7):
        told = Transfer(ridge=ridge, calibration="none").fit(train, valid).predict(valid)
        errors[ridge] = ((told - valid.correct) ** 2).mean()
    chosen = Transfer(ridge=[0.1, 100.0, 1e7], calibration="none").fit(train, valid)
    assert chosen.notes["ridge"] == min(errors, key=errors.get)
    assert list(chosen.notes["tried"]) == ["0.1", "100.0", "10000000.0"]


def test_state_holds_all_of_it() -> None:
    log = classroom()
    model = Transfer().fit(log, log)
    again = Transfer()
    again._restore(model.state["fitted"])
    again._calibrator = model._calibrator
    np.testing.assert_array_equal(again.predict(log), model.predict(log))


def test_what_it_cannot_do_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in (0.0, [], [1.0, -1.0]):
        with pytest.raises(ConfigError, match="'ridge' of 'transfer'"):
            Transfer(ridge=wrong)
    monkeypatch.setattr(module, "MOST", 4)
    with pytest.raises(DataError, match="5 concepts, it serves 4 at most"):
        Transfer().fit(classroom(), classroom())
