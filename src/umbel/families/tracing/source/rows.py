"""Answers as the files have them: one row an answer, each of which can be named to the user."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from umbel.data.cells import rows_named
from umbel.errors import DataError

__all__ = ["Names", "Places", "Rows", "join_rows", "numbered"]

T = TypeVar("T", bound=Hashable)
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Names(Generic[T]):
    """A column of names as numbers.

    :param codes: [R], number of each row's name; -1 where there is none.
    :param levels: distinct names in order of first sight.

    >>> Names.of(["b", None, "a", "b"])
    Names(codes=array([ 0, -1,  1,  0]), levels=('b', 'a'))
    """

    codes: Ints
    levels: tuple[T, ...]

    @staticmethod
    def of(cells: Iterable[T | None]) -> Names[T]:
        """From the cells themselves; None is a missing one."""
        place: dict[T, int] = {}
        codes = [-1 if cell is None else place.setdefault(cell, len(place)) for cell in cells]
        return Names(np.array(codes, dtype=np.int64), tuple(place))

    @staticmethod
    def joined(parts: Sequence[Names[T]]) -> Names[T]:
        """One column under another; equal names are the same name."""
        place: dict[T, int] = {}
        codes = []
        for part in parts:
            moved = [place.setdefault(level, len(place)) for level in part.levels]
            codes.append(np.array([*moved, -1], dtype=np.int64)[part.codes])
        return Names(np.concatenate(codes), tuple(place))

    def take(self, rows: Ints) -> Names[T]:
        """Some of the rows, in the order given."""
        return replace(self, codes=self.codes[rows])


@dataclass(frozen=True)
class Places:
    """Where each row stands in the user's files.

    :param files: their names.
    :param file: number of each row's file, [R].
    :param line: [R]: of tables the number of the row, from 0; of other files that of the line, from 1.
    :param spot: which answer of its line a row is, from 1, [R]; None where a line has one answer.
    """

    files: tuple[str, ...]
    file: Ints
    line: Ints
    spot: Ints | None = None

    @staticmethod
    def numbered(name: str, count: int) -> Places:
        """Rows of one table, from 0."""
        return Places((name,), np.zeros(count, dtype=np.int64), np.arange(count, dtype=np.int64))

    def named(self, rows: Iterable[int], *, count: int = 5) -> str:
        """Rows as a message names them.

        >>> Places.numbered("a.csv", 9).named([3, 4])
        'rows 3, 4 (the first is 0)'
        >>> spots = np.array([2, 3])
        >>> Places(("a.csv", "b.csv"), np.array([0, 1]), np.array([4, 4]), spots).named([0, 1], count=1)
        'a.csv, line 4, answer 2 and 1 more (the first is 1)'
        """
        chosen = [int(row) for row in rows]
        many = len(self.files) > 1
        if self.spot is None and not many:
            return rows_named(self.line[chosen].tolist(), count=count)
        told = []
        last = -1
        for row in chosen[:count]:
            words = [self.files[self.file[row]]] if many and self.file[row] != last else []
            last = self.file[row]
            if self.spot is None:
                words.append(f"row {self.line[row]}")
            else:
                words += [f"line {self.line[row]}", f"answer {self.spot[row]}"]
            told.append(", ".join(words))
        more = f" and {len(chosen) - count} more" if len(chosen) > count else ""
        return f"{'; '.join(told)}{more} (the first is {0 if self.spot is None else 1})"

    def take(self, rows: Ints) -> Places:
        """Some of the rows, in the order given."""
        spot = None if self.spot is None else self.spot[rows]
        return Places(self.files, self.file[rows], self.line[rows], spot)


@dataclass(frozen=True)
class Rows:
    """R answers as they were read, nothing checked and nothing merged.

    :param student: whose answer it is.
    :param question: which question; all -1 where the log names none.
    :param concepts: the concepts of each row, as tuples of names; () for none.
    :param correct: NaN where it is missing, else any number.
    :param places: where each row stands.
    :param time: seconds since any fixed moment, NaN unknown; None where there is no such column.
    :param order: numbers by which a student's rows are ordered; None where there is no such column.
    :param labels: further numbers of each row, NaN unknown.
    :param repeat: true where the file says that a row is the row before it with another concept.
    :param fold: number of the part each row was given to; None where the files know no parts.
    :param in_line: whether the rows stand in the order of the answers by the rule of their format.
    :param notes: sentences for the report: what was chosen or left out while reading.
    """

    student: Names[str]
    question: Names[str]
    concepts: Names[tuple[str, ...]]
    correct: Floats
    places: Places
    time: Floats | None = None
    order: Floats | None = None
    labels: Mapping[str, Floats] = field(default_factory=dict)
    repeat: NDArray[np.bool_] | None = None
    fold: Ints | None = None
    in_line: bool = False
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.correct)

    def take(self, rows: Ints) -> Rows:
        """Some of the rows, in the order given."""
        return replace(
            self,
            student=self.student.take(rows),
            question=self.question.take(rows),
            concepts=self.concepts.take(rows),
            correct=self.correct[rows],
            places=self.places.take(rows),
            time=None if self.time is None else self.time[rows],
            order=None if self.order is None else self.order[rows],
            labels={name: values[rows] for name, values in self.labels.items()},
            repeat=None if self.repeat is None else self.repeat[rows],
            fold=None if self.fold is None else self.fold[rows],
        )


def numbered(counts: Sequence[int]) -> tuple[Ints, Ints]:
    """Group and place in it of each row, where groups stand one after another.

    :param counts: rows of each group.
    :returns: both from 0, [R].

    >>> numbered([2, 0, 1])
    (array([0, 0, 2]), array([0, 1, 0]))
    """
    sizes = np.array(counts, dtype=np.int64)
    group = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
    return group, np.arange(len(group), dtype=np.int64) - (np.cumsum(sizes) - sizes)[group]


def join_rows(parts: Sequence[Rows]) -> Rows:
    """Rows of several files one after another; students, questions and concepts of one name are the same.

    :param parts: at least one.
    :raises DataError: the files have different columns.
    """
    if len(parts) == 1:
        return parts[0]
    for name in ("time", "order", "repeat", "fold"):
        there = [getattr(part, name) is not None for part in parts]
        if any(there) != all(there):
            _differ(f"a {name}", parts[there.index(True)], parts[there.index(False)])
    for label in sorted({name for part in parts for name in part.labels}):
        there = [label in part.labels for part in parts]
        if not all(there):
            _differ(f"'{label}'", parts[there.index(True)], parts[there.index(False)])
    shift = np.cumsum([0, *(len(part.places.files) for part in parts)])
    spots = [part.places.spot for part in parts if part.places.spot is not None]
    places = Places(
        tuple(name for part in parts for name in part.places.files),
        np.concatenate([part.places.file + shift[i] for i, part in enumerate(parts)]),
        np.concatenate([part.places.line for part in parts]),
        np.concatenate(spots) if len(spots) == len(parts) else None,
    )
    return Rows(
        student=Names.joined([part.student for part in parts]),
        question=Names.joined([part.question for part in parts]),
        concepts=Names.joined([part.concepts for part in parts]),
        correct=np.concatenate([part.correct for part in parts]),
        places=places,
        time=_stacked([part.time for part in parts]),
        order=_stacked([part.order for part in parts]),
        labels={n: np.concatenate([part.labels[n] for part in parts]) for n in parts[0].labels},
        repeat=_stacked([part.repeat for part in parts]),
        fold=_stacked([part.fold for part in parts]),
        in_line=all(part.in_line for part in parts),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def _stacked(parts: Sequence[Any]) -> Any:
    """One array under another; None where there are none."""
    return None if parts[0] is None else np.concatenate(parts)


def _differ(what: str, one: Rows, other: Rows) -> None:
    raise DataError(
        "files that are read together have the same columns",
        found=f"{what} in {one.places.files[0]}, none in {other.places.files[0]}",
        remedy="read them one by one, or leave the column out",
    )
