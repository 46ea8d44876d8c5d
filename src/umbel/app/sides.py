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
    from umbel.training.difficulty import make_ready

    return make_ready(frame, config.problem, seed=config.seed).split


def read_sides(path: Path, rows: int) -> Split:
    """A split from a CSV file with the columns ``row`` (from 0) and ``side``; rows not in it are on no side.

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
    numbers_of = {name: number for number, name in enumerate(SIDES)}
    cells = found[["row", "side"]].astype(object).where(found.notna(), "")
    for line, (cell, side) in enumerate(zip(cells["row"], cells["side"], strict=True), start=2):
        row = _row_of(cell, rows)
        if row is None or side not in numbers_of:
            raise DataError(
                "each line of a split names a row of the table and its side",
                found=f"line {line} of '{path.name}': row '{cell}', side '{side}'; "
                f"the table has {rows:,} rows",
                remedy="rows are numbered from 0" if row is None else near(side, numbers_of),
            )
        if sides[row] >= 0:
            raise DataError(
                "a split names each row once",
                found=f"line {line} of '{path.name}': row {row} again",
                remedy="as `umbel split` writes it",
            )
        sides[row] = numbers_of[side]
    return Split.of(sides)


def _row_of(cell: object, rows: int) -> int | None:
    """The row that a cell names; None where it names none of the table."""
    try:
        number = float(str(cell))
    except ValueError:
        return None
    return int(number) if number.is_integer() and 0 <= number < rows else None


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
    """Print the sizes of a split, how it was made, and what its audit found."""
    print(", ".join(f"{side} {count:,} rows" for side, count in split.sizes.items()))
    for note in split.notes:
        print(textwrap.fill(note, 110))
    if split.balance is not None:
        _say_balance(split.balance)
    if report is None:
        return
    for check, words, severity, count in report.lines():
        head = f"{severity:<9} {check}" + (f" ({count})" if count else "") + ": "
        print(textwrap.fill(head + words, 110, subsequent_indent=" " * 10))
    for note in report.notes:
        print(note)
    print(report.words)


def _say_balance(deviations: pd.DataFrame) -> None:
    from umbel.app.console import print_table
    from umbel.training.balance_section import balance_table

    table = balance_table(deviations)
    numbers = range(2, len(table.columns))
    lines = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in table.rows]
    print_table(table.columns, lines, right=[column in numbers for column in range(len(table.columns))])
    print(textwrap.fill(table.caption, 110))
