"""Resamples are paired, whole entities, independent of blocks; intervals cover as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from umbel.judging.bootstrap import Percentile, Resamples


def counts_of(drawn: Resamples, rows: np.ndarray) -> np.ndarray:
    return np.concatenate([block for _, block in drawn.blocks(rows)], axis=1)


def test_whole_entities_are_drawn() -> None:
    entity = np.array([7, 7, 3, 9, 3, 7])
    drawn = Resamples(entity, 200, seed=1)
    counts = counts_of(drawn, np.arange(6))
    assert counts.shape == (6, 201)
    assert (counts[:, 0] == 1).all()
    assert (counts[0] == counts[1]).all()
    assert (counts[2] == counts[4]).all()
    assert ((counts[0] + counts[2] + counts[3])[1:] == 3).all()
    assert drawn.units(np.array([0, 1, 5])) == 1


def test_each_task_reads_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Resamples(np.arange(50), 40, seed=3)
    every = counts_of(drawn, np.arange(50))
    some = np.array([40, 3, 17])
    np.testing.assert_array_equal(counts_of(drawn, some), every[some])
    monkeypatch.setattr("umbel.judging.bootstrap._CELLS", 1)
    np.testing.assert_array_equal(counts_of(drawn, np.arange(50)), every)
    assert len(list(drawn.blocks(np.arange(50)))) == 3


def test_same_seed_same_draws_and_more_resamples_extend_them() -> None:
    few, more, other = (Resamples(np.arange(30), n, seed=s) for n, s in ((5, 0), (9, 0), (5, 1)))
    np.testing.assert_array_equal(few.counts, more.counts[:6])
    assert (few.counts != other.counts).any()


@pytest.mark.parametrize("rows", [12, 60])
def test_coverage_of_a_normal_mean(rows: int) -> None:
    rng = np.random.default_rng(11)
    rule, hits = Percentile(), 0
    counts = Resamples(np.arange(rows), 400, seed=0).counts[1:].astype(float)
    for _ in range(400):
        means = counts @ rng.normal(size=rows) / rows
        low, high = rule(means, rows) or (np.nan, np.nan)
        hits += low <= 0 <= high
    assert 0.92 <= hits / 400 <= 0.98


def test_plain_percentiles_for_many_entities_and_none_for_few() -> None:
    replicates = np.random.default_rng(0).normal(size=5000)
    low, high = Percentile()(replicates, 10**7) or (0.0, 0.0)
    assert (low, high) == pytest.approx(np.quantile(replicates, [0.025, 0.975]), abs=1e-4)
    wider = Percentile()(replicates, 10) or (0.0, 0.0)
    assert wider[0] < low < high < wider[1]
    assert Percentile()(replicates, 7) is None
    assert Percentile()(np.zeros(0), 100) is None


def test_no_interval_where_half_of_the_resamples_are_undefined() -> None:
    replicates = np.full(100, np.nan)
    replicates[:50] = 1.0
    assert Percentile()(replicates, 100) is None
    replicates[50] = 1.0
    assert Percentile()(replicates, 100) == (1.0, 1.0)
