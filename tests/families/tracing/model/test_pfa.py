"""Performance factors analysis, against scikit-learn on features of a plain loop."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tests.families.tracing.model.classic_logs import small_log, strange_log

from umbel.errors import ConfigError
from umbel.families.tracing.model.pfa import PFA
from umbel.families.tracing.source.log import AnswerLog


def slow_features(log: AnswerLog, counts: str) -> np.ndarray:
    found = np.zeros((log.steps, 3 * 4))
    for student in range(len(log)):
        wins: Counter[int] = Counter()
        losses: Counter[int] = Counter()
        for step in range(log.offsets[student], log.offsets[student + 1]):
            concepts = [c for c in log.concept_sets[log.sets[step]].tolist() if c < 4]
            for c in concepts:
                found[step, 3 * c] = 1
                found[step, 3 * c + 1] = wins[c] if counts == "raw" else np.log1p(wins[c])
                found[step, 3 * c + 2] = losses[c] if counts == "raw" else np.log1p(losses[c])
            for c in concepts:
                wins[c] += log.correct[step]
                losses[c] += 1 - log.correct[step]
    return found


@pytest.mark.parametrize("counts", ["raw", "log"])
def test_it_equals_scikit_learn_on_the_same_features(counts: str) -> None:
    train, test = small_log(60), strange_log(small_log(30, seed=1))
    model = PFA(counts=counts, strength=0.3, calibration="none").fit(train, train)
    other = LogisticRegression(C=0.3, tol=1e-10, max_iter=5000, solver="newton-cg")
    other.fit(slow_features(train, counts), train.correct)
    known = slow_features(test, counts).any(axis=1)
    expected = other.predict_proba(slow_features(test, counts))[:, 1]
    assert 0.3 < known.mean() < 0.7
    assert np.allclose(model.predict(test)[known], expected[known], atol=1e-4)


def test_features_are_those_of_a_loop() -> None:
    log = small_log(20, partial=True)
    model = PFA(counts="raw").fit(log, log)
    assert isinstance(model, PFA)
    assert np.allclose(model.features(log).toarray(), slow_features(log, "raw"), atol=1e-9)


def test_steps_without_a_known_concept_count_all_answers() -> None:
    log = small_log(60)
    model = PFA(strength=1.0, calibration="none").fit(log, log)
    strange = strange_log(small_log(30, seed=1))
    bare = ~slow_features(strange, "raw").any(axis=1)
    X = np.zeros((log.steps, 2))
    Z = np.zeros((strange.steps, 2))
    for one, rows in ((log, X), (strange, Z)):
        for step in range(one.steps):
            before = one.correct[step - one.place[step] : step]
            rows[step] = np.log1p([before.sum(), (1 - before).sum()])
    other = LogisticRegression(C=1.0, tol=1e-10, solver="newton-cg").fit(X, log.correct)
    assert np.allclose(model.predict(strange)[bare], other.predict_proba(Z[bare])[:, 1], atol=1e-4)


def test_strength_is_chosen_on_validation_students() -> None:
    model = PFA().fit(small_log(40), small_log(40, seed=1))
    losses = model.notes["tried"]
    assert str(model.notes["strength"]) == min(losses, key=losses.get)
    assert model.parameters == 3 * 4 + 1 + 3


def test_refusals() -> None:
    with pytest.raises(ConfigError, match="counts"):
        PFA(counts="cubic")
    with pytest.raises(ConfigError, match="strength"):
        PFA(strength=[])
