"""A split on the command line: made, read, audited, written and told."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from umbel.errors import ConfigError, DataError, near

if TYPE_CHECKING:
    import pandas as pd

    from umbel.data.audit_report import Report
    from umbel.data.split import Split
    from umbel.training.config import Config

__all__ = ["audited", "made", "numbers", "read_sides", "say", "write_sides"]

_LEFT_OUT = "left out"


def numbers(text: str | None) -> list[float] | None:
    """Numbers a user wrote as ``0.7,0.1,0.2``.

    :raises ConfigError: one of them is no number.

    >>> numbers("0.7, 0.1,0.2")
    [0.7, 0.1, 0.2]
    """
    try:
        return None if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(
            "shares are numbers that sum to 1", found=repr(text), remedy="--shares 0.7,0.1,0.2"
        ) from None


def made(frame: pd.DataFrame, config: Config) -> Split:
    """The split that a run with this configuration would make.

    :raises DataError: a rule of the split is broken.
    """
    from umbel.data.prepare import prepare

    return prepare(frame, config.problem, seed=config.seed).split


def read_sides(path: Path, rows: int) -> Split:
    """A split from a CSV file with the columns ``row`` (from 0) and ``side``.

    :param rows: of the table.
    :raises DataError: the file is not of this form.
    """
    from umbel.data.read import read_table
    from umbel.data.split import SIDES, Split

    found = read_table(path)
    for name in ("row", "side"):
        if name not in found.columns:
            raise DataError(
                "a split has the columns 'row' and 'side'",
                found=f"no column '{name}' in '{path.name}'",
                remedy="as `umbel split` writes it",
            )
    sides = np.full(rows, -1, dtype=np.int64)
    numbers_of = {name: number for number, name in enumerate(SIDES)} | {_LEFT_OUT: -1}
    for line, (row, side) in enumerate(zip(found["row"], found["side"], strict=True), start=2):
        if side not in numbers_of or not float(row).is_integer() or not 0 <= int(row) < rows:
            raise DataError(
                "each line of a split names a row of the table and its side",
                found=f"line {line} of '{path.name}': row {row}, side '{side}'; the table has {rows:,} rows",
                remedy=near(side, numbers_of) if side not in numbers_of else "rows are numbered from 0",
            )
        sides[int(row)] = numbers_of[side]
    return Split.of(sides)


def audited(frame: pd.DataFrame, config: Config, split: Split, ordinary: Sequence[str] = ()) -> Report:
    """The audit of a split; see :func:`umbel.data.auditing.audit`.

    :param ordinary: columns that look like an identity, and are none.
    """
    from umbel.data.auditing import audit

    return audit(frame, config.problem, split, seed=config.seed, ordinary=ordinary)


def write_sides(path: Path, split: Split) -> None:
    """Write a row and its side per line."""
    from umbel.data.split import SIDES
    from umbel.training.files import write_text

    found = sorted((int(row), side) for side in SIDES for row in getattr(split, side))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "side"])
    writer.writerows(found)
    write_text(path, text.getvalue())


def say(split: Split, report: Report | None) -> None:
    """Print the sizes of a split and what its audit found."""
    print(", ".join(f"{side} {count:,} rows" for side, count in split.sizes.items()))
    if report is None:
        return
    for check, words, severity, count in report.lines():
        head = f"{severity:<9} {check}" + (f" ({count})" if count else "") + ": "
        print(textwrap.fill(head + words, 110, subsequent_indent=" " * 10))
    for note in report.notes:
        print(note)
    print(report.words)
