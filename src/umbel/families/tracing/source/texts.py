"""Lines of a text file, packed or not."""

from __future__ import annotations

import csv
import gzip
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from umbel.errors import DataError, near

__all__ = ["cells_of", "existing", "lines_of_text", "plain_name", "stem"]


LONGEST = 2**30
"""Characters of a cell at most: all answers of a student may stand in one."""


def existing(path: str | Path) -> Path:
    """A path under which something is.

    :raises DataError: there is nothing; near names are given.
    """
    found = Path(path)
    if not found.exists():
        beside = sorted(one.name for one in found.parent.iterdir()) if found.parent.is_dir() else []
        raise DataError(
            "the file of a log must exist",
            found=str(found),
            remedy=near(found.name, beside) if beside else "check the path",
        )
    return found


def plain_name(path: Path) -> str:
    """Name of a file without the endings of packing, lower case.

    >>> plain_name(Path("logs/Train.csv.XZ"))
    'train.csv'
    """
    name = path.name.lower()
    return name.removesuffix(".xz").removesuffix(".gz")


def stem(path: Path) -> str:
    """Name of a file without all its endings, by which students without names are called.

    >>> stem(Path("logs/Train.csv.xz"))
    'Train'
    """
    return path.name.split(".")[0]


def lines_of_text(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file, unpacked when it ends in .gz or .xz, without their ends.

    :raises DataError: it is not UTF-8, or a packed file is not whole.
    """
    number = 0
    try:
        with _opened(path) as file:
            for line in file:
                yield line.rstrip("\r\n")
                number += 1
    except UnicodeDecodeError as error:
        raise DataError(
            "a log is UTF-8", found=f"{path}, after line {number}: {error.reason}", remedy="save it as UTF-8"
        ) from None
    except (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataError(
            "the file must be whole", found=f"{path}: {error}", remedy="fetch or write it again"
        ) from None


def cells_of(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number, from 1, and cells of each line of a CSV file that is not blank.

    :raises DataError: a line cannot be read (it is named).
    """
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST))
    reader = csv.reader(lines_of_text(path))
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(
            "a CSV file has cells between commas",
            found=f"{path}, line {reader.line_num}: {error}",
            remedy="mend the line",
        ) from None


def _opened(path: Path) -> IO[str]:
    kind = path.suffix.lower()
    if kind == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig")
    if kind == ".xz":
        return lzma.open(path, "rt", encoding="utf-8-sig")
    return path.open("r", encoding="utf-8-sig")
