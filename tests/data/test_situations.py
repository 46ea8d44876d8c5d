"""Situations: held out whole, with all that shares an entity; scikit-learn's LeaveOneGroupOut as oracle."""

from __future__ import annotations

import itertools
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sklearn.model_selection import LeaveOneGroupOut

from shared_data import shared_data
from umbel.data.by_difficulty import split_by_difficulty
from umbel.data.problem import SplitSpec
from umbel.data.proof import check_entities
from umbel.data.situations import leave_situation_out, split_situations
from umbel.data.split import Split, split_randomly
from umbel.errors import ConfigError, DataError

cells = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 30)), min_size=6, max_size=60)


@given(cells, st.integers(0, 10**6), st.sampled_from([0.2, 0.4]), st.sampled_from([None, 0.2]))
@settings(deadline=None, max_examples=120)
def test_no_situation_and_no_entity_on_two_sides(
    rows: list[tuple[str, int]], seed: int, test: float, valid: float | None
) -> None:
    column, entities = pd.Series([r[0] for r in rows]), np.array([r[1] for r in rows])
    try:
        found = split_situations(column, entities, test=test, valid=valid, seed=seed)
    except DataError as error:
        if "left to train on" not in error.rule:
            raise
        return
    check_entities(Split.of(found.sides), entities)
    check_entities(Split.of(found.sides), pd.factorize(column)[0])
    for number, names in ((1, found.valid), (2, found.test)):
        assert sorted(set(column[found.sides == number])) == list(names)
    assert (found.sides == 0).any()
    assert found.test
    assert bool(found.valid) == (valid is not None)
    # neither the order of the rows nor the numbers of the entities change the draw
    order = np.random.default_rng(seed).permutation(len(rows))
    again = split_situations(
        column[order].reset_index(drop=True), 99 - entities[order], test=test, valid=valid, seed=seed
    )
    np.testing.assert_array_equal(again.sides, found.sides[order])


def test_shares_are_of_situations_and_seeds_differ() -> None:
    column = pd.Series(np.repeat([f"s{i:02}" for i in range(20)], 5))
    found = [split_situations(column, np.arange(100), test=0.25, valid=0.1, seed=seed) for seed in range(60)]
    assert {(len(f.test), len(f.valid)) for f in found} == {(5, 2)}
    hits = pd.Series([name for f in found for name in f.test]).value_counts()
    assert len(hits) == 20
    assert hits.max() < 30  # 15 expected of each


@given(cells)
@settings(deadline=None, max_examples=60)
def test_leaving_each_out_is_leave_one_group_out(rows: list[tuple[str, int]]) -> None:
    column = pd.Series([r[0] for r in rows])
    if column.nunique() < 2:
        with pytest.raises(DataError, match="1 situations"):
            leave_situation_out(column)
        return
    mine = list(leave_situation_out(column))
    theirs = list(LeaveOneGroupOut().split(rows, groups=column))
    assert [names for names, _, _ in mine] == [(name,) for name in sorted(set(column))]
    for (_, train, test), (train_too, test_too) in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(train, train_too)
        np.testing.assert_array_equal(test, test_too)


def test_what_shares_an_entity_is_held_out_together() -> None:
    column = pd.Series(["a", "b", "b", "c", "d", "e"], name="site")
    entities = np.array([0, 0, 1, 1, 2, 3])
    held = {names: test.tolist() for names, _, test in leave_situation_out(column, entities)}
    assert held == {("a", "b", "c"): [0, 1, 2, 3], ("d",): [4], ("e",): [5]}
    for seed in range(10):
        found = split_situations(column, entities, test=0.3, seed=seed)
        assert found.test in (("a", "b", "c"), ("d",), ("e",))
    with pytest.raises(DataError, match=r"a, b share the entity of rows 0, 1"):
        split_situations(column, entities, test=["a"])
    with pytest.raises(DataError, match="on one side"):
        split_situations(column, entities, test=["a", "b"], valid=["c"])
    assert split_situations(column, entities, test=["a", "b", "c"]).sides.tolist() == [2, 2, 2, 2, 0, 0]


