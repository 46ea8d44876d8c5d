"""The sampler: every row once per epoch, an exact state, and processes that together are one."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from going_on import take_rows
from umbel.data.sampler import Sampler
from umbel.errors import ConfigError

sizes = st.tuples(st.integers(1, 50), st.integers(1, 12), st.integers(0, 5))


@given(sizes)
@settings(deadline=None, max_examples=60)
def test_each_epoch_has_every_row_once(size: tuple[int, int, int]) -> None:
    sampler = Sampler(*size)
    for _ in range(2):
        batches = list(sampler)
        assert len(batches) == len(sampler)
        assert sorted(torch.cat(batches).tolist()) == list(range(size[0]))
        assert batches[0].dtype == torch.long


@given(sizes, st.integers(0, 30))
@settings(deadline=None, max_examples=60)
def test_a_restored_sampler_goes_on_with_the_next_batch(size: tuple[int, int, int], after: int) -> None:
    whole = take_rows(Sampler(*size), after + 20)
    first = Sampler(*size)
    take_rows(first, after)
    second = Sampler(*size)
    second.restore(json.loads(json.dumps(first.state)))
    assert take_rows(second, 20) == whole[after:]


@given(sizes, st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_the_slices_of_all_processes_are_the_batch(size: tuple[int, int, int], world: int) -> None:
    alone = Sampler(*size)
    parts = [Sampler(*size, rank=rank, world=world) for rank in range(world)]
    for batch, *slices in zip(alone, *parts, strict=True):
        assert torch.cat(slices).tolist() == batch.tolist()
        lengths = [len(s) for s in slices]
        assert max(lengths) - min(lengths) <= 1
    assert all(part.state == alone.state for part in parts)


def test_seed_epoch_and_order() -> None:
    sampler = Sampler(100, 100, seed=1)
    one, two = next(iter(sampler)), None
    list(sampler)
    two = next(iter(sampler))
    assert one.tolist() != two.tolist()
    assert next(iter(Sampler(100, 100, seed=1))).tolist() == one.tolist()
    assert next(iter(Sampler(100, 100, seed=2))).tolist() != one.tolist()
    assert next(iter(Sampler(4, 3, seed=1, shuffle=False))).tolist() == [0, 1, 2]


@pytest.mark.parametrize("bad", [{"count": 0}, {"batch_size": 0}, {"rank": 2, "world": 2}])
def test_numbers_out_of_range(bad: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="a sampler needs rows"):
        Sampler(**{"count": 3, "batch_size": 2, "seed": 0, **bad})
