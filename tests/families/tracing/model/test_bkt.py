"""Bayesian knowledge tracing over logs: several concepts, fallbacks, the table."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score
from tests.families.tracing.model.classic_logs import small_log, strange_log

from umbel.errors import ConfigError
from umbel.families.tracing.model.bkt import BKT
from umbel.families.tracing.source.log import AnswerLog, Concepts
from umbel.families.tracing.source.simulate import simulate


def planted(seed: int, students: int = 400, steps: int = 20) -> AnswerLog:
    """Two concepts that students learn as the model says."""
    chance = np.random.default_rng(seed)
    prior, learn, guess, slip = np.array([[0.2, 0.5], [0.2, 0.05], [0.2, 0.1], [0.05, 0.15]])
    known = chance.random((students, 2)) < prior
    concept = chance.integers(0, 2, (students, steps))
    correct = np.empty((students, steps))
    row = np.arange(students)
    for t in range(steps):
        c = concept[:, t]
        correct[:, t] = chance.random(students) < np.where(known[row, c], 1 - slip[c], guess[c])
        known[row, c] |= chance.random(students) < learn[c]
    offsets = np.arange(students + 1) * steps
    return AnswerLog(
        tuple(f"s{i}" for i in range(students)),
        (),
        ("a", "b"),
        offsets,
        np.full(students * steps, -1),
        concept.ravel(),
        Concepts.of([(0,), (1,)]),
        correct.ravel(),
    )


def test_planted_concepts_stand_in_the_table() -> None:
    model = BKT(forget=False).fit(planted(0, 1500), planted(1, 50))
    assert isinstance(model, BKT)
    table = model.table()
    assert table.index.tolist() == ["a", "b"]
    assert (table["forget"] == 0).all()
    assert np.allclose(table.loc["a", ["prior", "learn", "guess", "slip"]], [0.2, 0.2, 0.2, 0.05], atol=0.06)
    assert np.allclose(table.loc["b", ["prior", "learn", "guess", "slip"]], [0.5, 0.05, 0.1, 0.15], atol=0.06)
    assert model.parameters == 3 * 4


def test_forecasts_rank_simulated_answers() -> None:
    train, valid, test = (simulate(students=150, cohort=c).log for c in range(3))
    for forget in (False, True):
        stated = BKT(forget=forget).fit(train, valid).predict(test)
        assert roc_auc_score(test.correct, stated) > 0.6


def test_several_concepts_are_pooled_as_logits() -> None:
    log = small_log()
    model = BKT(calibration="none").fit(log, log)
    one = log.take([5]).first(1)
    sets = Concepts.of([(0,), (2,), (3,), (0, 2, 3)])
    alone = []
    for place in range(4):
        asked = AnswerLog(
            one.students,
            one.questions,
            one.concepts,
            one.offsets,
            one.question,
            np.array([place]),
            sets,
            one.correct,
        )
        alone.append(model.predict(asked)[0])
    assert alone[3] == pytest.approx(expit(np.mean(logit(alone[:3]))), abs=1e-12)


def test_every_concept_of_a_question_learns_from_its_answer() -> None:
    log = small_log()
    model = BKT().fit(log, log)
    assert isinstance(model, BKT)
    for wrong, right in zip(
        *(
            [
                model.forecast(model.update(model.begin(), None, ["add", "plot"], x), None, [c])
                for c in ("add", "plot")
            ]
            for x in (0.0, 1.0)
        ),
        strict=True,
    ):
        assert right > wrong


def test_steps_without_a_known_concept_depend_on_the_other_answers() -> None:
    log = small_log()
    model = BKT().fit(log, log)
    strange = strange_log(log)
    bare = (strange.sets == 6) | (strange.sets == 7)
    late = bare & (strange.place > 5)
    good, bad = (model.predict(strange.answered(np.full(log.steps, x)))[late] for x in (1.0, 0.0))
    assert (good > bad).all()


def test_refusals() -> None:
    for options in ({"starts": 0}, {"iterations": 0}, {"most_guess": 1.0}, {"most_slip": 0.0}):
        with pytest.raises(ConfigError, match=str(next(iter(options)))):
            BKT(**options)
