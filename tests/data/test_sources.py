"""Several tables: turns by share, every table's own epochs, an exact state, the same in every process."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from going_on import take
from umbel.data.curriculum import Curriculum
from umbel.data.sampler import Sampler
from umbel.data.sources import SourceSampler, shares, slots_of, take_turns
from umbel.data.task_sampler import TaskSampler
from umbel.errors import ConfigError

HOWS = ("proportional", "tempered", "uniform", "round_robin")
Pairs = list[tuple[str, list[int]]]


def samplers(**processes: int) -> dict[str, Sampler]:
    """Tables of 8, 3 and 5 batches, one of each kind of sampler."""
    return {
        "films": Sampler(40, 5, 1, **processes),
        "books": TaskSampler(np.arange(9) % 2, 3, 2, how="uniform", **processes),
        "songs": Curriculum(Sampler(10, 2, 3, **processes), np.arange(10), steps=9),
    }


def take_pairs(sampler: SourceSampler, count: int) -> Pairs:
    return [(name, batch.tolist()) for name, batch in take(sampler, count)]


options = st.fixed_dictionaries(
    {
        "how": st.sampled_from(HOWS),
        "alpha": st.sampled_from([0.0, 0.5, 1.0]),
        "length": st.one_of(st.none(), st.integers(1, 9)),
    }
)


@given(options)
@settings(deadline=None, max_examples=20)
def test_a_table_goes_its_own_way_whenever_its_turn_comes(options: dict[str, Any]) -> None:
    found = take_pairs(SourceSampler(samplers(), 0, **options), 40)
    for name, own in samplers().items():
        batches: list[list[int]] = []
        while len(batches) < 40:
            batches += [batch.tolist() for batch in own]
        seen = [batch for source, batch in found if source == name]
        assert seen == batches[: len(seen)]


@given(options, st.integers(0, 40))
@settings(deadline=None, max_examples=30)
def test_a_restored_sampler_goes_on_with_the_next_batch(options: dict[str, Any], after: int) -> None:
    whole = take_pairs(SourceSampler(samplers(), 0, **options), after + 20)
    first = SourceSampler(samplers(), 0, **options)
    take_pairs(first, after)
    second = SourceSampler(samplers(), 0, **options)
    second.restore(json.loads(json.dumps(first.state)))
    assert take_pairs(second, 20) == whole[after:]


@given(options, st.sampled_from([2, 3]))
@settings(deadline=None, max_examples=15)
def test_the_slices_of_all_processes_are_the_batch(options: dict[str, Any], world: int) -> None:
    alone = SourceSampler(samplers(), 0, **options)
    parts = [SourceSampler(samplers(rank=r, world=world), 0, **options) for r in range(world)]
    for (name, batch), *slices in zip(alone, *parts, strict=True):
        assert {source for source, _ in slices} == {name}
        assert torch.cat([part for _, part in slices]).tolist() == batch.tolist()
    assert all(part.state == alone.state for part in parts)


def test_proportional_passes_once_through_every_table() -> None:
    sampler = SourceSampler(samplers(), 0)
    assert len(sampler) == 16
    for _ in range(4):
        found = [(name, batch.tolist()) for name, batch in sampler]
        assert Counter(name for name, _ in found) == {"films": 8, "books": 3, "songs": 5}
        assert sorted(row for name, batch in found if name == "films" for row in batch) == list(range(40))


def test_in_turn_goes_on_from_epoch_to_epoch() -> None:
    sampler = SourceSampler(samplers(), 0, how="round_robin", length=4)
    names = [name for name, _ in take_pairs(sampler, 8)]
    assert names == ["books", "films", "songs", "books", "films", "songs", "books", "films"]


def test_the_order_in_which_tables_are_given_does_not_matter() -> None:
    back = dict(reversed(list(samplers().items())))
    assert take_pairs(SourceSampler(back, 0), 20) == take_pairs(SourceSampler(samplers(), 0), 20)
    assert take_pairs(SourceSampler(samplers(), 1), 20) != take_pairs(SourceSampler(samplers(), 0), 20)


@given(
    st.lists(st.integers(1, 10_000), min_size=1, max_size=12),
    st.integers(1, 200),
    st.sampled_from(HOWS),
    st.floats(0, 1),
    st.integers(0, 2**40),
)
@settings(deadline=None, max_examples=150)
def test_turns_are_the_share_rounded_down_or_up(
    sizes: list[int], count: int, how: str, alpha: float, seed: int
) -> None:
    chance = torch.Generator().manual_seed(seed)
    turns = take_turns(sizes, count, seed % 7, how=how, alpha=alpha, chance=chance)
    assert len(turns) == count
    wanted = count * shares(sizes, how, alpha).numpy()
    found = np.bincount(turns.numpy(), minlength=len(sizes))
    assert (np.abs(found - wanted) < 1 + 1e-9).all()
    assert [int(part.numel()) for part in slots_of(turns, len(sizes))] == found.tolist()


def test_shares_by_hand() -> None:
    np.testing.assert_allclose(shares([8, 1], "tempered", 1 / 3), [2 / 3, 1 / 3])
    np.testing.assert_allclose(shares([9, 1], "proportional", 0.2), [0.9, 0.1])
    np.testing.assert_allclose(shares([9, 1], "uniform"), [0.5, 0.5])


def test_bad_input() -> None:
    with pytest.raises(ConfigError, match="of at least one table"):
        SourceSampler({}, 0)
    one = Sampler(4, 2, 0)
    with pytest.raises(ConfigError, match="sampler of its own"):
        SourceSampler({"a": one, "b": one}, 0)
    with pytest.raises(ConfigError, match="same process"):
        SourceSampler({"a": Sampler(4, 2, 0, rank=0, world=2), "b": Sampler(4, 2, 0, rank=1, world=2)}, 0)
    with pytest.raises(ConfigError, match="at least one batch"):
        SourceSampler(samplers(), 0, length=0)
    with pytest.raises(ConfigError, match="did you mean 'uniform'"):
        SourceSampler(samplers(), 0, how="unifrom")
    with pytest.raises(ConfigError, match=r"\['a'\] in the state"):
        SourceSampler(samplers(), 0).restore(SourceSampler({"a": one}, 0).state)
