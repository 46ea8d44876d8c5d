"""A table that stays in its file: sides that hold, a sample with every value, each side by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from umbel.data.drawn import counters, draw
from umbel.data.prepare import prepare
from umbel.data.problem import Problem
from umbel.data.stream import RowGroups
from umbel.data.streamed import StreamedTable
from umbel.errors import ConfigError, DataError

pytest.importorskip("pyarrow", reason="Parquet needs the extra 'tables'")

ROWS = 3000


def table() -> pd.DataFrame:
    chance = np.random.default_rng(0)
    sort = chance.choice(["a", "b"], ROWS).astype(object)
    sort[2900:2903], sort[::5] = "rare", None
    return pd.DataFrame(
        {
            "row": np.arange(ROWS),
            "x": chance.normal(size=ROWS),
            "who": [f"p{k}" for k in chance.integers(0, 400, ROWS)],
            "site": chance.choice(["s", "t", "u"], ROWS),
            "sort": sort,
            "y": pd.Series(chance.normal(size=ROWS)).mask(chance.random(ROWS) < 0.5),
        }
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 rows in row groups of 170."""
    place = tmp_path_factory.mktemp("streamed") / "rows.parquet"
    table().to_parquet(place, row_group_size=170)
    return place


def streamed(path: Path, problem: Problem | None = None, **options: Any) -> StreamedTable:
    asked = problem or Problem.of(["y", "sort"], entity="who")
    return StreamedTable(path, asked, **{"valid": 0.15, "test": 0.2, "seed": 0, "most": 10**6, **options})


def rows_of(file: StreamedTable, side: int) -> pd.DataFrame:
    return pd.concat(list(RowGroups(file.only(side, ["row", "x"]), batch_size=90, seed=0)))


def test_each_row_with_a_target_is_on_one_side_and_each_entity_too(path: Path) -> None:
    file, frame = streamed(path), table()
    parts = [rows_of(file, side) for side in range(3)]
    assert [len(part) for part in parts] == list(file.sizes.values())
    rows = np.concatenate([part["row"] for part in parts])
    assert sorted(rows) == frame.index[frame["y"].notna() | frame["sort"].notna()].tolist()
    people = [set(part["who"]) for part in parts]
    assert not people[0] & people[1]
    assert not people[0] & people[2]
    assert not people[1] & people[2]
    whole = frame.loc[parts[0]["row"]].reset_index(drop=True)
    found = parts[0].reset_index(drop=True)[list(whole.columns.intersection(parts[0].columns))]
    pd.testing.assert_frame_equal(found[["row", "x", "who"]], whole[["row", "x", "who"]])


def test_another_row_group_size_gives_the_same_sides(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    table().to_parquet(other, row_group_size=999)
    one, two = (rows_of(streamed(place), 2)["row"] for place in (path, other))
    assert sorted(one) == sorted(two)


def test_the_sample_is_of_the_training_rows_and_has_every_value(path: Path) -> None:
    file = streamed(path)
    drawn = draw(file, 300)
    frame = drawn.frame.iloc[drawn.split.train]
    assert 250 < len(frame) < 350
    assert set(frame["row"]) <= set(rows_of(file, 0)["row"])
    assert set(frame["sort"].dropna()) == {"a", "b", "rare"}
    assert set(drawn.frame.iloc[drawn.split.valid]["row"]) == set(rows_of(file, 1)["row"])
    assert frame["row"].is_monotonic_increasing
    assert np.ptp(np.histogram(frame["row"], 5, (0, ROWS))[0]) < 60  # from everywhere
    assert draw(file, 300).frame.equals(drawn.frame)
    assert set(draw(file, 10**6).frame["row"]) == set(rows_of(file, 0)["row"]) | set(rows_of(file, 1)["row"])
    assert counters(file, frame) == ["row"]


def test_validation_rows_are_bounded_and_the_others_train(path: Path) -> None:
    few = streamed(path, most=100)
    assert 50 < few.sizes["valid"] < 160
    assert few.sizes["train"] > streamed(path).sizes["train"]
    assert few.sizes["test"] == streamed(path).sizes["test"]


def test_prepared_from_a_sample_of_all_rows_it_is_the_table(path: Path) -> None:
    problem = Problem.of(["y", "sort"], entity="who", ignore=["row"])
    file = streamed(path, problem)
    drawn = draw(file, 10**6)
    data = prepare(drawn.frame, problem, split=drawn.split)
    whole = prepare(table().loc[drawn.frame["row"]], problem, split=drawn.split)
    assert data.train.tasks.state == whole.train.tasks.state
    assert data.train.schema == whole.train.schema


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ({"group": ["site"]}, "group: site"),
        ({"duplicates": ["rows"]}, "duplicates: rows"),
        ({"split": {"how": "time"}, "time": "x"}, "how: time"),
    ],
)
def test_a_split_that_needs_the_whole_table_is_refused(path: Path, keys: dict[str, Any], found: str) -> None:
    with pytest.raises(ConfigError, match=found):
        streamed(path, Problem.of("y", **keys))


def test_a_row_without_a_group_and_an_empty_side_are_told(tmp_path: Path, path: Path) -> None:
    frame = table().assign(site=lambda f: f["site"].mask(f["row"] == 7))
    place = tmp_path / "rows.parquet"
    frame.to_parquet(place, row_group_size=500)
    with pytest.raises(DataError, match="row 7"):
        draw(streamed(place, Problem.of("sort", by="site"), valid=0.01, test=0.0), 100)
    with pytest.raises(DataError, match="none for valid"):
        streamed(path, most=1)
