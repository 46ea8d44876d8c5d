"""A split from a file: each line is a row of the table and its side, and what is none is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from umbel.app.sides import numbers, read_sides, write_sides
from umbel.data.split import Split
from umbel.errors import ConfigError, DataError


def written(folder: Path, *lines: str) -> Path:
    path = folder / "split.csv"
    path.write_text("\n".join(["row,side", *lines]) + "\n", encoding="utf-8")
    return path


def test_what_is_written_is_read_and_a_row_of_no_side_stays_so(tmp_path: Path) -> None:
    split = Split.of(np.array([0, 2, -1, 0, 1, -1]))
    write_sides(tmp_path / "split.csv", split)
    found = read_sides(tmp_path / "split.csv", 6)
    for side in ("train", "valid", "test"):
        np.testing.assert_array_equal(getattr(found, side), getattr(split, side))
    assert sum(found.sizes.values()) == 4


@pytest.mark.parametrize(
    ("lines", "parts"),
    [
        (["0,train", "one,test"], ["line 3 of 'split.csv': row 'one', side 'test'", "numbered from 0"]),
        (["0,train", ",test"], ["line 3", "row '', side 'test'", "the table has 4 rows"]),
        (["0,train", "1.5,test"], ["line 3", "row '1.5'"]),
        (["0,train", "inf,test"], ["line 3", "row 'inf'"]),
        (["4,train"], ["line 2", "row '4'", "the table has 4 rows"]),
        (["-1,train"], ["line 2", "row '-1'"]),
        (["0,trian"], ["line 2", "side 'trian'", "did you mean 'train'"]),
        (["0,train", "1,"], ["line 3", "side ''", "there is 'train', 'valid', 'test'"]),
        (["0,train", "1,test", "0,test"], ["line 4", "row 0 again"]),
    ],
)
def test_a_line_that_names_no_row_or_side_is_told(lines: list[str], parts: list[str], tmp_path: Path) -> None:
    with pytest.raises(DataError) as told:
        read_sides(written(tmp_path, *lines), 4)
    for part in parts:
        assert part in str(told.value)


def test_a_file_without_the_columns_is_told(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text("line,side\n0,train\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"no column 'row' in 'split\.csv'"):
        read_sides(path, 4)


def test_shares_are_numbers() -> None:
    assert numbers(None) is None
    assert numbers("1, 2") == [1.0, 2.0]
    with pytest.raises(ConfigError, match=r"'0\.7,much'"):
        numbers("0.7,much")
