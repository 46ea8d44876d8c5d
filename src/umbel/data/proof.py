"""The proof that a split leaks no entity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import rows_named
from umbel.data.split import SIDES, Split
from umbel.errors import DataError

__all__ = ["Audit", "check_entities"]


@dataclass(frozen=True)
class Audit:
    """What was checked, for the report.

    :param rows: rows on each side.
    :param entities: entities on each side; none is on two.
    """

    rows: dict[str, int]
    entities: dict[str, int]

    @property
    def words(self) -> str:
        """One sentence."""
        sides = ", ".join(f"{side} {self.rows[side]:,} rows of {self.entities[side]:,}" for side in SIDES)
        return f"No entity is on two sides of the split ({sides} entities)."


def check_entities(split: Split, entities: NDArray[np.int64]) -> Audit:
    """Check that each row is on one side at most, and each entity too.

    :param split: positions of the rows on each side.
    :param entities: entity of every row of the table, [B].
    :returns: the counts, for the report.
    :raises DataError: an entity or a row is on two sides (rows are named), or a position is no row.

    >>> check_entities(Split.of(np.array([0, 0, 1, 2])), np.array([5, 5, 6, 7])).entities
    {'train': 1, 'valid': 1, 'test': 1}
    """
    sides = {side: np.asarray(getattr(split, side)) for side in SIDES}
    rows = np.concatenate(list(sides.values()))
    if len(rows) and (rows.min() < 0 or rows.max() >= len(entities)):
        raise DataError(
            "a split holds rows of the table", found=rows_named(rows[(rows < 0) | (rows >= len(entities))])
        )
    twice = np.flatnonzero(np.bincount(rows, minlength=len(entities)) > 1)
    if len(twice):
        raise DataError("each row is on one side of the split", found=f"twice: {rows_named(twice)}")
    held = {side: pd.unique(entities[rows]) for side, rows in sides.items()}
    for i, one in enumerate(SIDES):
        for other in SIDES[i + 1 :]:
            both = np.intersect1d(held[one], held[other], assume_unique=True)
            if len(both):
                here, there = (s[np.isin(entities[s], both[:1])] for s in (sides[one], sides[other]))
                raise DataError(
                    "an entity is on one side of the split",
                    found=f"{len(both)} entities are in {one} and in {other}; the first: "
                    f"{one} {rows_named(here)}, {other} {rows_named(there)}",
                    remedy="split by entity: name its columns under 'entity'",
                )
    return Audit(split.sizes, {side: len(found) for side, found in held.items()})
