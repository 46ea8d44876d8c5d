"""The split by hash: by value, whatever the type and the part of the table, in the shares asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umbel.data.hashing import HashSplit, entity_hashes, uniform


def sides(frame: pd.DataFrame, *entity: str, seed: int = 0) -> np.ndarray:
    return HashSplit(entity, 0.2, 0.3, seed).sides(frame, np.arange(len(frame)))


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(0, 2**32 - 1), st.data())
@settings(deadline=None, max_examples=30)
def test_an_entity_is_on_one_side_in_every_part_of_a_table(
    ids: list[int], seed: int, data: st.DataObject
) -> None:
    table = pd.DataFrame({"id": ids, "name": [f"n{k % 7}" for k in ids]})
    whole = sides(table, "id", "name", seed=seed)
    assert pd.Series(whole).groupby(table["id"]).nunique().max() == 1
    begin = data.draw(st.integers(0, len(ids) - 1))
    part = HashSplit(("id", "name"), 0.2, 0.3, seed).sides(table[begin:], np.arange(begin, len(ids)))
    assert (part == whole[begin:]).all()


@pytest.mark.parametrize("kind", ["float64", "int32", "Int64", "float32"])
def test_numbers_are_hashed_by_value(kind: str) -> None:
    ids = pd.DataFrame({"id": np.arange(-200, 200)})
    assert (sides(ids, "id") == sides(ids.astype(kind), "id")).all()
    zeros = pd.DataFrame({"id": [0.0, -0.0]})
    assert len(set(entity_hashes(zeros, ["id"], np.arange(2)))) == 1


def test_texts_are_hashed_by_their_letters() -> None:
    names = pd.Series([f"name {k}" for k in range(300)], name="id")
    plain = sides(names.to_frame(), "id")
    assert (plain == sides(names.astype(object).to_frame(), "id")).all()
    assert (plain == sides(names.astype("category").to_frame(), "id")).all()
    days = pd.Series(pd.date_range("2020-01-01", periods=300), name="id")
    assert (sides(days.to_frame(), "id") == sides(days.dt.as_unit("s").to_frame(), "id")).all()


def test_the_shares_are_kept_and_seeds_are_independent() -> None:
    rows = np.arange(40_000)
    one, two = (HashSplit((), 0.2, 0.3, seed).sides(pd.DataFrame(index=rows), rows) for seed in (0, 1))
    for found in (one, two):
        np.testing.assert_allclose(np.bincount(found) / len(rows), [0.5, 0.2, 0.3], atol=0.01)
    assert abs((one == two).mean() - (0.25 + 0.04 + 0.09)) < 0.01
    spread = uniform(entity_hashes(pd.DataFrame(), (), rows), 3)
    np.testing.assert_allclose(np.histogram(spread, 10, (0, 1))[0] / len(rows), 0.1, atol=0.006)


def test_rows_without_any_value_are_entities_of_their_own() -> None:
    table = pd.DataFrame({"a": [None, None, "x", "x", "x"], "b": [np.nan, np.nan, np.nan, np.nan, 1.0]})
    found = entity_hashes(table, ["a", "b"], np.arange(5))
    assert found[0] != found[1]
    assert found[2] == found[3] != found[4]
