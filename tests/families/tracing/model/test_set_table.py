from __future__ import annotations

import numpy as np

from umbel.families.tracing.model import set_table
from umbel.families.tracing.model.set_table import SetTable


def drawn(count: int, wide: int, concepts: int, seed: int) -> np.ndarray:
    chance = np.random.default_rng(seed)
    sets = np.zeros((count, wide), dtype=np.int64)
    for row in sets:
        size = int(chance.integers(0, wide + 1))
        row[:size] = np.sort(chance.choice(np.arange(1, concepts + 1), size, replace=False))
    return sets


def check(table: SetTable, sets: np.ndarray) -> None:
    at = table.find(sets)
    np.testing.assert_array_equal(table.rows[0][at], sets.sum(axis=1))
    np.testing.assert_array_equal(table.rows[1][at], (sets**2).sum(axis=1))


def test_each_set_has_its_own_row_whatever_came_before() -> None:
    made = []

    def make(sets: np.ndarray) -> tuple[np.ndarray, ...]:
        made.append(len(sets))
        return sets.sum(axis=1), (sets**2).sum(axis=1)

    table = SetTable(12, make)
    for seed in range(6):
        check(table, drawn(50, 1 + seed % 3, 12, seed))
    before = sum(made)
    check(table, drawn(50, 3, 12, 2))  # all of them are known
    assert sum(made) == before


def test_wide_sets_are_computed_each_time() -> None:
    table = SetTable(10**6, lambda sets: (sets.sum(axis=1), (sets**2).sum(axis=1)))
    check(table, drawn(20, 5, 1000, 0))
    check(table, drawn(20, 5, 1000, 1))


def test_the_table_stays_small(monkeypatch: object) -> None:
    monkeypatch.setattr(set_table, "MOST", 20)
    table = SetTable(50, lambda sets: (sets.sum(axis=1), (sets**2).sum(axis=1)))
    for seed in range(8):
        check(table, drawn(15, 2, 50, seed))
        assert len(table) < 20 + 15
