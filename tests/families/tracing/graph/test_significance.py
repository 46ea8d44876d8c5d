from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from umbel.errors import ConfigError
from umbel.families.tracing.graph import significance as module
from umbel.families.tracing.graph.gates import Gate
from umbel.families.tracing.graph.significance import contrasts, exchanged, false_discovery, significance


def gate(chance: np.random.Generator, concept: int, students: int, count: int) -> Gate:
    """No edge by construction: a student's scores are exchangeable, heavy-tailed, and share his ability."""
    scores = chance.standard_t(4, (students, count)) + 3 * chance.standard_normal((students, 1))
    met = chance.random((students, count)) < 0.8
    met[:, concept] = False
    return Gate(concept, scores * met, met, students)


def test_p_values_are_uniform_where_there_is_no_edge() -> None:
    found = []
    for seed in range(60):
        chance = np.random.default_rng(seed)
        one = significance([gate(chance, i, 80, 6) for i in range(6)], 6, draws=400, seed=seed)
        found.append(one.p[0, 1 + seed % 5])  # one of each: those of a row belong together
        found.append(one.p[3, seed % 3])
    assert stats.kstest(found, "uniform").pvalue > 0.01
    assert 0.01 <= np.mean(np.array(found) <= 0.05) <= 0.12


def test_false_edges_are_rare_and_an_edge_is_found() -> None:
    false = 0
    for seed in range(40):
        chance = np.random.default_rng([7, seed])
        gates = [gate(chance, i, 60, 6) for i in range(6)]
        planted = gates[2].scores + 1.5 * gates[2].met * (np.arange(6) == 4)
        gates[2] = Gate(2, planted, gates[2].met, 60)
        found = significance(gates, 6, draws=500, seed=seed)
        assert found.q[2, 4] <= 0.05
        edges = found.q <= 0.05
        edges[2, 4] = False
        false += int(edges.sum())
    assert false <= 6  # of 1160 pairs, where 58 have p <= .05


def test_the_permutation_equals_all_permutations() -> None:
    rest = np.array([[3.0, -1.0, -2.0], [0.5, 0.5, -1.0], [2.0, -2.0, 0.0]])
    met = np.array([[True, True, True], [True, True, True], [True, True, False]])
    every = [
        (a + b + c) / np.sqrt(a * a + b * b + c * c) for a in rest[0] for b in rest[1] for c in rest[2, :2]
    ]
    null = exchanged(rest, met, draws=40_000)
    for edge in (-1.5, -0.5, 0.0, 0.6, 1.4):
        assert (null > edge).mean() == pytest.approx(np.mean(np.array(every) > edge), abs=0.01)


def test_contrasts_take_the_student_out() -> None:
    scores = np.array([[1.0, 2.0, 6.0], [5.0, 0.0, 1.0], [4.0, 0.0, 0.0]])
    met = np.array([[True, True, True], [True, False, True], [True, False, False]])
    assert contrasts(scores, met).tolist() == [[-2.0, -1.0, 3.0], [2.0, 0.0, -2.0], [0.0, 0.0, 0.0]]
    np.testing.assert_allclose(contrasts(scores + 10, met), contrasts(scores, met))


def test_false_discovery_is_that_of_scipy() -> None:
    p = np.random.default_rng(0).random(50) ** 3
    np.testing.assert_allclose(false_discovery(p), stats.false_discovery_control(p), atol=1e-12)
    assert false_discovery(np.zeros(0)).shape == (0,)


def test_more_is_drawn_where_an_edge_is_beyond_all_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(0)
    own = gate(chance, 0, 50, 6)
    strong = Gate(0, own.scores + 9.0 * own.met * (np.arange(6) == 3), own.met, 50)
    few = significance([strong], 6, draws=100)
    assert few.p[0, 3] == pytest.approx(1 / 601)  # 20 a pair of 30
    assert significance([own], 6, draws=100).p.max() > 1 / 101
    monkeypatch.setattr(module, "MOST_DRAWS", 200)
    assert significance([strong], 6, draws=100).p[0, 3] == pytest.approx(1 / 201)
    monkeypatch.setattr(module, "PICKS", 60)
    again = significance([strong], 6, draws=100).p
    assert again[0, 3] == pytest.approx(1 / 201)


def test_no_draw_is_refused() -> None:
    with pytest.raises(ConfigError, match="'draws'"):
        significance([], 3, draws=0)
    nothing = significance([], 3)
    assert np.isnan(nothing.z).all()
    assert (nothing.q == 1).all()
