"""Which format a file of answers has."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any, Literal

from umbel.errors import DataError
from umbel.families.tracing.source.ednet import is_ednet
from umbel.families.tracing.source.texts import existing, lines_of_text, plain_name

__all__ = ["Format", "format_of"]

Format = Literal["table", "pykt", "blocks", "ednet", "matrix"]
TABLES = (".parquet", ".pq", ".feather", ".arrow", ".tsv", ".tab")
HEAD = 2
"""Cells of a block's first line at most."""


def format_of(source: Any) -> Format:
    """The format of one source, seen from its name and its first line.

    A folder of users is ``ednet``; a file with the columns uid and responses is ``pykt``; one whose first
    line has at most two cells is ``blocks``; one whose first line is numbers is ``matrix``; any other file,
    and any data frame, is a ``table``.

    :param source: a path, or a table in memory.
    :raises DataError: there is no such file, it is empty, or a folder without files of users.
    """
    if not isinstance(source, str | Path):
        return "table"
    path = existing(source)
    if path.is_dir():
        if is_ednet(path):
            return "ednet"
        raise DataError(
            "a folder of answers holds EdNet's files u1.csv, u2.csv, ...",
            found=str(path),
            remedy="give the files themselves",
        )
    if plain_name(path).endswith(TABLES):
        return "table"
    head = next(islice((line for line in lines_of_text(path) if line.strip()), 1), None)
    if head is None:
        raise DataError("a log has at least one answer", found=f"{path} is empty", remedy="check the file")
    cells = [cell.strip().strip('"') for cell in head.strip().removesuffix(",").split(",")]
    if {"uid", "responses"} <= set(cells):
        return "pykt"
    if any(mark in head for mark in "\t;|"):
        return "table"
    if len(cells) <= HEAD:
        return "blocks"
    return "matrix" if all(_is_number(cell) for cell in cells) else "table"


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True
