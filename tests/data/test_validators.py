"""Cross-validation: scikit-learn's protocol, its own splitters as oracles, and no leak by brute force."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    TimeSeriesSplit,
    cross_val_score,
)

from umbel.data.validators import EntityKFold, LeaveSituationOut, PurgedKFold, WindowSplit
from umbel.errors import ConfigError, DataError

keys = st.lists(st.integers(0, 12), min_size=4, max_size=60)


def same(mine: Any, theirs: Any) -> None:
    mine, theirs = list(mine), list(theirs)
    assert len(mine) == len(theirs)
    for (train, test), (train_too, test_too) in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(train, train_too)
        np.testing.assert_array_equal(test, test_too)


@given(keys, st.integers(2, 5), st.sampled_from([None, 0, 7]))
@settings(deadline=None, max_examples=100)
def test_entity_folds_are_whole_even_and_a_partition(
    entities: list[int], count: int, seed: int | None
) -> None:
    cv = EntityKFold(count, seed=seed)
    different = len(set(entities))
    if different < count:
        told = f"{different} entities in {len(entities)} rows, {count} folds"
        with pytest.raises(DataError, match=told):
            cv.split(entities, groups=entities)
        return
    codes, found = np.array(entities), list(cv.split(entities, groups=entities))
    assert sorted(np.concatenate([test for _, test in found])) == list(range(len(entities)))
    for train, test in found:
        assert len(train) + len(test) == len(entities)
        assert not set(codes[train]) & set(codes[test])
    if seed is None:
        oracle = GroupKFold(count).split(entities, groups=entities)
        assert sorted(len(test) for _, test in found) == sorted(len(test) for _, test in oracle)
    else:
        sizes = [len(set(codes[test])) for _, test in found]
        assert max(sizes) - min(sizes) <= 1
        same(found, EntityKFold(count, seed=seed).split(entities, groups=entities))


def test_entity_folds_are_group_folds_where_no_two_entities_are_of_one_size() -> None:
    groups = np.random.default_rng(0).permutation(np.repeat(np.arange(9), np.arange(1, 10) ** 2))
    same(
        EntityKFold(4).split(groups, groups=groups),
        GroupKFold(4).split(groups, groups=groups),
    )
    one, two = (EntityKFold(4, seed=seed).split(groups, groups=groups) for seed in (0, 1))
    assert any(not np.array_equal(a[1], b[1]) for a, b in zip(one, two, strict=True))


def test_entity_folds_of_names_and_bad_ones() -> None:
    found = list(EntityKFold(2).split(range(4), groups=pd.Series(list("abab"), index=[7, 8, 9, 10])))
    assert [test.tolist() for _, test in found] == [[0, 2], [1, 3]]
    with pytest.raises(DataError, match="no groups"):
        EntityKFold(2).split(range(4))
    with pytest.raises(DataError, match="4 rows, 3 groups"):
        EntityKFold(2).split(range(4), groups=[1, 2, 3])
    with pytest.raises(DataError, match=r"none in row 1 \("):
        EntityKFold(2).split(range(3), groups=["a", None, "b"])
    for bad in (1, 2.5, True, "3"):
        with pytest.raises(ConfigError, match="n_splits is a whole number"):
            EntityKFold(bad)
    with pytest.raises(ConfigError, match="n_splits is a whole number"):
        PurgedKFold(1, pd.Series(range(4)))


@given(st.integers(4, 40), st.integers(2, 4))
@settings(deadline=None, max_examples=40)
def test_purged_folds_without_horizon_are_the_k_folds_of_rows_in_order(rows: int, count: int) -> None:
    X = np.arange(rows)
    same(PurgedKFold(count, pd.Series(X)).split(X), KFold(count).split(X))


moments = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 9), st.integers(0, 25)), min_size=6, max_size=60
)


@given(moments, st.integers(2, 5), st.integers(0, 6), st.booleans())
@settings(deadline=None, max_examples=150)
def test_purged_folds_leak_nothing(
    cells: list[tuple[int, int, int]], count: int, embargo: int, grouped: bool
) -> None:
    time, wait, entity = (np.array(part) for part in zip(*cells, strict=True))
    known = time + wait
    cv = PurgedKFold(count, pd.Series(time), horizon=pd.Series(known), embargo=embargo)
    assert cv.get_n_splits() == count
    if len(set(time)) < count:
        with pytest.raises(DataError, match=f"{len(set(time))} times in {len(time)} rows, {count} folds"):
            cv.split(time)
        return
    tested, found = [], cv.split(time, groups=entity if grouped else None)
    for k in range(count):
        try:
            train, test = next(found)
        except DataError as error:
            if f"none in fold {k}" not in error.found:
                raise
            return
        tested.append(test)
        left = set(range(len(time))) - set(train) - set(test)
        for i in train:
            for j in test:  # closed spans, as snippet 7.1 of the book has them
                assert known[i] < time[j] or time[i] > known[j]
            assert not known[test].max() < time[i] <= known[test].max() + embargo
            assert not grouped or entity[i] not in entity[test]
        for i in left:  # nothing is left out without a reason
            assert ((known[i] >= time[test].min()) & (time[i] <= known[test].max() + embargo)) or (
                grouped and entity[i] in entity[test]
            )
    assert sorted(np.concatenate(tested)) == list(range(len(time)))
    ends = [(time[test].min(), time[test].max()) for test in tested]
    for (_, last), (first, _) in itertools.pairwise(ends):
        assert last < first  # equal times are in one fold


def test_purged_folds_by_dates() -> None:
    days = pd.Series(pd.date_range("2024-01-01", periods=12))
    found = list(PurgedKFold(3, days, horizon="24h", embargo="1d").split(days))
    assert found[1][1].tolist() == [4, 5, 6, 7]
    assert found[1][0].tolist() == [0, 1, 2, 10, 11]  # 3 is known on day 4; 7 on day 8; 9 is embargoed
    with pytest.raises(DataError, match="none in fold 0 of 2"):
        list(PurgedKFold(2, days, horizon="30d").split(days))
    with pytest.raises(DataError, match="5 rows, 12 times"):
        PurgedKFold(2, days).split(range(5))


def test_window_splits() -> None:
    X = np.arange(23)
    cv = WindowSplit(pd.Series(X), train=6, test=4, gap=1, expanding=True)
    assert cv.get_n_splits() == cv.get_n_splits(X) == 4
    same(cv.split(X), TimeSeriesSplit(4, test_size=4, gap=1).split(X))
    entities = X % 10
    for (train, test), (whole, test_too) in zip(cv.split(X, groups=entities), cv.split(X), strict=True):
        np.testing.assert_array_equal(test, test_too)
        assert train.tolist() == [i for i in whole if entities[i] not in entities[test]]
    assert cv.get_n_splits(X, groups=np.zeros(23)) == 0
    with pytest.raises(DataError, match="5 rows, 23 times"):
        cv.split(range(5))


@given(keys)
@settings(deadline=None, max_examples=40)
def test_leaving_a_situation_out_is_leave_one_group_out(names: list[int]) -> None:
    column = pd.Series([f"site {name:02}" for name in names])
    cv = LeaveSituationOut(column)
    if column.nunique() < 2:
        with pytest.raises(DataError, match="stand apart"):
            cv.get_n_splits()
        return
    oracle = LeaveOneGroupOut()
    same(cv.split(names), oracle.split(names, groups=column))
    assert cv.get_n_splits() == oracle.get_n_splits(groups=column)


def test_leaving_a_situation_out_with_what_it_shares() -> None:
    cv = LeaveSituationOut(pd.Series(["a", "b", "b", "c"]))
    assert cv.get_n_splits(range(4), groups=[1, 1, 2, 3]) == 2
    assert [test.tolist() for _, test in cv.split(range(4), groups=[1, 1, 2, 3])] == [[0, 1, 2], [3]]
    with pytest.raises(DataError, match="3 rows, 4 situations"):
        cv.split(range(3))


@pytest.mark.parametrize(
    "cv",
    [
        EntityKFold(3),
        EntityKFold(3, seed=1),
        PurgedKFold(3, pd.Series(range(60)), horizon=2, embargo=1),
        WindowSplit(pd.Series(range(60)), train=30, test=10),
        LeaveSituationOut(pd.Series(list("abc") * 20)),
    ],
    ids=["entities", "entities by chance", "purged", "windows", "situations"],
)
def test_scikit_learn_takes_them(cv: Any) -> None:
    chance = np.random.default_rng(0)
    X = chance.normal(size=(60, 3))
    y = X @ [1.0, -1.0, 0.5] + 0.1 * chance.normal(size=60)
    entities = np.arange(60) % 30
    if isinstance(cv, LeaveSituationOut):
        entities = np.arange(60)
    scores = cross_val_score(Ridge(), X, y, groups=entities, cv=cv)
    assert len(scores) == cv.get_n_splits(X, y, entities) >= 3
    by_hand = [
        Ridge().fit(X[train], y[train]).score(X[test], y[test]) for train, test in cv.split(X, y, entities)
    ]
    np.testing.assert_allclose(scores, by_hand)
    search = clone(GridSearchCV(Ridge(), {"alpha": [0.1, 1e4]}, cv=cv)).fit(X, y, groups=entities)
    assert search.best_params_ == {"alpha": 0.1}
    assert search.n_splits_ == len(scores)
