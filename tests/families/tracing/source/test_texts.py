from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest

from umbel.errors import DataError
from umbel.families.tracing.source.texts import cells_of, existing, lines_of_text

TEXT = '﻿a,b\r\n\r\n"1,2",ü\n'


@pytest.mark.parametrize("packing", ["", ".gz", ".xz"])
def test_lines_are_read_packed_or_not(tmp_path: Path, packing: str) -> None:
    path = tmp_path / f"log.csv{packing}"
    data = TEXT.encode()
    path.write_bytes({"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}[packing](data))
    assert list(lines_of_text(path)) == ["a,b", "", '"1,2",ü']
    assert list(cells_of(path)) == [(1, ["a", "b"]), (3, ["1,2", "ü"])]


def test_a_cell_may_be_long(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text('a,"' + "1," * 200_000 + '1"\n')
    [(number, cells)] = cells_of(tmp_path / "log.csv")
    assert (number, cells[0], len(cells[1])) == (1, "a", 400_001)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes(b"caf\xe9")
    with pytest.raises(DataError, match="after line 0"):
        list(lines_of_text(tmp_path / "log.csv"))
    for packing, pack in ((".gz", gzip.compress), (".xz", lzma.compress)):
        path = tmp_path / f"half{packing}"
        path.write_bytes(pack(b"1,0,1,1\n" * 999)[:-20])
        with pytest.raises(DataError, match="must be whole"):
            list(lines_of_text(path))
    with pytest.raises(DataError, match=r"did you mean 'log\.csv'"):
        existing(tmp_path / "lob.csv")
