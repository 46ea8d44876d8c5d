"""Preparing: fitted on training rows only, both layouts, and tables for a fitted model."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from umbel.data.prepare import attach, prepare
from umbel.data.problem import Problem
from umbel.data.schema import Schema
from umbel.data.split import Split
from umbel.errors import ConfigError, DataError, KindError
from umbel.tasks import TaskSet

N = 300


def make_table(seed: int = 0) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    score = chance.normal(size=N)
    return pd.DataFrame(
        {
            "id": [f"p{i:04d}" for i in range(N)],
            "row": np.arange(N) + 7,
            "x": chance.normal(size=N),
            "level": chance.choice(["a", "b", None], N),
            "tags": [", ".join(chance.choice(["red", "green", "blue"], 2)) for _ in range(N)],
            "school": chance.choice([1.0, 2.0, 10.0], N),
            "score": np.where(chance.random(N) < 0.4, np.nan, score),
            "passed": np.where(chance.random(N) < 0.2, None, np.where(score > 0, "yes", "no")),
            "l1": chance.integers(0, 2, N),
            "l2": np.where(chance.random(N) < 0.5, np.nan, chance.integers(0, 2, N)),
            "l3": chance.integers(0, 2, N),
        }
    )


def test_columns_layout() -> None:
    table = make_table()
    prepared = prepare(table, Problem.of(["score", "passed"], ignore=["l1", "l2", "l3"]), seed=1)
    assert prepared.dataset.schema.names == ["x", "level", "tags", "school"]
    assert [c.type for c in prepared.dataset.schema.columns] == ["number", "category", "set", "number"]
    assert prepared.dataset.schema.columns[2].separator == ", "
    assert "id" in prepared.left_out["id"]
    assert "counts the rows" in prepared.left_out["row"]
    assert prepared.left_out["score"] == "is asked"
    assert prepared.reasons["x"]
    assert prepared.reasons["targets.score"]
    tasks = prepared.dataset.tasks
    assert [t.name for t in tasks.tasks] == ["score", "passed"]
    known = table["score"].notna().to_numpy()
    np.testing.assert_array_equal(prepared.dataset.weights("score"), known.astype(np.float32))
    np.testing.assert_allclose(prepared.dataset.values("score")[known], table["score"][known])
    assert prepared.split.sizes == {"train": 210, "valid": 30, "test": 60}
    assert prepared.train is prepared.train
    assert len(prepared.test) == 60
    np.testing.assert_array_equal(prepared.valid.column("x"), table["x"].iloc[prepared.split.valid])
    assert prepared.dataset.group is None
    assert "No entity" in prepared.notes[0]


def test_everything_is_fitted_on_training_rows() -> None:
    table = make_table()
    problem = Problem.of({"score": "regression"}, inputs=["x"])
    one = prepare(table, problem, seed=3)
    changed = table.copy()
    held = np.concatenate([one.split.valid, one.split.test])
    changed.loc[held, "score"] = 1e6
    changed.loc[held, "x"] = 1.0
    two = prepare(changed, problem, seed=3)
    assert one.dataset.tasks.state == two.dataset.tasks.state
    assert one.dataset.schema == two.dataset.schema
    # a column that is constant in training tells training nothing, whatever it is elsewhere
    changed["late"] = 0.0
    changed.loc[held, "late"] = 5.0
    left_out = prepare(changed, Problem.of("score"), seed=3).left_out
    assert left_out["late"] == "all known cells are the same"


def test_rows_layout() -> None:
    table = make_table()
    prepared = prepare(table, Problem.of("score", by="school", ignore=["passed"]), seed=0)
    tasks = prepared.dataset.tasks
    assert tasks.groups == ("1", "10", "2")  # sorted as text
    assert [t.name for t in tasks.tasks] == ["1", "10", "2"]
    names = np.array([tasks.groups[g] for g in prepared.dataset.group])
    np.testing.assert_array_equal(names.astype(float), table["school"])
    assert "school" not in prepared.dataset.schema.names
    for group in (1.0, 2.0, 10.0):
        here = table["school"] == group
        share = here.iloc[prepared.split.test].sum() / here.sum()
        assert abs(share - 0.2) < 0.02


def test_groups_that_training_never_saw_are_minus_one() -> None:
    table = make_table()
    sides = np.where(table["school"] == 2, 2, np.arange(N) % 2)
    prepared = prepare(table, Problem.of("score", by="school"), split=Split.of(sides))
    assert prepared.dataset.tasks.groups == ("1", "10")
    assert set(prepared.test.group) == {-1}
    assert "never saw" in prepared.notes[1]
    table.loc[0, "school"] = np.nan
    with pytest.raises(DataError, match="'school' is missing in row 0"):
        prepare(table, Problem.of("score", by="school"), split=Split.of(np.zeros(N, dtype=int)))


def test_the_splits_of_others_are_audited() -> None:
    table = make_table()
    table["person"] = np.arange(N) // 2
    with pytest.raises(DataError, match="an entity is on one side"):
        prepare(table, Problem.of("score", entity="person"), split=Split.of(np.arange(N) % 3))
    prepared = prepare(table, Problem.of("score", entity="person"))
    assert prepared.left_out["person"] == "names the entity"
    assert prepared.audit.entities == {"train": 105, "valid": 15, "test": 30}


def test_joined_and_renamed_columns() -> None:
    table = make_table()
    problem = Problem.of(
        {
            "labels": {"kind": "multilabel", "columns": ["l1", "l2", "l3"]},
            "again": {"columns": ["score"]},
            "score": "regression",
        }
    )
    prepared = prepare(table, problem)
    weights = prepared.dataset.weights("labels")
    assert weights.shape == (N, 3)
    np.testing.assert_array_equal(weights[:, 1], table["l2"].notna())
    np.testing.assert_array_equal(prepared.dataset.values("labels")[:, 0], table["l1"])
    np.testing.assert_array_equal(prepared.dataset.values("again"), prepared.dataset.values("score"))
    assert not {"l1", "l2", "l3"} & set(prepared.dataset.schema.names)
    inferred = prepare(table, Problem.of({"labels": {"columns": ["l1", "l2", "l3"]}}))
    assert inferred.dataset.tasks.target("labels").kind.name == "multilabel"


def test_attach_without_targets_and_with() -> None:
    table = make_table()
    problem = Problem.of(["score", "passed"], by="school", ignore=["l1", "l2", "l3"])
    prepared = prepare(table, problem)
    schema = Schema.from_state(json.loads(json.dumps(prepared.dataset.schema.state)))
    tasks = TaskSet.from_state(json.loads(json.dumps(prepared.dataset.tasks.state)))
    new = table.drop(columns=["score", "passed", "id", "l1"]).head(20).set_index(np.arange(20) + 70)
    new["school"] = new["school"].astype(int).astype(str)
    new.loc[71, "school"] = "unheard of"
    rows = attach(new, schema, tasks)
    assert len(rows) == 20
    assert not rows.weights("score").any()
    assert not rows.known("passed").any()
    assert rows.group[1] == -1
    np.testing.assert_array_equal(np.delete(rows.group, 1), np.delete(prepared.dataset.group[:20], 1))
    whole = attach(table, schema, tasks, problem=problem)
    for name in ("score", "passed"):
        np.testing.assert_array_equal(whole.values(name), prepared.dataset.values(name))
        np.testing.assert_array_equal(whole.weights(name), prepared.dataset.weights(name))
    pd.testing.assert_frame_equal(whole.source, prepared.dataset.source)


def test_attach_says_what_is_missing_or_never_seen() -> None:
    table = make_table()
    prepared = prepare(table, Problem.of(["passed"]))
    schema, tasks = prepared.dataset.schema, prepared.dataset.tasks
    with pytest.raises(DataError, match=r"no column 'level'\n.*did you mean 'levle'"):
        attach(table.rename(columns={"level": "levle"}), schema, tasks)
    with pytest.raises(KindError, match="perhaps"):
        attach(table.assign(passed="perhaps"), schema, tasks)
    with pytest.raises(DataError, match=r"column 'x', row 4 .*inf"):
        attach(table.assign(x=[1.0] * 4 + [np.inf] + [0.0] * (N - 5)), schema, tasks)
    by = prepare(table, Problem.of("score", by="school"))
    with pytest.raises(DataError, match="no column 'school'"):
        attach(table.drop(columns="school"), by.dataset.schema, by.dataset.tasks)


def test_what_a_user_says_goes_before_inference() -> None:
    table = make_table()
    table["flat"] = 1
    listed = prepare(table, Problem.of("score", inputs={"x": "category", "id": None, "flat": None}))
    assert [c.type for c in listed.dataset.schema.columns] == ["category", "category", "number"]
    assert "though" in listed.reasons["id"]
    typed = prepare(table, Problem.of("score", types={"school": "category"}, separators={"level": "; "}))
    types = {c.name: (c.type, c.separator) for c in typed.dataset.schema.columns}
    assert types["school"] == ("category", None)
    assert types["level"] == ("set", "; ")
    assert typed.dataset.column("school")[0] == str(int(table["school"][0]))
    given = prepare(table, Problem.of("score", inputs={"tags": "set", "level": "set"}))
    assert {c.separator for c in given.dataset.schema.columns} == {", "}


def test_missing_texts() -> None:
    table = make_table()
    table["x"] = table["x"].map(str).where(np.arange(N) % 5 > 0, "?")
    table["passed"] = table["passed"].fillna("?")
    prepared = prepare(table, Problem.of(["passed"], missing="?"))
    assert prepared.dataset.schema.columns[0].type == "number"
    assert prepared.dataset.column("x").isna().sum() == N / 5
    assert prepared.dataset.known("passed").sum() == (table["passed"] != "?").sum()


@pytest.mark.parametrize(
    ("keys", "error", "says"),
    [
        ({"targets": "scor"}, DataError, r"no column 'scor'\n.*did you mean 'score'"),
        ({"targets": {"z": {"columns": ["l1", "l9"]}}}, DataError, "no column 'l9'"),
        ({"targets": "score", "by": "shool"}, DataError, "did you mean 'school'"),
        ({"targets": "score", "entity": "idd"}, DataError, "did you mean 'id'"),
        ({"targets": "score", "inputs": ["xx"]}, DataError, "no column 'xx'"),
        ({"targets": "score", "ignore": ["xx"]}, DataError, "no column 'xx'"),
        ({"targets": "score", "types": {"tgs": "set"}}, DataError, "did you mean 'tags'"),
        ({"targets": "score", "types": {"level": "number"}}, DataError, "column 'level', rows? "),
        ({"targets": "flat"}, KindError, "flat"),
        ({"targets": "empty"}, KindError, "empty"),
        ({"targets": {"level": "regression"}}, KindError, "level"),
        ({"targets": {"score": {"kindd": 1}}}, ConfigError, "kindd"),
        ({"targets": "score", "inputs": ["wild"]}, DataError, r"column 'wild', row 7 .*inf"),
        ({"targets": {"j": {"columns": ["l1", "level"]}}}, DataError, "column 'level', rows? .*'[ab]'"),
    ],
)
def test_bad_input_is_one_message(keys: dict, error: type[Exception], says: str) -> None:
    table = make_table()
    table["flat"], table["empty"], table["wild"] = 3.5, None, 0.0
    table.loc[7, "wild"] = np.inf
    with pytest.raises(error, match=says):
        prepare(table, Problem.read(keys))


def test_duplicate_names_empty_tables_and_no_inputs() -> None:
    table = make_table()
    with pytest.raises(DataError, match="a name of its own"):
        prepare(pd.concat([table, table[["x"]]], axis=1), Problem.of("score"))
    with pytest.raises(DataError, match="at least one row"):
        prepare(table.iloc[:0], Problem.of("score"))
    with pytest.raises(DataError, match=r"at least one column must be an input\n.*'id'"):
        prepare(table[["id", "score"]], Problem.of("score"))


def test_columns_that_need_no_change_are_not_copied() -> None:
    table = make_table()[["x", "score"]].copy()
    prepared = prepare(table, Problem.of("score"))
    assert np.shares_memory(prepared.dataset.source["x"].to_numpy(), table["x"].to_numpy())


def test_the_table_of_the_user_is_not_changed() -> None:
    table = make_table()
    before = table.copy(deep=True)
    prepare(table, Problem.of(["score", "passed"], by="school", missing="a"))
    pd.testing.assert_frame_equal(table, before)
