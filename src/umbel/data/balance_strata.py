"""Strata of a split: each class, label, quantile and group, counted per entity and per side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.errors import ShapeError

__all__ = ["ALL_ROWS", "GROUPS", "KNOWN", "LABELLED", "Column", "Strata", "columns_of"]

ALL_ROWS, GROUPS, LABELLED = "(rows)", "(groups)", "(labelled)"
"""Names of the strata that are no class: every row, the groups of the rows layout, a task's labelled rows."""
MOST_CODES = 1 << 24
KNOWN = " (known)"
"""Ends the name of the stratum of rows where one label of several is known."""
SPECIAL = 200_000
"""Entities that may be special because something rare is theirs; with many strata less is rare."""


@dataclass(frozen=True)
class Column:
    """Strata that exclude each other in a row, e.g. the classes of a task.

    :param task: whose they are.
    :param names: of the strata, C of them; with ``labelled`` one more, their union, follows.
    :param read: gives the stratum of each row, [B], -1 for none.
    :param labelled: whether the union is a stratum, too.
    """

    task: str
    names: tuple[str, ...]
    read: Callable[[], NDArray[Any]]
    labelled: bool = False

    @property
    def strata(self) -> list[str]:
        """Names of all its strata, [C] or [C + 1]."""
        return [*self.names, *([LABELLED] if self.labelled else [])]

    def spread(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Counts [n, C] with those of the union, where it is a stratum."""
        return np.concatenate([counts, counts.sum(1, keepdims=True)], 1) if self.labelled else counts


def columns_of(
    labels: Mapping[str, NDArray[Any]], groups: NDArray[np.int64] | None, rows: int
) -> list[Column]:
    """The strata of tasks and groups.

    :param labels: by task, codes [B] from 0 with -1 missing, or 0/1 [B, L] with NaN or -1 missing.
    :param groups: [B], -1 unknown.
    :param rows: B.
    :raises ShapeError: an array has another shape or holds another number.
    """
    columns = [c for task, values in labels.items() for c in _task(task, np.asarray(values), rows)]
    if groups is not None:
        columns.append(_codes(GROUPS, np.asarray(groups), rows, labelled=False))
    whole = any(c.labelled and not np.any(np.asarray(c.read()) < 0) for c in columns)
    if not whole:  # else the labelled rows of a task are all rows already
        columns.append(Column(ALL_ROWS, (ALL_ROWS,), lambda: np.zeros(rows, dtype=np.int8)))
    return columns


def _wrong(task: str, found: str) -> ShapeError:
    return ShapeError(
        "labels are codes [B] from 0 with -1 missing, or 0/1 [B, L] with NaN missing",
        found=f"task '{task}': {found}",
    )


def _task(task: str, values: NDArray[Any], rows: int) -> Iterator[Column]:
    if values.ndim != 2:
        yield _codes(task, values, rows, labelled=True)
        return
    if len(values) != rows or values.dtype.kind not in "iufb":
        raise _wrong(task, f"{values.dtype} {list(values.shape)}, {rows} rows")
    known = (values == 0) | (values == 1)
    odd = ~(known | (values == -1) | (values != values))
    if odd.any():
        raise _wrong(task, f"{values[odd][0]} in row {int(np.argwhere(odd)[0, 0])}")
    some, every = known.any(1), known.all(1)
    yield Column(task, (), lambda: np.where(some, np.int8(0), np.int8(-1)), labelled=True)
    for label in range(values.shape[1]):
        yield Column(task, (str(label),), _positive(values, label))
        if not np.array_equal(some, every):
            yield Column(task, (f"{label}{KNOWN}",), _known(known, label))


def _positive(values: NDArray[Any], label: int) -> Callable[[], NDArray[Any]]:
    return lambda: np.where(values[:, label] == 1, np.int8(0), np.int8(-1))


def _known(known: NDArray[np.bool_], label: int) -> Callable[[], NDArray[Any]]:
    return lambda: np.where(known[:, label], np.int8(0), np.int8(-1))


def _codes(task: str, codes: NDArray[Any], rows: int, *, labelled: bool) -> Column:
    if codes.shape != (rows,) or codes.dtype.kind not in "iu":
        raise _wrong(task, f"{codes.dtype} {list(codes.shape)}, {rows} rows")
    low, high = (int(codes.min()), int(codes.max())) if rows else (-1, -1)
    if low < -1 or high >= MOST_CODES:
        raise _wrong(task, f"codes from {low} to {high}")
    return Column(task, tuple(str(c) for c in range(high + 1)), lambda: codes, labelled=labelled)


class Strata:
    """The strata of a table that some row has, and how the entities carry them.

    :param columns: from :func:`columns_of`.
    :param entities: [B], numbers from 0.
    :param rare: a stratum that at most so many entities carry is rare (fewer, from 50, with many strata).
    :param heavy: an entity with more than this part of a stratum's rows is heavy.

    ``total`` [F] rows of each stratum, ``carriers`` [F] entities with such a row, ``heaviest`` [F] the most
    rows of one entity, ``judged`` [F] whether it is of a task or group (neither all rows nor those where a
    label is known), ``special`` [number of entities] whether it is heavy or carries something rare.
    """

    def __init__(
        self, columns: list[Column], entities: NDArray[np.int64], *, rare: int = 1000, heavy: float = 0.005
    ) -> None:
        rare = int(np.clip(SPECIAL // max(1, sum(len(c.strata) for c in columns)), 50, rare))
        self.entities, self.count = entities, int(entities.max(initial=-1)) + 1
        self.special = np.zeros(self.count, dtype=bool)
        total, carriers, heaviest = [], [], []
        for column in columns:
            entity, stratum, rows = _triples(column, entities, self.count)
            size = len(column.strata)
            total.append(np.bincount(stratum, rows, minlength=size))
            carriers.append(np.bincount(stratum, minlength=size))
            top = np.zeros(size)
            np.maximum.at(top, stratum, rows)
            heaviest.append(top)
            mark = (carriers[-1] <= rare)[stratum] | (rows > np.maximum(heavy * total[-1], 1)[stratum])
            self.special[entity[mark]] = True
        joined = [np.concatenate([np.zeros(0), *parts]) for parts in (total, carriers, heaviest)]
        some = joined[0] > 0
        self.total, self.carriers, self.heaviest = (values[some] for values in joined)
        names = [(column.task, name) for column in columns for name in column.strata]
        self.names = [name for name, has in zip(names, some, strict=True) if has]
        self.judged = np.array([n != ALL_ROWS and not n.endswith(KNOWN) for _, n in self.names], dtype=bool)
        ends = np.cumsum([len(c.strata) for c in columns])
        self._parts = [
            (column, some[end - len(column.strata) : end]) for column, end in zip(columns, ends, strict=True)
        ]

    def counts(self, chosen: NDArray[np.int64]) -> Any:
        """Rows of each stratum in the chosen entities, a sparse matrix [chosen, F]."""
        from scipy.sparse import coo_array, csr_array

        place = np.full(self.count, -1, dtype=np.int64)
        place[chosen] = np.arange(len(chosen))
        inner = place[self.entities]
        rows = np.flatnonzero(inner >= 0)
        inner = inner[rows]
        parts, first = [], 0
        for column, some in self._parts:
            entity, stratum, count = _triples(column, inner, len(chosen), rows)
            shown = some[stratum]
            parts.append((entity[shown], first + (np.cumsum(some) - 1)[stratum[shown]], count[shown]))
            first += int(some.sum())
        ends = [np.concatenate([p[i] for p in parts]) for i in range(3)]
        shape = (len(chosen), len(self.total))
        return csr_array(coo_array((ends[2].astype(np.float64), (ends[0], ends[1])), shape=shape))

    def reached(self, sides: NDArray[np.int8], number: int) -> Iterator[NDArray[np.float64]]:
        """Rows of each stratum on each side, [strata of one column, S] after another.

        :param sides: of each entity, -1 for one that is not counted.
        :param number: S.
        """
        of_rows = sides[self.entities]
        for column, some in self._parts:
            size = len(column.names)
            codes = np.asarray(column.read())
            if size == 0:  # the union alone: whether there is a label
                size, codes = 1, codes
            slots = codes + of_rows.astype(np.int64) * size
            slots[(codes < 0) | (of_rows < 0)] = size * number
            counts = np.bincount(slots, minlength=size * number + 1)[:-1].reshape(number, size)
            yield (counts if not column.names else column.spread(counts))[:, some].T.astype(np.float64)

    def likely(self, odds: NDArray[np.float64], least: float) -> NDArray[np.float64]:
        """The largest odds of the strata that an entity carries, [number of entities].

        :param odds: [F].
        :param least: what is counted anyway; smaller odds are not looked at.
        """
        found = np.full(self.count, least)
        first = 0
        for column, some in self._parts:
            table = np.zeros(max(1, len(column.names)) + 1)  # the last is taken by -1
            mine = some[: len(table) - 1]
            table[: len(mine)][mine] = odds[first : first + int(mine.sum())]
            first += int(some.sum())
            if (table > least).any():
                per_row = table[np.asarray(column.read())]
                rows = np.flatnonzero(per_row > least)
                np.maximum.at(found, self.entities[rows], per_row[rows])
        return found

    def signatures(self, chance: np.random.Generator) -> NDArray[np.uint64]:
        """A number per entity; entities with the same counts of everything have the same one."""
        rows = np.zeros(len(self.entities), dtype=np.uint64)
        for column, _ in self._parts:
            draws = chance.integers(1, 2**64, size=max(1, len(column.names)) + 1, dtype=np.uint64)
            draws[-1] = 0  # taken by -1
            rows += draws[np.asarray(column.read())]
        total = np.zeros(self.count, dtype=np.uint64)
        np.add.at(total, self.entities, rows)
        return total


def _triples(
    column: Column, entities: NDArray[np.int64], count: int, rows: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Entity, stratum and rows wherever an entity carries a stratum.

    :param rows: the rows that ``entities`` is of; all where None.
    """
    codes = np.asarray(column.read() if rows is None else column.read()[rows])
    size = max(1, len(column.names))
    known = codes >= 0
    pairs = entities[known] * size + codes[known] if not known.all() else entities * size + codes
    if count * size <= 4 * len(entities) + (1 << 20):
        dense = np.bincount(pairs, minlength=count * size)
        found = np.flatnonzero(dense)
        many = dense[found]
    else:
        found, many = np.unique(pairs, return_counts=True)
    entity, stratum = np.divmod(found, size)
    if column.labelled and column.names:
        whole = np.bincount(entity, many, minlength=count)
        has = np.flatnonzero(whole)
        entity = np.concatenate([entity, has])
        stratum = np.concatenate([stratum, np.full(len(has), size)])
        many = np.concatenate([many, whole[has].astype(np.int64)])
    return entity, stratum, many
