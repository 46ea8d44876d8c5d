from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from umbel.errors import DataError
from umbel.families.tracing.source.sniff import format_of


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [
        ("a.csv", "fold,uid,concepts,responses\n", "pykt"),
        ("a.csv", "student,skill,correct\n1,2,1\n", "table"),
        ("a.csv", "student;skill;correct\n1;2;1\n", "table"),
        ("a.tsv", "1,2\n", "table"),
        ("a.parquet", "", "table"),
        ("a.txt", "\n12,anna\n5\n6\n1\n", "blocks"),
        ("a.txt", "3\n5,6,7\n0,1,0\n", "blocks"),
        ("a.txt", "3,\n5,6,7,\n0,1,0,\n", "blocks"),
        ("a.csv", "0,1,1,0\n", "matrix"),
        ("a.csv", "0,,1,0\n", "matrix"),
    ],
)
def test_a_format_is_seen_from_the_first_line(tmp_path: Path, name: str, text: str, format: str) -> None:
    (tmp_path / name).write_text(text)
    assert format_of(tmp_path / name) == format
    assert format_of(str(tmp_path / name)) == format


def test_tables_in_memory_and_folders(tmp_path: Path) -> None:
    assert format_of(pd.DataFrame({"a": [1]})) == "table"
    with pytest.raises(DataError, match=r"u1\.csv"):
        format_of(tmp_path)
    (tmp_path / "u5.csv").write_text("timestamp\n")
    assert format_of(tmp_path) == "ednet"
    (tmp_path / "empty.csv").write_text("\n")
    with pytest.raises(DataError, match="is empty"):
        format_of(tmp_path / "empty.csv")
