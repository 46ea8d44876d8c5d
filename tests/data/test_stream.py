"""The stream: every row once, an exact state, bounded memory, and the cells a whole read would give."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from going_on import take
from umbel.data.parquet import ParquetFile
from umbel.data.read import read_table
from umbel.data.stream import RowGroups
from umbel.errors import ConfigError, DataError

pa = pytest.importorskip("pyarrow", reason="Parquet needs the extra 'tables'")
pq = pytest.importorskip("pyarrow.parquet", reason="Parquet needs the extra 'tables'")

ROWS = 403


def table() -> pd.DataFrame:
    chance = np.random.default_rng(0)
    late = np.arange(ROWS) > 300  # values are missing in the last groups alone
    whole = chance.integers(0, 100, ROWS)
    return pd.DataFrame(
        {
            "row": np.arange(ROWS),
            "x": chance.normal(size=ROWS),
            "holes": pd.Series(whole).astype(object).mask(late & (whole % 3 == 0), None),
            "own": pd.Series(whole, dtype="Int64").mask(late & (whole % 2 == 0)),
            "truth": pd.Series(whole % 2 == 0).astype(object).mask(late & (whole % 5 == 0), None),
            "full": whole % 7 == 0,
            "name": pd.Series([f"name {k}" for k in whole]).mask(whole % 4 == 0),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(whole, unit="D"),
        }
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """403 rows in row groups of 40, the last of 3."""
    place = tmp_path_factory.mktemp("stream") / "rows.parquet"
    table().to_parquet(place, row_group_size=40)
    return place


@pytest.fixture(scope="module")
def narrow(path: Path) -> Path:
    """The same rows with two columns."""
    place = path.with_name("narrow.parquet")
    table()[["row", "holes"]].to_parquet(place, row_group_size=40)
    return place


def numbers(frames: Sequence[pd.DataFrame]) -> list[int]:
    return [int(k) for frame in frames for k in frame.index]


@given(st.integers(9, 60), st.integers(60, 500), st.integers(0, 3), st.booleans(), st.integers(1, 4))
@settings(deadline=None, max_examples=12)
def test_the_processes_have_every_row_once_and_stay_in_step(
    path: Path, batch_size: int, buffer: int, seed: int, shuffle: bool, world: int
) -> None:
    parts = [
        RowGroups(
            path,
            ["row"],
            batch_size=batch_size,
            seed=seed,
            buffer=buffer,
            shuffle=shuffle,
            rank=rank,
            world=world,
        )
        for rank in range(world)
    ]
    for epoch in range(2):
        found = [list(part) for part in parts]
        assert {len(frames) for frames in found} == {len(part) for part in parts} == {len(parts[0])}
        seen = [numbers(frames) for frames in found]
        assert sorted(k for shard in seen for k in shard) == list(range(ROWS))
        groups = [{k // 40 for k in shard} for shard in seen]
        assert sum(map(len, groups)) == 11, "a row group has one reader"
        assert max(map(len, seen)) - min(map(len, seen)) <= 40
        for frames in found:
            assert max(map(len, frames)) <= -(-batch_size // world)
            assert all((frame["row"] == frame.index).all() for frame in frames)
        assert [part.state for part in parts] == [{"epoch": epoch + 1, "position": 0}] * world


@given(st.integers(0, 30), st.integers(9, 50), st.integers(50, 300), st.booleans(), st.integers(1, 3))
@settings(deadline=None, max_examples=12)
def test_a_restored_stream_goes_on_with_the_very_next_batch(
    narrow: Path, after: int, batch_size: int, buffer: int, shuffle: bool, world: int
) -> None:
    def make() -> RowGroups:
        return RowGroups(
            narrow, batch_size=batch_size, seed=1, buffer=buffer, shuffle=shuffle, rank=world - 1, world=world
        )

    whole = take(make(), after + 12)
    first = make()
    take(first, after)
    second = make()
    second.restore(json.loads(json.dumps(first.state)))
    for got, want in zip(take(second, 12), whole[after:], strict=True):
        pd.testing.assert_frame_equal(got, want)
    # the stream that was left in the middle goes on by itself, too
    assert numbers(take(first, 12)) == numbers(whole[after:])


def test_the_cells_are_those_of_a_whole_read(path: Path) -> None:
    whole = read_table(path)
    for shuffle in (True, False):
        batches = list(RowGroups(path, batch_size=16, seed=0, buffer=80, shuffle=shuffle))
        for batch in batches:
            assert batch.dtypes.equals(whole.dtypes), "no type depends on which rows are in a batch"
        found = pd.concat(batches)
        if not shuffle:
            assert found.index.tolist() == list(range(ROWS))
        found = found.sort_index().rename_axis(None)
        pd.testing.assert_frame_equal(found, whole, check_index_type=False)


def test_types_are_known_without_statistics(path: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.parquet"
    pq.write_table(pq.read_table(path), bare, row_group_size=40, write_statistics=False)
    batch = next(iter(RowGroups(bare, batch_size=5, seed=0, shuffle=False)))
    assert batch["holes"].dtype == np.float64
    assert batch["truth"].dtype == object
    assert batch["row"].dtype == np.int64
    assert batch["full"].dtype == np.bool_


def test_memory_holds_the_buffer_and_one_row_group(tmp_path: Path) -> None:
    place = tmp_path / "wide.parquet"
    rows, group, buffer = 20_000, 500, 1_000
    pd.DataFrame({f"x{k}": np.random.default_rng(k).normal(size=rows) for k in range(8)}).to_parquet(
        place, row_group_size=group
    )
    stream = RowGroups(place, batch_size=100, seed=0, buffer=buffer)
    before, most, bytes_ = pa.total_allocated_bytes(), 0, 0
    for _ in stream:
        most = max(most, stream.held)
        bytes_ = max(bytes_, pa.total_allocated_bytes() - before)
    assert buffer <= most < buffer + group
    # 8 columns of 8 bytes; a quarter more for padding and the reader; the file would be 13 times as much
    assert bytes_ < 1.25 * (buffer + group) * 64
    assert stream.held == 0
    assert pa.total_allocated_bytes() - before < 64 * group


def test_a_restored_stream_reads_only_what_its_buffer_needs(path: Path, monkeypatch: Any) -> None:
    read: list[int] = []
    own = ParquetFile.read
    monkeypatch.setattr(
        ParquetFile, "read", lambda self, groups: (read.extend(map(int, groups)), own(self, groups))[1]
    )
    stream = RowGroups(path, batch_size=20, seed=0, buffer=40)
    list(stream)
    assert sorted(read) == list(range(11)), "each row group is read once per epoch"
    read.clear()
    stream.restore({"epoch": 0, "position": 15})
    rest = numbers(list(stream))
    needed = {k // 40 for k in rest}
    assert set(read) == needed
    assert len(read) == len(needed) < 11


def test_rows_mix_and_epochs_and_seeds_differ(path: Path) -> None:
    def order(seed: int, epoch: int) -> list[int]:
        stream = RowGroups(path, ["x"], batch_size=50, seed=seed, buffer=200)
        stream.restore({"epoch": epoch, "position": 0})
        return numbers(list(stream))

    one = order(0, 0)
    assert one == order(0, 0)
    assert one != order(0, 1)
    assert one != order(1, 0)
    assert len({k // 40 for k in one[:20]}) >= 3, "a batch is of several row groups"


def test_levels_come_as_plain_values_and_an_index_stays_out(tmp_path: Path) -> None:
    place = tmp_path / "levels.parquet"
    frame = pd.DataFrame({"key": [5, 9, 7, 8], "level": pd.Categorical(["b", "a", None, "c"])})
    frame.set_index("key").to_parquet(place, row_group_size=2)
    stream = RowGroups(place, batch_size=3, seed=0, shuffle=False)
    assert stream.file.columns == ["level"]
    found = pd.concat(list(stream))
    assert found["level"].dtype == "str"
    assert found["level"].tolist()[:2] == ["b", "a"]
    assert found["level"].isna().tolist() == [False, False, True, False]


def test_without_pyarrow_it_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"umbel\[tables\]"):
        RowGroups(path, batch_size=2, seed=0)


@pytest.mark.parametrize(
    "bad",
    [{"batch_size": 0}, {"rank": 1}, {"buffer": 9, "batch_size": 10}, {"world": 12}],
)
def test_numbers_out_of_range(path: Path, bad: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=r"a stream has batches|at least one row group") as caught:
        RowGroups(path, **{"batch_size": 4, "seed": 0, **bad})
    assert ("11 row groups" in str(caught.value)) == ("world" in bad)


def test_what_cannot_be_read(path: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="did you mean 'name'"):
        RowGroups(path, ["nam"], batch_size=2, seed=0)
    with pytest.raises(DataError, match="name of its own"):
        RowGroups(path, ["x", "x"], batch_size=2, seed=0)
    with pytest.raises(DataError, match="must exist"):
        RowGroups(tmp_path / "none.parquet", batch_size=2, seed=0)
    (tmp_path / "torn.parquet").write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match="must be whole"):
        RowGroups(tmp_path / "torn.parquet", batch_size=2, seed=0)
    table().iloc[:0].to_parquet(tmp_path / "empty.parquet")
    with pytest.raises(DataError, match="0 rows"):
        RowGroups(tmp_path / "empty.parquet", batch_size=2, seed=0)