def test_names_and_shares_side_by_side() -> None:
    column = pd.Series([1.0, 2.0, 3.0, 4.0, 5.0], name="site")
    for seed in range(5):
        found = split_situations(column, np.arange(5), test=[2], valid=0.2, seed=seed)
        assert found.test == ("2",)
        assert len(found.valid) == 1
        assert found.sides.tolist().count(0) == 3
    assert split_situations(column, np.arange(5), test=[2.0], valid="3").valid == ("3",)


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"test": ["nort"]}, DataError, "did you mean 'north'"),
        ({"test": ["south"], "valid": ["sooth"]}, DataError, "held out for valid"),
        ({"test": ["south"], "valid": ["south"]}, ConfigError, "'south' for test and for valid"),
        ({"test": ["south", "south"]}, ConfigError, "once"),
        ({"test": []}, ConfigError, "at least one"),
        ({"test": 1.0}, ConfigError, r"share of the situations in \(0, 1\)"),
        ({"test": 0}, ConfigError, r"share of the situations"),
        ({"test": ["north", "south", "east"]}, DataError, "3 situations; 3 are held out by name"),
        ({"test": 0.9, "valid": 0.3}, DataError, "4 by share"),
    ],
)
def test_bad_situations(options: dict, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        split_situations(pd.Series(["north", "south", "east"]), np.arange(3), **options)


def test_a_row_without_a_situation_is_named() -> None:
    with pytest.raises(DataError, match=r"column 'site' is missing in rows 1, 2"):
        split_situations(pd.Series(["a", None, "", "b"], name="site"), np.arange(4), test=["a"])


def test_omniglot_by_alphabet() -> None:
    omniglot, rows = shared_data("fewshot/omniglot"), []
    for part in (1, 2):  # Greek and Latin stand in both
        with zipfile.ZipFile(omniglot / f"images_background_small{part}.zip") as images:
            for entry in images.infolist():
                if entry.filename.endswith(".png"):
                    _, alphabet, character, _ = entry.filename.split("/")
                    rows.append((alphabet, f"{alphabet}/{character}", entry.CRC))
    frame = pd.DataFrame(rows, columns=["alphabet", "character", "crc"])
    assert (len(frame), frame["alphabet"].nunique(), frame["character"].nunique()) == (5840, 8, 242)
    entities = pd.factorize(frame["character"])[0]
    found = split_situations(frame["alphabet"], entities, test=["Greek"], valid=0.125, seed=0)
    split = Split.of(found.sides)
    check_entities(split, entities)
    check_entities(split, pd.factorize(frame["alphabet"])[0])
    same_picture = pd.factorize(frame["character"] + frame["crc"].astype(str))[0]
    check_entities(split, same_picture)
    assert len(split.test) == 2 * 24 * 20
    by_file = np.where(np.arange(len(frame)) < 2720, 0, 2)  # one file to train, the other to test
    with pytest.raises(DataError, match="in train and in test"):
        check_entities(Split.of(by_file), same_picture)
    sabotaged = found.sides.copy()
    sabotaged[split.test[0]] = 0
    with pytest.raises(DataError, match="in train and in test"):
        check_entities(Split.of(sabotaged), entities)


def test_clinc_by_domain() -> None:
    clinc = shared_data("fewshot/clinc150")
    domains = json.loads((clinc / "domains.json").read_text(encoding="utf-8"))
    domain_of = {intent: domain for domain, intents in domains.items() for intent in intents}
    full = json.loads((clinc / "data_full.json").read_text(encoding="utf-8"))
    said = [line for part in ("train", "val", "test") for line in full[part]]
    frame = pd.DataFrame(said, columns=["text", "intent"])
    frame["domain"] = frame["intent"].map(domain_of)
    intents = pd.factorize(frame["intent"])[0]
    found = split_situations(frame["domain"], intents, test=0.3, valid=0.1, seed=3)
    split = Split.of(found.sides)
    check_entities(split, intents)
    check_entities(split, pd.factorize(frame["domain"])[0])
    assert split.sizes == {"train": 13_500, "valid": 2_250, "test": 6_750}
    assert len(list(leave_situation_out(frame["domain"], intents))) == 10
    by_row = split_randomly(np.arange(len(frame)), SplitSpec(), 0)
    with pytest.raises(DataError, match="in train and in valid"):
        check_entities(by_row, intents)
    with pytest.raises(DataError, match="did you mean 'banking'"):
        split_situations(frame["domain"], intents, test=["bankin"])


hard = st.lists(
    st.tuples(st.one_of(st.none(), st.floats(-5, 5)), st.integers(0, 40)), min_size=3, max_size=80
)


@given(hard, st.integers(0, 10**6), st.sampled_from(["hard", "easy", "stratified"]))
@settings(deadline=None, max_examples=120)
def test_difficulty_keeps_entities_whole_and_in_order(
    rows: list[tuple[float | None, int]], seed: int, test: str
) -> None:
    values = np.array([np.nan if r[0] is None else r[0] for r in rows])
    entities = np.array([r[1] for r in rows])
    if np.isnan(values).all():
        with pytest.raises(DataError, match=f"none of {len(rows)} rows"):
            split_by_difficulty(values, entities, (0.6, 0.2, 0.2), test=test, seed=seed)
        return
    sides = split_by_difficulty(values, entities, (0.6, 0.2, 0.2), test=test, seed=seed)
    check_entities(Split.of(sides), entities)
    assert (sides >= 0).all()
    table = (
        pd.DataFrame({"e": entities, "d": values, "s": sides}).groupby("e").agg({"d": "mean", "s": "first"})
    )
    if test == "stratified":
        wish = np.array([0.6, 0.2, 0.2]) * len(table)
        assert np.abs(np.bincount(table["s"], minlength=3) - wish).max() <= 1.51
        return
    assert (table["s"][table["d"].isna()] == 0).all()
    known = table.dropna()
    assert np.abs(np.bincount(known["s"], minlength=3) - np.array([0.6, 0.2, 0.2]) * len(known)).max() <= 1.51
    order = (0, 1, 2) if test == "hard" else (2, 1, 0)
    ends = [known["d"][known["s"] == side] for side in order if (known["s"] == side).any()]
    for easier, harder in itertools.pairwise(ends):
        assert easier.max() <= harder.min()


def test_stratified_sides_are_more_alike_than_random_ones() -> None:
    values = np.random.default_rng(0).gamma(1.0, size=600)
    mine, chance = [], []
    for seed in range(20):
        sides = split_by_difficulty(values, np.arange(600), (0.7, 0.1, 0.2), test="stratified", seed=seed)
        mine.append(ks_2samp(values[sides == 0], values[sides == 2]).statistic)
        split = split_randomly(np.arange(600), SplitSpec(), seed)
        chance.append(ks_2samp(values[split.train], values[split.test]).statistic)
    assert max(mine) < 0.04  # at most a stratum out of step
    assert np.mean(mine) < np.mean(chance) / 2


def test_bad_difficulty() -> None:
    values, entities = np.arange(10.0), np.arange(10)
    with pytest.raises(ConfigError, match="did you mean 'hard'"):
        split_by_difficulty(values, entities, (0.6, 0.2, 0.2), test="herd")
    with pytest.raises(ConfigError, match="sum to 1"):
        split_by_difficulty(values, entities, (0.6, 0.2, 0.1))
    with pytest.raises(DataError, match="row 3"):
        split_by_difficulty(np.where(values == 3, np.inf, values), entities, (0.6, 0.2, 0.2))
