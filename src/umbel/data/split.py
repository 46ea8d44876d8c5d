"""Training, validation and test rows, split by entity: no entity stands on two sides."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import rows_named
from umbel.data.dealing import counts_of, deal, folds
from umbel.data.entities import find_entities, first_rows
from umbel.data.split_spec import SplitSpec
from umbel.errors import DataError
from umbel.seeding import numpy_generator

__all__ = [
    "SIDES",
    "Split",
    "find_entities",
    "folds",
    "moment_of",
    "split_by_time",
    "split_randomly",
    "times_of",
]

SIDES = ("train", "valid", "test")


@dataclass(frozen=True)
class Split:
    """Positions of the rows on each side, ascending.

    :param train, valid, test: [rows on the side] long.
    :param notes: sentences for the report: what was left out or held out.
    :param balance: how near a balanced split has come to its wish (see ``Balanced.deviations``).
    """

    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: NDArray[np.int64]
    notes: tuple[str, ...] = ()
    balance: pd.DataFrame | None = None

    @staticmethod
    def of(sides: NDArray[Any], *notes: str, balance: pd.DataFrame | None = None) -> Split:
        """From a number per row, [B]: 0 training, 1 validation, 2 test, -1 left out."""
        train, valid, test = (np.flatnonzero(np.asarray(sides) == side) for side in range(3))
        return Split(train, valid, test, notes, balance)

    @property
    def sizes(self) -> dict[str, int]:
        """Rows on each side."""
        return {"train": len(self.train), "valid": len(self.valid), "test": len(self.test)}


def split_randomly(
    entities: NDArray[np.int64],
    spec: SplitSpec,
    seed: int,
    groups: NDArray[np.int64] | None = None,
) -> Split:
    """A random split by entity, within each group of the rows layout alike.

    :param entities: [B], numbers from 0.
    :param spec: shares of entities.
    :param seed: the draw.
    :param groups: [B], -1 unknown; each group with at least one entity gets at least one for training.
    """
    first = first_rows(entities)
    strata = np.zeros(len(first), dtype=np.int64) if groups is None else groups[first] + 1
    chance = numpy_generator(seed, "split")
    sides = deal(strata, counts_of(len(first), spec.shares), chance)
    if groups is not None:
        taught = np.zeros(int(strata.max(initial=0)) + 1, dtype=bool)
        taught[strata[sides == 0]] = True
        orphans = np.flatnonzero(~taught[strata])  # entities of groups that nothing could be learned of
        sides[orphans[np.unique(strata[orphans], return_index=True)[1]]] = 0
    return Split.of(sides[entities])


def times_of(column: pd.Series) -> pd.Series:
    """Numbers or dates in order of time.

    :param column: [B], numbers, dates, or text of either.
    :raises DataError: a time is missing or does not parse (rows are named).
    """
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype):
        times = column
    else:
        numbers = pd.to_numeric(column, errors="coerce")
        with warnings.catch_warnings():  # of cells without a common form: they are told of below
            warnings.simplefilter("ignore", UserWarning)
            times = numbers if bool(numbers.notna().any()) else pd.to_datetime(column, errors="coerce")
    unknown = np.flatnonzero(times.isna().to_numpy())
    if len(unknown):
        raise DataError(
            "a split by time needs a time in every row",
            found=f"column '{column.name}', {rows_named(unknown)}: {column.iloc[unknown[0]]!r}",
            remedy="fill the time in, or leave these rows out",
        )
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    return times


def split_by_time(times: pd.Series, entities: NDArray[np.int64], spec: SplitSpec) -> Split:
    """A split by time: what is judged is later than what is learned from.

    An entity whose rows stand in several periods is kept whole on the side of its **latest** row, so
    training never sees a row of validation's or test's period, nor another row of an entity judged there.

    :param times: [B], numbers or dates.
    :param entities: [B].
    :param spec: either first times of validation and test, or shares of entities in order of time.
    :raises DataError: a time is missing, or a given one does not fit the column.
    """
    times = times_of(times)
    last = times.groupby(entities).transform("max")
    if spec.valid_from is None:
        ordered = last.iloc[first_rows(entities)].sort_values()
        counts = counts_of(len(ordered), spec.shares)
        # equal times stay together: a period starts where its first time starts
        ends = (counts[0], counts[0] + counts[1])
        starts: list[Any] = [ordered.iloc[end] if end < len(ordered) else None for end in ends]
    else:
        starts = [moment_of(value, times) for value in (spec.valid_from, spec.test_from)]
        if starts[0] > starts[1]:
            raise DataError(
                "validation comes before test",
                found=f"valid_from {spec.valid_from}, test_from {spec.test_from}",
                remedy="exchange them",
            )
    sides = np.zeros(len(times), dtype=np.int64)
    for start in starts:
        if start is not None:
            sides += (last >= start).to_numpy()
    return Split.of(sides)


def moment_of(value: float | str | None, times: pd.Series) -> Any:
    """A given time in the terms of the column.

    :raises DataError: it is of another kind than the column.
    """
    try:
        if not pd.api.types.is_datetime64_any_dtype(times.dtype):
            return float(str(value))
        # a bare year is meant as its first day, not as nanoseconds
        text = str(int(value)) if isinstance(value, float) else str(value)
        moment = pd.Timestamp(text)
        return moment if moment.tzinfo is None else moment.tz_convert("UTC").tz_localize(None)
    except ValueError:
        raise DataError(
            "valid_from and test_from are of the kind of the time column",
            found=f"{value!r}, column '{times.name}' has {times.iloc[0]!r}",
            remedy="write it as the column does, e.g. 2005 or 2005-01-31",
        ) from None
