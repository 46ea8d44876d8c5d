"""Lines of a text table: numbered as they stand in the file, and counted."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from umbel.data.lines import broken, check_lines, lines_of, open_text
from umbel.errors import DataError

TEXT = 'a,b\n\n"two, or\nmore",2\n3,4\n'


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "T.CSV.GZ"])
def test_lines_have_the_numbers_of_the_file(name: str, tmp_path: Path) -> None:
    text = ("\ufeff" + TEXT).encode()
    (tmp_path / name).write_bytes(text if name.endswith("csv") else gzip.compress(text))
    found = list(lines_of(tmp_path / name, ","))
    # of a cell over two lines the last counts; a blank line is none
    assert found == [(1, ["a", "b"]), (4, ["two, or\nmore", "2"]), (5, ["3", "4"])]
    with open_text(tmp_path / name) as file:
        assert file.read() == TEXT


def test_the_first_line_of_another_width_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    check_lines(path, [(2, ["1", "2"]), (3, ["3", "4"])], 2)
    with pytest.raises(DataError, match=r"t\.csv, line 3: 1 cells where there are 2 columns"):
        check_lines(path, [(2, ["1", "2"]), (3, ["3"]), (4, [])], 2)
    assert "a missing quote" in broken(path, "?", "no end").remedy
