"""Tables from every kind of source are the same table, and broken ones say where they are broken."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from umbel.data.read import read_table, take_column
from umbel.errors import DataError

TEXT = 'name,size,note\na,1.5,"two, or\nmore"\nb,,x\nc,3.25,\n'


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame(
        {"name": ["a", "b", "c"], "size": [1.5, np.nan, 3.25], "note": ["two, or\nmore", "x", None]}
    )


def test_all_sources_are_the_same_table(tmp_path: Path, table: pd.DataFrame) -> None:
    pa = pytest.importorskip("pyarrow", reason="Parquet needs the extra 'tables'")
    (tmp_path / "t.csv").write_text(TEXT)
    (tmp_path / "t.tsv").write_text(TEXT.replace(",", "\t").replace("two\t", "two,"))
    with gzip.open(tmp_path / "t.csv.gz", "wt") as file:
        file.write(TEXT)
    table.to_parquet(tmp_path / "t.parquet")
    table.to_feather(tmp_path / "t.feather")
    sources = [tmp_path / f"t.{end}" for end in ("csv", "tsv", "csv.gz", "parquet", "feather")]
    for source in [*sources, table, pa.Table.from_pandas(table), dict(table)]:
        read = read_table(source)
        pd.testing.assert_frame_equal(read, table, check_dtype=False)
    assert read_table(str(sources[0])).shape == (3, 3)


def test_a_semicolon_and_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("\ufeffa;b\n1;2\n".encode())
    assert read_table(tmp_path / "t.csv").to_dict("list") == {"a": [1], "b": [2]}


def test_float32_keeps_ids_exact(tmp_path: Path) -> None:
    big = 2**24 + 1
    (tmp_path / "t.csv").write_text(f"x,id\n0.5,{big}\n1.5,\n")
    read = read_table(tmp_path / "t.csv", float32=True)
    assert read["x"].dtype == np.float32
    assert read["id"].iloc[0] == big
    assert read_table(tmp_path / "t.csv")["x"].dtype == np.float64


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n1,2\n3,4,5\n6,7\n", "line 3: 3 cells where there are 2 columns"),
        ("a,b\n1,2\n3\n6,7\n", "line 3: 1 cells where there are 2 columns"),
        ("a,b\n1,2,3\n4,5,6\n", "line 2: 3 cells where there are 2 columns"),
        ('a,b\n1,2\n3,"4\n5,6\n', "line 3"),
        ("a,b,a\n1,2,3\n", "'a' names columns 0, 2"),
        ("a,b\n", "0 rows, 2 columns"),
        ("", "is empty"),
        ("\n\n", "is empty"),
    ],
)
def test_a_broken_text_names_its_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=says):
        read_table(tmp_path / "t.csv")


def test_a_missing_last_cell_is_no_broken_line(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,\n2,\n\n")
    assert read_table(tmp_path / "t.csv")["b"].isna().all()


def test_other_bad_files(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match=r"did you mean 'films.csv'"):
        read_table(tmp_path / "film.csv")
    (tmp_path / "t.xlsx").write_text("a")
    with pytest.raises(DataError, match=r"\.parquet"):
        read_table(tmp_path / "t.xlsx")
    (tmp_path / "latin.csv").write_bytes(b"a\n\xe9t\xe9\n")
    with pytest.raises(DataError, match="UTF-8"):
        read_table(tmp_path / "latin.csv")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a\n1\n" * 999)[:-30])
    with pytest.raises(DataError, match="whole"):
        read_table(tmp_path / "t.csv.gz")
    (tmp_path / "p.csv.gz").write_text("a\n1\n")
    with pytest.raises(DataError, match="whole"):
        read_table(tmp_path / "p.csv.gz")
    with pytest.raises(DataError, match="found:  int"):
        read_table(3)
    with pytest.raises(DataError, match="equal lengths"):
        read_table({"a": [1], "b": [1, 2]})


def test_parquet_of_many_columns_is_read_whole_and_in_order(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="Parquet needs the extra 'tables'")
    table = pd.DataFrame({f"x{i}": np.arange(5) + i / 7 for i in range(20)})
    table = table.assign(a=list("uvwxy"), k=pd.array([1, None, 3, 4, 5], dtype="Int64"))
    table.insert(3, "x1.part", [0.0, np.nan, 2.0, 3.0, 4.0])  # looks like a field of x1
    table.index = pd.Index(list("pqrst"), name="row")  # pandas keeps it as a column; it is none
    table.to_parquet(tmp_path / "t.parquet", row_group_size=2)
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet"), table.reset_index(drop=True))


def test_a_damaged_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="Parquet needs the extra 'tables'")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DataError, match=r"t\.parquet"):
        read_table(tmp_path / "t.parquet")


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DataError, match=r"umbel\[tables\]"):
        read_table(tmp_path / "t.parquet")


def test_frames_are_checked_and_not_changed() -> None:
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(DataError, match="a name of its own"):
        read_table(frame)
    with pytest.raises(DataError, match="levels"):
        read_table(pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])))
    with pytest.raises(DataError, match="at least one row"):
        read_table(pd.DataFrame({"a": []}))
    frame = pd.DataFrame({0: [1, 2]}, index=[7, 7])
    read = read_table(frame)
    assert list(read.columns) == ["0"]
    assert list(read.index) == [0, 1]
    assert list(frame.index) == [7, 7]
    with pytest.raises(DataError, match="did you mean 'score'"):
        take_column(pd.DataFrame({"score": [1]}), "scor", "target")
