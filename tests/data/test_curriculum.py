"""Curricula: shares that grow as the papers say, rows that wait, an exact state, processes that are one."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from going_on import take_rows
from umbel.data.curriculum import Curriculum, competence
from umbel.data.sampler import Sampler
from umbel.data.task_sampler import TaskSampler
from umbel.errors import ConfigError, DataError

ROWS = 60
DIFFICULTY = np.random.default_rng(0).normal(size=ROWS)
TASKS = np.random.default_rng(1).choice(3, ROWS, p=[0.6, 0.3, 0.1])

inner = st.sampled_from(["plain", "ordered", "mixed", "alone", "weighted"])
pace = st.fixed_dictionaries({"how": st.sampled_from(["quantile", "competence"])}, optional={}).flatmap(
    lambda given: st.sampled_from([{**given, "epochs": 3}, {**given, "steps": 17}])
)


def under(kind: str, **processes: int) -> Sampler:
    """A sampler to lay a curriculum over."""
    if kind in ("plain", "ordered"):
        return Sampler(ROWS, 7, 4, shuffle=kind == "plain", **processes)
    weights = np.random.default_rng(2).random(ROWS) + 0.1 if kind == "weighted" else None
    return TaskSampler(TASKS, 7, 4, how="uniform", mixed=kind != "alone", class_weights=weights, **processes)


@given(st.floats(0.01, 1.0), st.integers(1, 1000))
@settings(deadline=None, max_examples=60)
def test_competence_begins_at_start_ends_at_one_and_its_square_is_a_line(start: float, end: int) -> None:
    times = np.linspace(0, end, 9)
    root = np.array([competence(t, end, start) for t in times])
    line = np.array([competence(t, end, start, how="quantile") for t in times])
    assert root[0] == pytest.approx(start)
    assert root[-1] == line[-1] == 1.0 == competence(2 * end, end, start)
    np.testing.assert_allclose(root**2, np.linspace(start**2, 1, 9), rtol=1e-9)
    np.testing.assert_allclose(line, np.linspace(start, 1, 9), rtol=1e-9)
    assert (root >= line - 1e-12).all()


def test_competence_by_hand() -> None:
    # Platanios et al. 2019 with c0 = 0.1 and T = 100: sqrt(25 * 0.99 / 100 + 0.01)
    assert competence(25, 100, 0.1) == pytest.approx(math.sqrt(0.2575))
    assert competence(25, 100, 0.1, how="quantile") == pytest.approx(0.325)


@given(inner, pace, st.sampled_from([0.05, 0.3, 0.7]))
@settings(deadline=None, max_examples=40)
def test_only_allowed_rows_come(kind: str, pace: dict[str, Any], start: float) -> None:
    sampler = Curriculum(under(kind), DIFFICULTY, start=start, **pace)
    pools = sampler.pools
    shares = []
    for epoch in range(5):
        assert len(sampler) == len(under(kind))
        tasks = under(kind).turns(epoch) if len(pools) > 1 else torch.zeros(sampler.count, dtype=torch.long)
        for position, batch in enumerate(sampler):
            share = sampler.share(epoch, position)
            shares.append(share)
            own = tasks[7 * position : 7 * position + 7].tolist()
            assert len(batch) == len(own), "batches stay full"
            for row, task in zip(batch.tolist(), own, strict=True):
                pool = pools[task].tolist()
                assert row in pool, "the slot stays with its task"
                easier = sum(DIFFICULTY[other] < DIFFICULTY[row] for other in pool)
                assert easier < max(1, math.ceil(share * len(pool) - 1e-9))
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(start)
    assert shares[-1] == 1.0


@given(inner, pace)
@settings(deadline=None, max_examples=20)
def test_with_all_rows_allowed_it_is_the_sampler(kind: str, pace: dict[str, Any]) -> None:
    plain = under(kind)
    count = 3 * len(plain)
    assert take_rows(Curriculum(under(kind), DIFFICULTY, start=1.0, **pace), count) == take_rows(plain, count)


@given(inner, pace, st.integers(0, 50))
@settings(deadline=None, max_examples=40)
def test_a_restored_curriculum_goes_on_with_the_next_batch(
    kind: str, pace: dict[str, Any], after: int
) -> None:
    def make() -> Curriculum:
        return Curriculum(under(kind), DIFFICULTY, start=0.2, **pace)

    whole = take_rows(make(), after + 15)
    first = make()
    take_rows(first, after)
    second = make()
    second.restore(json.loads(json.dumps(first.state)))
    assert take_rows(second, 15) == whole[after:]


@given(inner, pace, st.sampled_from([2, 3]))
@settings(deadline=None, max_examples=20)
def test_the_slices_of_all_processes_are_the_batch(kind: str, pace: dict[str, Any], world: int) -> None:
    alone = Curriculum(under(kind), DIFFICULTY, **pace)
    parts = [Curriculum(under(kind, rank=r, world=world), DIFFICULTY, **pace) for r in range(world)]
    for _ in range(2):
        for batch, *slices in zip(alone, *parts, strict=True):
            assert torch.cat(slices).tolist() == batch.tolist()
    assert all(part.state == alone.state for part in parts)


def test_allowed_rows_all_come_before_one_comes_again() -> None:
    sampler = Curriculum(Sampler(ROWS, 7, 0), DIFFICULTY, start=0.3, epochs=100)
    found = Counter(row for batch in sampler for row in batch.tolist())
    easiest = np.argsort(DIFFICULTY)[:18].tolist()
    assert set(found) == set(easiest)
    assert max(found.values()) - min(found.values()) <= 1
    assert sum(found.values()) == ROWS


def test_the_share_stays_within_an_epoch_or_grows_with_the_steps() -> None:
    by_epoch = Curriculum(Sampler(ROWS, 6, 0), DIFFICULTY, start=0.5, epochs=2)
    assert [by_epoch.share(e, p) for e, p in ((0, 0), (0, 9), (1, 0), (2, 0))] == [0.5, 0.5, 0.75, 1.0]
    by_step = Curriculum(Sampler(ROWS, 6, 0), DIFFICULTY, start=0.5, steps=20)
    assert [by_step.share(e, p) for e, p in ((0, 0), (1, 0), (1, 5), (2, 0))] == [0.5, 0.75, 0.875, 1.0]


def test_harder_rows_come_within_the_epoch_as_soon_as_they_may() -> None:
    sampler = Curriculum(Sampler(1000, 100, 0), np.arange(1000), start=0.2, steps=8)
    hardest = [int(batch.max()) for batch in sampler]
    limits = [200 + 100 * step for step in range(8)] + [1000, 1000]
    # of 100 rows below the limit, none in the last fifth: a chance of 2e-10
    assert all(0.8 * limit < most < limit for most, limit in zip(hardest, limits, strict=True))


def test_equal_difficulties_are_ranked_by_chance_not_by_place() -> None:
    first = {
        row for batch in Curriculum(Sampler(100, 10, 0), np.zeros(100), epochs=2) for row in batch.tolist()
    }
    assert len(first) == 30
    assert first != set(range(30))


def test_the_sampler_beneath_is_not_moved() -> None:
    sampler = Sampler(ROWS, 7, 0)
    take_rows(Curriculum(sampler, torch.from_numpy(DIFFICULTY), epochs=2), 40)
    assert sampler.state == {"epoch": 0, "position": 0}


def test_allowed_rows_of_no_weight_are_an_error() -> None:
    weights = np.array([1e-300] + [1.0] * 9)
    sampler = TaskSampler(np.zeros(10, dtype=int), 2, 0, class_weights=weights)
    with pytest.raises(ConfigError, match="the 1 easiest rows of task 0 have next to no weight"):
        list(Curriculum(sampler, np.arange(10), start=0.1, epochs=3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"how": "competense", "epochs": 2}, "did you mean 'competence'"),
        ({"start": 0.0, "epochs": 2}, "start 0.0"),
        ({"start": 1.1, "epochs": 2}, "start 1.1"),
        ({"epochs": 0}, "end 0"),
        ({"steps": -1}, "end -1"),
        ({}, "epochs None, steps None"),
        ({"epochs": 2, "steps": 3}, "epochs 2, steps 3"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Curriculum(Sampler(ROWS, 7, 0), DIFFICULTY, **options)


def test_what_no_curriculum_can_be_laid_over() -> None:
    once = Curriculum(Sampler(ROWS, 7, 0), DIFFICULTY, epochs=2)
    with pytest.raises(ConfigError, match="Curriculum"):
        Curriculum(once, DIFFICULTY, epochs=2)
    with pytest.raises(DataError, match=r"\[59\] for 60 rows"):
        Curriculum(Sampler(ROWS, 7, 0), DIFFICULTY[1:], epochs=2)
    holed = DIFFICULTY.copy()
    holed[[3, 8]] = np.nan
    with pytest.raises(DataError, match="nan in row 3, 8"):
        Curriculum(Sampler(ROWS, 7, 0), holed, epochs=2)
