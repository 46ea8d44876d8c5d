"""Sampling over tasks: shares as asked, no row twice in a pass, an exact state, processes that are one."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from going_on import take_rows
from umbel.data.sampler import Sampler
from umbel.data.task_sampler import TaskSampler, inverse_frequency
from umbel.errors import ConfigError, DataError

HOWS = ("proportional", "tempered", "uniform", "round_robin")

codes = st.lists(st.integers(1, 25), min_size=1, max_size=5).flatmap(
    lambda sizes: st.permutations([task for task, size in enumerate(sizes) for _ in range(size)])
)
options = st.fixed_dictionaries(
    {
        "how": st.sampled_from(HOWS),
        "alpha": st.sampled_from([0.0, 0.3, 1.0]),
        "mixed": st.booleans(),
        "length": st.one_of(st.none(), st.integers(1, 9)),
    }
)


@given(codes, st.integers(1, 12), options)
@settings(deadline=None, max_examples=60)
def test_no_row_comes_again_before_all_of_its_task_came(
    codes: list[int], batch_size: int, options: dict[str, Any]
) -> None:
    sampler = TaskSampler(np.array(codes), batch_size, 3, **options)
    rows = [row for batch in take_rows(sampler, 4 * len(sampler)) for row in batch]
    for task, size in Counter(codes).items():
        own = [row for row in rows if codes[row] == task]
        for start in range(0, len(own), size):
            part = own[start : start + size]
            assert len(set(part)) == len(part)
    if options["mixed"] and options["length"] is None and options["how"] == "proportional":
        assert sorted(rows) == sorted([*range(len(codes))] * 4)


@given(codes, st.integers(1, 12), st.integers(0, 25), options, st.booleans())
@settings(deadline=None, max_examples=60)
def test_a_restored_sampler_goes_on_with_the_next_batch(
    codes: list[int], batch_size: int, after: int, options: dict[str, Any], weighted: bool
) -> None:
    def make() -> TaskSampler:
        weights = 1.0 + np.arange(len(codes)) if weighted else None
        return TaskSampler(np.array(codes), batch_size, 5, class_weights=weights, **options)

    whole = take_rows(make(), after + 15)
    first = make()
    take_rows(first, after)
    second = make()
    second.restore(json.loads(json.dumps(first.state)))
    assert take_rows(second, 15) == whole[after:]
    # the restored one and one that never stopped have the same state
    never = make()
    take_rows(never, after + 15)
    assert second.state == never.state


@given(codes, st.integers(1, 12), options, st.sampled_from([2, 3]))
@settings(deadline=None, max_examples=40)
def test_the_slices_of_all_processes_are_the_batch(
    codes: list[int], batch_size: int, options: dict[str, Any], world: int
) -> None:
    alone = TaskSampler(np.array(codes), batch_size, 2, **options)
    parts = [
        TaskSampler(np.array(codes), batch_size, 2, rank=r, world=world, **options) for r in range(world)
    ]
    for _ in range(2):
        for batch, *slices in zip(alone, *parts, strict=True):
            assert torch.cat(slices).tolist() == batch.tolist()
    assert all(part.state == alone.state for part in parts)


def counts(sampler: TaskSampler, codes: list[int], epochs: int) -> list[Counter[int]]:
    """How many rows of each task came in each epoch."""
    return [Counter(codes[int(row)] for batch in sampler for row in batch) for _ in range(epochs)]


@pytest.mark.parametrize(
    ("how", "alpha", "shares"),
    [
        ("proportional", 0.5, (64 / 84, 16 / 84, 4 / 84)),
        ("tempered", 1.0, (64 / 84, 16 / 84, 4 / 84)),
        ("tempered", 0.5, (8 / 14, 4 / 14, 2 / 14)),
        ("tempered", 0.0, (1 / 3, 1 / 3, 1 / 3)),
        ("uniform", 0.5, (1 / 3, 1 / 3, 1 / 3)),
        ("round_robin", 0.5, (1 / 3, 1 / 3, 1 / 3)),
    ],
)
def test_tasks_get_their_shares(how: Any, alpha: float, shares: tuple[float, ...]) -> None:
    codes = [0] * 64 + [1] * 16 + [2] * 4
    sampler = TaskSampler(np.array(codes), 10, 0, how=how, alpha=alpha, length=10)
    found = counts(sampler, codes, 200)
    for task, share in enumerate(shares):
        line = np.array([epoch[task] for epoch in found])
        if how != "proportional":
            assert set(line) <= {int(np.floor(100 * share)), int(np.ceil(100 * share))}
        # a count is floor or ceil by chance: its mean over 200 epochs has a deviation below 0.5 / sqrt(200)
        assert abs(line.mean() - 100 * share) < 4 * 0.5 / np.sqrt(200)


def test_rows_as_they_are_and_in_turn_are_exact() -> None:
    codes = [0] * 7 + [1] * 3
    proportional = TaskSampler(np.array(codes), 5, 0, how="tempered", alpha=1.0)
    assert counts(proportional, codes, 3) == [Counter({0: 7, 1: 3})] * 3
    in_turn = TaskSampler(np.array(codes), 3, 0, how="round_robin", length=1)
    tasks = [[codes[row] for row in batch] for batch in take_rows(in_turn, 3)]
    assert tasks == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    alone = TaskSampler(np.array(codes), 3, 0, how="round_robin", mixed=False, length=3)
    tasks = [[codes[row] for row in batch] for batch in take_rows(alone, 4)]
    assert tasks == [[0] * 3, [1] * 3, [0] * 3, [1] * 3]


def test_a_batch_of_one_task_has_rows_that_know_it() -> None:
    known = np.random.default_rng(0).random((60, 4)) < [0.9, 0.5, 0.2, 0.1]
    known.setflags(write=False)  # as pandas gives it
    for how in HOWS:
        sampler = TaskSampler(known, 6, 1, how=how, mixed=False)
        tasks = sampler.turns(0).reshape(len(sampler), 6)
        batches = list(sampler)
        assert len(batches) == len(sampler) == -(-int(known.any(1).sum()) // 6)
        for batch, own in zip(batches, tasks.tolist(), strict=True):
            assert len(set(own)) == 1
            assert known[batch.numpy(), own[0]].all()
    mixed = TaskSampler(known, 6, 1, how="uniform")
    assert known[mixed.order.numpy(), mixed.turns(0).numpy()].all()
    plain = TaskSampler(known, 6, 1)
    assert sorted(plain.order.tolist()) == np.flatnonzero(known.any(1)).tolist()


def test_rows_that_know_no_task_stay_away() -> None:
    sampler = TaskSampler(np.array([0, -1, 1, 0, -1]), 2, 0)
    assert sorted(torch.cat(list(sampler)).tolist()) == [0, 2, 3]


def test_every_class_of_a_task_comes_equally_often() -> None:
    # task 0 has classes 0 (90 rows) and 1 (10), task 1 has classes 0 (5) and 1 (45)
    codes, classes = [0] * 100 + [1] * 50, [0] * 90 + [1] * 10 + [0] * 5 + [1] * 45
    sampler = TaskSampler(np.array(codes), 50, 0, how="uniform", class_codes=np.array(classes), length=80)
    rows = sampler.order.tolist()
    for task in (0, 1):
        own = [classes[row] for row in rows if codes[row] == task]
        assert len(own) == 2000
        # a binomial of 2000 draws: its share of 1/2 has a deviation of 0.0112
        assert abs(np.mean(own) - 0.5) < 4 * 0.0112
    rare = Counter(row for row in rows if codes[row] == 1 and classes[row] == 0)
    assert set(rare) == set(range(100, 105))
    assert max(rare.values()) > 100, "with replacement"


def test_weights_are_shares_and_zero_is_never() -> None:
    weights = np.array([0.0, 1.0, 3.0, 0.0])
    sampler = TaskSampler(np.array([0, 0, 0, 0]), 40, 0, class_weights=weights, length=100)
    found = Counter(sampler.order.tolist())
    assert set(found) == {1, 2}
    assert abs(found[2] / 4000 - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 4000)
    table = np.array([[1.0, 0.0], [1.0, 2.0], [0.0, 2.0]])
    both = TaskSampler(np.ones((3, 2), bool), 6, 0, how="round_robin", class_weights=table, length=50)
    turns = both.turns(0)
    assert set(both.order[turns == 0].tolist()) == {0, 1}
    assert set(both.order[turns == 1].tolist()) == {1, 2}


def test_inverse_frequency_gives_each_class_the_same_sum() -> None:
    codes = torch.tensor([3, 3, 3, 3, 0, 0, -1])
    weights = inverse_frequency(codes)
    for code in (3, 0, -1):
        assert weights[codes == code].sum().item() == pytest.approx(1.0)


def test_seeds_differ_and_tasks_do_not_share_their_chance() -> None:
    def order(codes: list[int], seed: int, task: int) -> list[int]:
        sampler = TaskSampler(np.array(codes), 4, seed, how="round_robin", length=20)
        return [row for row in sampler.order.tolist() if codes[row] == task]

    assert order([0] * 9 + [1] * 9, 0, 0) != order([0] * 9 + [1] * 9, 1, 0)
    # adding a task changes no other task's order
    assert order([0] * 9 + [1] * 9, 0, 0)[:20] == order([0] * 9 + [1] * 9 + [2] * 9, 0, 0)[:20]


@pytest.mark.parametrize(
    ("known", "options", "message"),
    [
        ([0, 1], {"how": "tempred"}, "did you mean 'tempered'"),
        ([0, 1], {"alpha": 1.5}, "alpha is a number in"),
        ([0, 1], {"length": 0}, "at least one batch"),
        ([0, 1], {"batch_size": 0}, "a sampler needs rows"),
        ([0, 1], {"rank": 2, "world": 2}, "a sampler needs rows"),
        ([0.5, 1.0], {}, r"known is bool \[B, P\]"),
        ([True, False], {}, r"known\[:, None\]"),
        ([0, 1], {"class_codes": [0, 1], "class_weights": [1.0, 1.0]}, "leave one out"),
        ([0, 1], {"class_weights": [1.0]}, r"\[1\] for 2 rows"),
        ([[True, True]], {"class_weights": [[1.0, 1.0]]}, "proportional and mixed has no turns"),
        ([0, 1], {"class_weights": [1.0, -2.0]}, "-2 in row 1"),
        ([0, 1], {"class_weights": [float("nan"), 1.0]}, "nan in row 0"),
    ],
)
def test_options_out_of_range(known: list[Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TaskSampler(np.array(known), **{"batch_size": 2, "seed": 0, **options})


def test_a_task_without_rows_is_named() -> None:
    with pytest.raises(DataError, match="none for task 1 of 3"):
        TaskSampler(np.array([0, 2, 2]), 2, 0)
    with pytest.raises(DataError, match="none for task 0, 2 of 3"):
        TaskSampler(np.array([[False, True, False]]), 2, 0)
    with pytest.raises(DataError, match="no task in any row"):
        TaskSampler(np.array([-1, -1]), 2, 0)
    with pytest.raises(DataError, match="weight above 0"):
        TaskSampler(np.array([0, 1]), 2, 0, how="uniform", class_weights=[1.0, 0.0])


def test_the_state_of_other_tasks_is_refused() -> None:
    two, three = TaskSampler(np.array([0, 1]), 2, 0, how="uniform"), Sampler(4, 2, 0)
    with pytest.raises(ConfigError, match="0 tasks in the state, 2 in the sampler"):
        two.restore(three.state)
