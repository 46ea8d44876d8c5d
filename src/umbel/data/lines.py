"""The lines of a text table as they stand, before they become a frame: pandas mends some in silence."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from umbel.errors import DataError

__all__ = ["broken", "check_lines", "lines_of", "open_text"]


def open_text(path: Path) -> IO[str]:
    """A text file, unpacked when it is gzipped, without a byte order mark."""
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open("r", encoding="utf-8-sig", newline="")


def lines_of(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line number (from 1) and cells of each line that is not blank, as the csv module reads them."""
    with open_text(path) as file:
        reader = csv.reader(file, delimiter=delimiter)
        for cells in reader:
            if cells:
                yield reader.line_num, cells


def broken(path: Path, line: int | str, found: str) -> DataError:
    """The error of a line that is not as the others.

    :param line: its number, from 1.
    """
    return DataError(
        "each line has one cell per column",
        found=f"{path.name}, line {line}: {found}",
        remedy="mend the line: a missing quote or an unquoted delimiter is the usual cause",
    )


def check_lines(path: Path, lines: Iterable[tuple[int, list[str]]], width: int) -> None:
    """:raises DataError: a line has another number of cells; the first one is named."""
    for line, cells in lines:
        if len(cells) != width:
            raise broken(path, line, f"{len(cells)} cells where there are {width} columns")
