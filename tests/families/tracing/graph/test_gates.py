from __future__ import annotations

import numpy as np
import pytest
from tests.families.tracing.graph.hand_made import drawn_log

from umbel.families.tracing.graph.gates import gates
from umbel.families.tracing.graph.significance import significance
from umbel.families.tracing.source.simulate import simulate


def test_planted_prerequisites_are_found_with_their_direction() -> None:
    made = simulate("chain", students=3000, concepts=4, questions=10, steps=40, seed=100)
    found = significance(gates(made.log), 4, draws=500)
    assert ((found.q <= 0.05) == made.prerequisites).all()
    need, needed = np.nonzero(made.prerequisites)
    assert (found.z[need, needed] > found.z[needed, need] + 3).all()
    assert found.effect[1, 0] > 0.005


def test_scores_belong_to_students_whoever_stands_beside_them() -> None:
    log = simulate("hidden", students=150, concepts=3, questions=4, steps=12, seed=100).log
    order = np.random.default_rng(0).permutation(150)
    plain, turned = list(gates(log)), list(gates(log.take(order)))
    assert [one.concept for one in plain] == [0, 1, 2]
    for one, other in zip(plain, turned, strict=True):
        np.testing.assert_allclose(other.scores, one.scores[order], atol=1e-9)
        assert (one.scores[:, one.concept] == 0).all()
        assert not one.met[:, one.concept].any()
        assert one.met.sum() == 300
        assert one.answers == 600


def test_ability_alone_gates_nothing() -> None:
    log = drawn_log(1200, 24, 4, ability=0.2, seed=3)
    found = significance(gates(log), 4, draws=500)
    told = found.z[~np.eye(4, dtype=bool)]
    assert np.abs(told).max() < 3.5
    assert found.q.min() > 0.05
    assert told.std() < 1.8


def test_a_concept_with_few_answers_is_passed_over() -> None:
    log = drawn_log(30, 6, 3)
    assert list(gates(log)) == []
    assert [one.concept for one in gates(log, least=60)] == [0, 1, 2]
    once = drawn_log(200, 3, 3)  # each concept once: there is no earlier practice that could be gated
    assert all(not one.met.any() and not one.scores.any() for one in gates(once))
    assert significance(gates(once), 3, draws=10).p.min() == pytest.approx(1.0)
