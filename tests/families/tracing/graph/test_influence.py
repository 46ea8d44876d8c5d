from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.families.tracing.graph.hand_made import Linear, drawn_log, log_of

from umbel.errors import ConfigError, DataError
from umbel.families.tracing.graph import influence as module
from umbel.families.tracing.graph.influence import influence
from umbel.families.tracing.source.log import Concepts

WEIGHTS = np.array([[0.2, 0.0, 0.1], [0.05, 0.3, -0.1], [0.0, 0.15, 0.02]])


def test_a_known_influence_is_found_exactly() -> None:
    found = influence(Linear(WEIGHTS), drawn_log(40, 9, 3))
    np.testing.assert_allclose(found.effect, WEIGHTS, atol=1e-12)
    assert found.count.min() > 20


def test_partial_credit_counts_by_its_size() -> None:
    log = drawn_log(30, 9, 3)
    partial = log.answered(np.random.default_rng(1).random(log.steps))
    np.testing.assert_allclose(influence(Linear(WEIGHTS), partial).effect, WEIGHTS, atol=1e-12)


def test_what_fades_is_averaged_over_the_horizon() -> None:
    tracer, log = Linear(WEIGHTS, fade=0.5), log_of([[0, 1, 1, 1, 1]] * 2, [[1, 0, 1, 1, 0], [0, 1, 1, 0, 1]])
    for horizon, mean in ((1, 1.0), (2, 0.75), (4, 0.46875), (None, 0.46875)):
        found = influence(tracer, log, horizon=horizon)
        assert found.effect[1, 0] == pytest.approx(0.05 * mean)
        assert found.count[1, 0] == 2 * min(horizon or 4, 4)
    assert np.isnan(found.effect[0]).all()
    assert np.isnan(found.effect[:, 2]).all()


def test_a_step_of_several_concepts_counts_for_each() -> None:
    log = log_of([[0, 1, 2, 3]], [[1, 0, 1, 0]], 4)
    log = replace(log, concepts=("a", "b", "c"), concept_sets=Concepts.of([(0,), (1, 2), (), (1,)]))
    found = influence(Linear(WEIGHTS), log)
    assert found.count.tolist() == [[0, 0, 0], [2, 1, 1], [1, 0, 0]]
    assert found.effect[1, 0] == pytest.approx((WEIGHTS[1, 0] + WEIGHTS[2, 0] + WEIGHTS[1, 0]) / 2)


def test_parts_and_the_draw_of_students_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    log, whole = drawn_log(40, 9, 3), Linear(WEIGHTS, fade=0.7)
    together = influence(whole, log, seed=3)
    monkeypatch.setattr(module, "MOST_STEPS", 50)
    parts = Linear(WEIGHTS, fade=0.7)
    apart = influence(parts, log, seed=3)
    np.testing.assert_allclose(apart.effect, together.effect, atol=1e-12)
    assert (whole.calls, parts.calls > 5) == (2, True)
    few = influence(Linear(WEIGHTS), log, students=10, seed=1)
    assert few.count.sum() < together.count.sum() / 3
    np.testing.assert_allclose(few.effect, WEIGHTS, atol=1e-12)


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(DataError, match="two answers or more"):
        influence(Linear(WEIGHTS), log_of([[0], [1]], [[1], [0]]))
    with pytest.raises(ConfigError, match="'horizon'"):
        influence(Linear(WEIGHTS), drawn_log(3, 3, 3), horizon=0)
    with pytest.raises(ConfigError, match="'students'"):
        influence(Linear(WEIGHTS), drawn_log(3, 3, 3), students=0)
