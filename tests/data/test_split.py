"""Splits: by entity without exception, seeded, even within groups, never back in time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umbel.data.entities import find_entities
from umbel.data.problem import Problem, SplitSpec
from umbel.data.proof import check_entities
from umbel.data.split import Split, folds, split_by_time, split_randomly
from umbel.data.splitting import split_rows
from umbel.errors import DataError

cells = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", "d", None]), st.integers(0, 6), st.integers(0, 5)),
    min_size=12,
    max_size=80,
)


@given(cells, st.integers(0, 10**6), st.sampled_from(["name", "both", "group"]), st.booleans())
@settings(deadline=None, max_examples=80)
def test_no_entity_is_ever_on_two_sides(rows: list[tuple], seed: int, how: str, by_time: bool) -> None:
    frame = pd.DataFrame(rows, columns=["name", "site", "year"])
    keys = {"name": {"entity": "name"}, "both": {"entity": ["name", "site"]}, "group": {}}[how]
    if how == "group":
        keys = {"entity": "name", "group": "site"}
    problem = Problem.of("y", **keys)
    entities = find_entities(frame, problem)
    if by_time:
        spec = SplitSpec(how="time", valid_from=2, test_from=4)
        split = split_by_time(frame["year"], entities, spec)
        assert frame["year"].iloc[split.train].max() < 2 or len(split.train) == 0
    else:
        split = split_randomly(entities, SplitSpec(), seed, frame["site"].to_numpy())
    audit = check_entities(split, entities)  # raises where an entity is on two sides
    assert sum(audit.rows.values()) == len(frame)
    for column in keys.values():
        for values in [[column]] if isinstance(column, str) else [column]:
            side = np.empty(len(frame), dtype=int)
            for number, name in enumerate(("train", "valid", "test")):
                side[getattr(split, name)] = number
            known = frame[values].notna().any(axis=1)
            assert (
                frame[known].assign(side=side[known]).groupby(values, dropna=False)["side"].nunique() == 1
            ).all()


@given(st.integers(3, 300), st.integers(0, 10**6))
@settings(deadline=None, max_examples=50)
def test_same_seed_same_split_and_right_shares(count: int, seed: int) -> None:
    entities = np.arange(count)
    one, two = (split_randomly(entities, SplitSpec(), seed) for _ in range(2))
    for side, share in (("train", 0.7), ("valid", 0.1), ("test", 0.2)):
        np.testing.assert_array_equal(getattr(one, side), getattr(two, side))
        assert abs(one.sizes[side] - share * count) <= 1.51
        assert one.sizes[side] >= 1


def test_another_seed_is_another_split() -> None:
    one, two = (split_randomly(np.arange(500), SplitSpec(), seed) for seed in (0, 1))
    assert not np.array_equal(one.test, two.test)


def test_each_group_has_its_share_and_is_taught() -> None:
    groups = np.repeat(np.arange(60), np.random.default_rng(0).integers(1, 90, 60))
    spec = SplitSpec(shares=(0.75, 0.0, 0.25))
    split = split_randomly(np.arange(len(groups)), spec, 3, groups)
    sizes = np.bincount(groups)
    test = np.bincount(groups[split.test], minlength=60)
    assert len(split.valid) == 0
    assert np.abs(test - sizes / 4).max() <= 1.01
    assert (np.bincount(groups[split.train], minlength=60) > 0).all()
    assert abs(len(split.test) / len(groups) - 0.25) < 0.01


def test_random_sides_do_not_depend_on_place() -> None:
    """Early and late rows of the table have the same chance, groups or not."""
    for groups in (None, np.repeat(np.arange(20), 50)):
        hits = np.zeros(1000)
        for seed in range(200):
            hits[split_randomly(np.arange(1000), SplitSpec(), seed, groups).test] += 1
        assert abs(hits[:100].mean() - 40) < 3
        assert abs(hits[-100:].mean() - 40) < 3
        assert hits.std() < 2 * np.sqrt(200 * 0.2 * 0.8)


def test_by_time_the_latest_row_decides() -> None:
    times = pd.Series([2000, 2009, 2001, 2006, 2007, 2008])
    entities = np.array([0, 0, 1, 2, 2, 3])
    split = split_by_time(times, entities, SplitSpec(how="time", valid_from=2005, test_from=2008))
    assert [s.tolist() for s in (split.train, split.valid, split.test)] == [[2], [3, 4], [0, 1, 5]]


def test_by_time_with_shares_dates_and_ties() -> None:
    dates = pd.Series(pd.date_range("2020-01-01", periods=100).astype(str))
    frame = pd.DataFrame({"day": dates, "y": range(100)})
    problem = Problem.of("y", time="day", split={"how": "time"})
    split = split_rows(frame, problem, np.arange(100))
    assert split.sizes == {"train": 70, "valid": 10, "test": 20}
    assert split.train.max() < split.valid.min() < split.test.min()
    dated = Problem.of(
        "y", time="day", split={"how": "time", "valid_from": "2020-02-01", "test_from": "2020-03-01"}
    )
    assert split_rows(frame, dated, np.arange(100)).sizes == {"train": 31, "valid": 29, "test": 40}
    frame = pd.DataFrame({"t": [1] * 50 + [2] * 50})
    with pytest.raises(DataError, match="none for valid"):  # two times cannot make three periods
        split_rows(frame, Problem.of("y", time="t", split={"how": "time"}), np.arange(100))


def test_bad_times() -> None:
    spec = SplitSpec(how="time", valid_from=2005, test_from=2008)
    with pytest.raises(DataError, match=r"row 1 \(the first is 0\)"):
        split_by_time(pd.Series([2000, None], name="year"), np.arange(2), spec)
    with pytest.raises(DataError, match="exchange"):
        split_by_time(pd.Series([1, 2]), np.arange(2), SplitSpec(how="time", valid_from=3, test_from=2))
    with pytest.raises(DataError, match="of the kind of the time column"):
        split_by_time(pd.Series([1, 2]), np.arange(2), SplitSpec(how="time", valid_from="x", test_from="y"))
    with pytest.raises(DataError, match="no column 'yer'"):
        split_rows(
            pd.DataFrame({"year": [1]}), Problem.of("y", time="yer", split={"how": "time"}), np.arange(1)
        )


def test_too_few_rows_is_told() -> None:
    with pytest.raises(DataError, match="none for test; 2 rows"):
        split_rows(pd.DataFrame({"y": [1, 2]}), Problem.of("y"), np.arange(2))


def test_entities_hang_together_through_either() -> None:
    frame = pd.DataFrame({"name": ["a", "a", "b", "c", None], "site": [1, 2, 2, 3, None]})
    assert find_entities(frame, Problem.of("y", entity="name", group="site")).tolist() == [0, 0, 0, 1, 2]
    assert find_entities(frame, Problem.of("y")).tolist() == [0, 1, 2, 3, 4]


def test_the_audit_names_rows() -> None:
    with pytest.raises(DataError, match=r"train row 0 .*, test row 2"):
        check_entities(Split.of(np.array([0, 1, 2])), np.array([4, 5, 4]))
    with pytest.raises(DataError, match="twice: row 1"):
        check_entities(Split(np.array([0, 1]), np.array([1]), np.array([2])), np.arange(3))
    with pytest.raises(DataError, match="row 9"):
        check_entities(Split(np.array([9]), np.array([1]), np.array([2])), np.arange(3))
    assert "2 rows of 1" in check_entities(Split.of(np.array([0, 0, 1, 2])), np.array([3, 3, 4, 5])).words


@given(st.lists(st.integers(0, 9), min_size=2, max_size=60), st.integers(2, 6))
@settings(deadline=None, max_examples=60)
def test_folds_keep_entities_whole(keys: list[int], count: int) -> None:
    entities = np.array(keys)
    if len(set(keys)) < 2:
        with pytest.raises(DataError, match="two entities"):
            folds(entities, count, 0)
        return
    fold = folds(entities, count, 0)
    for key in set(keys):
        assert len(set(fold[entities == key])) == 1
    sizes = np.bincount([fold[keys.index(key)] for key in set(keys)])
    assert sizes.max() - sizes.min() <= 1
    assert len(sizes) == min(count, len(set(keys)))


def test_many_rows_split_in_seconds() -> None:
    import time

    chance = np.random.default_rng(0)
    count = 300_000
    frame = pd.DataFrame(
        {"name": chance.integers(0, count // 3, count), "site": chance.integers(0, 50, count)}
    )
    start = time.process_time()
    entities = find_entities(frame, Problem.of("y", entity=["name", "site"]))
    split = split_randomly(entities, SplitSpec(), 0, frame["site"].to_numpy())
    check_entities(split, entities)
    assert time.process_time() - start < 4
