"""Whole situations held out: a domain, a site, a speaker, a ticker that training never saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import as_category, label, rows_named
from umbel.data.union import unite
from umbel.errors import ConfigError, DataError, near
from umbel.seeding import numpy_generator
from umbel.shapes import check_shape

__all__ = ["Situations", "leave_situation_out", "split_situations"]

Held = Sequence[Any] | float | str
"""Names of situations (one may stand for a list of one), or a share of them in (0, 1)."""


@dataclass(frozen=True)
class Situations:
    """A split by situation.

    :param sides: [B]: 0 training, 1 validation, 2 test.
    :param valid, test: the situations that were held out, sorted as text.
    """

    sides: NDArray[np.int64]
    valid: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True)
class _Rows:
    """Situations of rows, and which of them hang together through entities.

    :param names: sorted as text; all numbers below do not depend on the order of the rows.
    :param codes: [B], place of each row's situation among the names.
    :param unit: by situation, the first situation it hangs together with (itself where it is alone).
    """

    names: list[str]
    codes: NDArray[np.int64]
    unit: NDArray[np.int64]

    @staticmethod
    def of(column: pd.Series, entities: NDArray[Any] | None) -> _Rows:
        names = as_category(column)
        missing = np.flatnonzero(names.isna().to_numpy())
        if len(missing):
            raise DataError(
                "each row stands in a situation",
                found=f"column '{column.name}' is missing in {rows_named(missing)}",
                remedy="fill it in, or leave these rows out",
            )
        known, codes = np.unique(names.to_numpy(dtype=str), return_inverse=True)
        unit = np.arange(len(known))
        if entities is not None:
            check_shape("entities", np.shape(entities), codes.shape)
            together = unite([codes, pd.factorize(np.asarray(entities))[0].astype(np.int64)])
            least = np.full(int(together.max(initial=-1)) + 1, len(known))
            np.minimum.at(least, together, codes)
            unit[codes] = least[together]
        return _Rows([str(name) for name in known], codes.astype(np.int64), unit)

    @property
    def units(self) -> NDArray[np.int64]:
        """Numbers of the units, ascending."""
        return np.unique(self.unit)

    @property
    def words(self) -> str:
        """How many there are."""
        told = f"{len(self.names)} situations"
        count = len(self.units)
        return told if count == len(self.names) else f"{told}, {count} after those that share an entity"


def split_situations(
    column: pd.Series,
    entities: NDArray[Any],
    *,
    test: Held,
    valid: Held | None = None,
    seed: int = 0,
) -> Situations:
    """Hold out whole situations for test, and for validation where asked.

    Situations that share an entity hang together. Drawn by share, they are dealt together; named, all of
    them must be named for the same side, so that nothing is held out that was not asked for.

    :param column: situation of each row, [B]: a domain, a site, a speaker.
    :param entities: [B], any integers.
    :param test: names, or a share in (0, 1) of the situations (of the units that hang together).
    :param valid: likewise; none where None.
    :param seed: the draw of shares; it does not depend on the order of the rows.
    :returns: sides of the rows, and which situations were held out.
    :raises DataError: a name is not there (near names are given), a row has no situation, a named one
        shares an entity with one that stays (rows are named), or nothing is left to train on.
    :raises ConfigError: a share is not in (0, 1), or a situation is named twice.

    Source: Koh et al. 2021, WILDS (splits by domain); Quinonero-Candela et al. 2009, chapter 1.

    >>> sites = pd.Series(["a", "a", "b", "c"], name="site")
    >>> split_situations(sites, np.arange(4), test=["b"]).sides.tolist()
    [0, 0, 2, 0]
    """
    rows = _Rows.of(column, entities)
    sides = np.zeros(len(rows.names), dtype=np.int64)  # by situation
    drawn: dict[int, int] = {}  # how many units, by side
    for number, name, asked in ((2, "test", test), (1, "valid", valid)):
        if asked is None:
            continue
        if isinstance(asked, int | float | np.number):
            if isinstance(asked, bool) or not 0 < asked < 1:
                raise ConfigError(
                    f"{name} is a share of the situations in (0, 1), or a list of their names",
                    found=f"{name}: {asked!r}",
                    remedy=f"{name}: [{asked}] where it is a name",
                )
            drawn[number] = max(1, round(float(asked) * len(rows.units)))
            continue
        places = _places(rows, column, [asked] if isinstance(asked, str) else list(asked), name)
        if (sides[places] != 0).any():
            twice = [rows.names[p] for p in places if sides[p]]
            raise ConfigError(
                "a situation is named for one side",
                found=f"'{twice[0]}' for test and for valid",
                remedy="name it once",
            )
        sides[places] = number
    _check_whole(rows, sides, entities)
    free = np.unique(rows.unit[sides == 0])
    if len(free) <= sum(drawn.values()):
        raise DataError(
            "at least one situation is left to train on",
            found=f"{rows.words}; {len(rows.names) - int((sides == 0).sum())} are held out by name, "
            f"{sum(drawn.values())} by share",
            remedy="hold out fewer",
        )
    order = numpy_generator(seed, "situations").permutation(free)
    for number, count in drawn.items():
        sides[np.isin(rows.unit, order[:count])] = number
        order = order[count:]
    held = {n: tuple(rows.names[i] for i in np.flatnonzero(sides == n)) for n in (1, 2)}
    return Situations(sides[rows.codes], held[1], held[2])


def _places(rows: _Rows, column: pd.Series, asked: list[Any], side: str) -> NDArray[np.int64]:
    """Places of named situations."""
    known = {name: place for place, name in enumerate(rows.names)}
    names = [label(name) for name in asked]
    if not names or len(set(names)) < len(names):
        raise ConfigError(
            f"{side} names each situation once", found=f"{side}: {asked}", remedy="name at least one"
        )
    for name in names:
        if name not in known:
            raise DataError(
                f"a situation held out for {side} is one of the column",
                found=f"'{name}' is not in column '{column.name}'",
                remedy=near(name, rows.names),
            )
    return np.array([known[name] for name in names])


def _check_whole(rows: _Rows, sides: NDArray[np.int64], entities: NDArray[Any]) -> None:
    """Named situations share no entity with situations of another side."""
    by_row = sides[rows.codes]
    codes = pd.factorize(np.asarray(entities))[0]
    grouped = pd.Series(by_row).groupby(codes)
    torn = np.flatnonzero((grouped.transform("min") != grouped.transform("max")).to_numpy())
    if len(torn):
        same = torn[codes[torn] == codes[torn[0]]]
        names = sorted({rows.names[i] for i in rows.codes[same]})
        raise DataError(
            "situations that share an entity are on one side",
            found=f"{', '.join(names)} share the entity of {rows_named(same)}",
            remedy="name all of them, or leave the rows of these entities out",
        )


def leave_situation_out(
    column: pd.Series, entities: NDArray[Any] | None = None
) -> Iterator[tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]]:
    """Each situation held out in turn; those that share an entity are held out together.

    :param column: situation of each row, [B].
    :param entities: [B], any integers; each row is one of its own where None.
    :returns: names held out, positions of training rows, positions of test rows; sorted by name.
    :raises DataError: a row has no situation, or there are not two that stand apart.

    >>> sites = pd.Series(["b", "a", "b", "c"])
    >>> for names, train, test in leave_situation_out(sites, np.array([0, 1, 2, 1])):
    ...     print(names, train, test)
    ('a', 'c') [0 2] [1 3]
    ('b',) [1 3] [0 2]
    """
    rows = _Rows.of(column, entities)
    if len(rows.units) < 2:
        raise DataError(
            "at least two situations stand apart", found=rows.words, remedy="split by another column"
        )
    return _each(rows)


def _each(rows: _Rows) -> Iterator[tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]]:
    for unit in rows.units:
        names = tuple(rows.names[i] for i in np.flatnonzero(rows.unit == unit))
        out = rows.unit[rows.codes] == unit
        yield names, np.flatnonzero(~out), np.flatnonzero(out)
