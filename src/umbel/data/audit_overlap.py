"""Entities on two sides of a split, counted for every pair of tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.audit_tasks import TaskTable
from umbel.data.cells import rows_named
from umbel.data.split import SIDES, Split
from umbel.errors import DataError

__all__ = ["PAIRS", "Overlap", "Shared", "compact", "count_overlap", "find_shared", "sides_of"]

PAIRS = (("train", "valid"), ("train", "test"), ("valid", "test"))
"""Learned from, judged on."""
GROUPS = 400
"""Tasks of the rows layout, above which the groups of a target are counted together."""
NAMED = 5
"""Shared codes whose rows are named."""

Codes = NDArray[np.int64]


def sides_of(split: Split, count: int) -> NDArray[np.int8]:
    """The side of each row, [count]: 0 training, 1 validation, 2 test, -1 left out.

    :param split: positions of the rows on each side.
    :param count: number of rows of the table.
    :raises DataError: a position is no row of the table, or a row is on two sides.

    >>> sides_of(Split.of(np.array([0, 2, 1, -1])), 4).tolist()
    [0, 2, 1, -1]
    """
    sides = np.full(count, -1, dtype=np.int8)
    for number, side in enumerate(SIDES):
        rows = np.asarray(getattr(split, side))
        outside = rows[(rows < 0) | (rows >= count)]
        if len(outside):
            raise DataError(
                "a split holds rows of the table",
                found=f"{side}: {rows_named(outside)}; the table has {count} rows",
                remedy="give positions of rows, from 0",
            )
        before = sides[rows] >= 0
        sides[rows] = number
        if bool(before.any()) or np.count_nonzero(sides == number) < len(rows):
            again = rows[before | pd.Series(rows).duplicated().to_numpy()]
            raise DataError(
                "each row is on one side of the split, once",
                found=f"{side} again holds {rows_named(np.sort(again))}",
                remedy="make the sides from one number per row: Split.of(sides)",
            )
    return sides


def compact(codes: NDArray[Any], count: int) -> Codes:
    """Codes as numbers from 0 without great gaps, [count].

    :param codes: [count], any values.
    :param count: number of rows of the table.
    :raises DataError: there is not one code for each row.
    """
    codes = np.asarray(codes)
    if codes.shape != (count,):
        raise DataError(
            "there is one code for each row of the table",
            found=f"shape {codes.shape}, {count} rows",
            remedy="give an array of whole numbers, one per row",
        )
    if codes.dtype.kind in "iu" and count and codes.min() >= 0 and codes.max() < 2 * count:
        return codes.astype(np.int64, copy=False)
    return pd.factorize(codes)[0].astype(np.int64)


@dataclass(frozen=True)
class Shared:
    """Codes that stand on two sides.

    :param codes: the codes, ascending.
    :param rows: the rows that carry them, ascending.
    :param named: sentences with the rows of the first few.
    """

    codes: Codes
    rows: Codes
    named: tuple[str, ...]


def find_shared(codes: Codes, sides: NDArray[np.int8]) -> Shared:
    """Codes that rows of more than one side carry.

    :param codes: [B], numbers from 0.
    :param sides: [B], from :func:`sides_of`.

    >>> found = find_shared(np.array([0, 0, 1, 2]), np.array([0, 2, 0, 1]))
    >>> found.codes.tolist(), found.named
    ([0], ('train row 0 and test row 1',))
    """
    seen = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.uint8)
    for number in range(len(SIDES)):
        here = np.zeros(len(seen), dtype=bool)
        here[codes[sides == number]] = True
        seen += here
    shared = np.flatnonzero(seen > 1)
    if not len(shared):
        return Shared(shared, shared, ())
    rows = np.flatnonzero((seen > 1)[codes] & (sides >= 0))
    named = []
    first = pd.unique(codes[rows])[:NAMED]
    for code in first:
        mine = rows[codes[rows] == code]
        named.append(
            " and ".join(
                _on(side, mine[sides[mine] == n]) for n, side in enumerate(SIDES) if n in sides[mine]
            )
        )
    return Shared(shared, rows, tuple(named))


def _on(side: str, rows: Codes) -> str:
    shown = ", ".join(map(str, rows[:3]))
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    return f"{side} row{'s' if len(rows) > 1 else ''} {shown}{more}"


@dataclass(frozen=True)
class Overlap:
    """Entities on two sides.

    :param names: of the entity, as a message says it; empty where each row is its own.
    :param tasks: names of the P tasks.
    :param counts: by ``"train/test"`` and so on, [P, P]: entities with a known answer of the task of the
        row on the first side and of the task of the column on the second. All are 0 in a split that is right.
    :param entities: number of entities on each side.
    :param shared: number of entities on two sides, known answers or not.
    :param rows: some rows that carry them.
    :param named: rows of the first few of these entities.
    """

    names: str
    tasks: tuple[str, ...]
    counts: dict[str, NDArray[np.int64]]
    entities: dict[str, int]
    shared: int
    rows: tuple[int, ...] = ()
    named: tuple[str, ...] = ()

    @property
    def worst(self) -> tuple[str, str, str, int]:
        """Sides, task on the first, task on the second, and number of entities of the largest count."""
        sides = max(self.counts, key=lambda key: (self.counts[key].max(initial=0), key == "train/test"))
        table = self.counts[sides]
        if not table.size:
            return sides, "", "", 0
        p, q = np.unravel_index(int(table.argmax()), table.shape)
        return sides, self.tasks[int(p)], self.tasks[int(q)], int(table.max())


def count_overlap(table: TaskTable, entities: Codes, sides: NDArray[np.int8], names: str) -> Overlap:
    """Entities on two sides for every pair of tasks.

    Where the rows layout has more than 400 tasks, those of a target are counted as one. All rows are looked
    at; the pairs are counted over the rows of shared entities only, so that a right
    split costs a few passes over the codes.

    :param table: the tasks.
    :param entities: [B], numbers from 0.
    :param sides: [B], from :func:`sides_of`.
    :param names: what a message calls the entity.
    """
    from scipy.sparse import coo_array

    several = len(table.labels) if table.groups is not None and len(table.names) > GROUPS else 1
    tasks = tuple(table.names if several == 1 else table.targets)
    shared = find_shared(entities, sides)
    size = len(tasks)
    held = {}
    for number, side in enumerate(SIDES):
        here = np.zeros(int(entities.max(initial=-1)) + 1, dtype=bool)
        here[entities[sides == number]] = True
        held[side] = int(here.sum())
    counts = {f"{a}/{b}": np.zeros((size, size), dtype=np.int64) for a, b in PAIRS}
    if len(shared.rows):
        places, numbers = table.tasks(shared.rows)
        numbers = numbers // several
        rows = shared.rows[places]
        place = np.zeros(int(entities.max()) + 1, dtype=np.int64)
        place[shared.codes] = np.arange(len(shared.codes))
        columns = place[entities[rows]]
        known = {}
        for number, side in enumerate(SIDES):
            mine = sides[rows] == number
            found = coo_array(
                (np.ones(int(mine.sum()), dtype=np.int64), (numbers[mine], columns[mine])),
                shape=(size, len(shared.codes)),
            ).tocsr()
            found.data[:] = 1  # an entity counts once, however many rows it has
            known[side] = found
        for a, b in PAIRS:
            counts[f"{a}/{b}"] = (known[a] @ known[b].T).toarray()
    return Overlap(
        names, tasks, counts, held, len(shared.codes), tuple(map(int, shared.rows[:20])), shared.named
    )
