"""Entities by several keys, against a plain union-find."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umbel.data.union import unite
from umbel.errors import ShapeError


def by_hand(keys: list[np.ndarray]) -> list[int]:
    parent = list(range(len(keys[0])))

    def find(node: int) -> int:
        while parent[node] != node:
            node = parent[node]
        return node

    for key in keys:
        seen: dict[int, int] = {}
        for row, value in enumerate(key.tolist()):
            if value >= 0:
                parent[find(row)] = find(seen.setdefault(value, row))
    names: dict[int, int] = {}
    return [names.setdefault(find(row), len(names)) for row in range(len(parent))]


@given(st.integers(1, 40), st.integers(1, 4), st.integers(0, 10**6))
@settings(deadline=None, max_examples=150)
def test_as_a_union_find_by_hand(rows: int, count: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    keys = [chance.integers(-1, 3 * rows // 2, rows) * chance.integers(1, 10**6) for _ in range(count)]
    keys = [np.where(key < 0, -1, key) for key in keys]
    assert unite(keys).tolist() == by_hand(keys)


def test_a_chain_through_two_keys_is_one_entity() -> None:
    rows = np.arange(1000)
    pairs = [rows // 2, (rows + 1) // 2]
    assert unite(pairs).max() == 0
    assert unite(pairs[:1]).max() == 499
    assert unite([np.full(5, -1), np.full(5, -1)]).tolist() == [0, 1, 2, 3, 4]
    assert unite([np.empty(0, dtype=np.int64)]).tolist() == []


@pytest.mark.parametrize(
    "keys", [[], [np.arange(3), np.arange(4)], [np.array([0, -2])], [np.array([0.0, 1.0])]]
)
def test_keys_that_are_none(keys: list[np.ndarray]) -> None:
    with pytest.raises(ShapeError):
        unite(keys)
