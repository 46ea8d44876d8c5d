"""A look at a table before anything is learned: columns, candidates for targets, likely leaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from umbel.data.cells import blank, codes_of, is_listed
from umbel.data.infer import Inferred, infer_column
from umbel.data.leaks import Leak, find_leaks
from umbel.data.marks import comparable, describe, holds_media
from umbel.data.problem import Problem
from umbel.data.read import check_table, take_column
from umbel.errors import DataError, KindError
from umbel.tasks.infer import infer

__all__ = ["Candidate", "Inspection", "Look", "inspect_table"]


@dataclass(frozen=True)
class Look:
    """What one column is like.

    :param inferred: its type and why.
    :param distinct: number of distinct known cells.
    :param missing: share of missing cells, 0 to 1.
    :param examples: some cells as text.
    """

    name: str
    inferred: Inferred
    distinct: int
    missing: float
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Candidate:
    """A column that could be a target.

    :param kind: its kind; None where it cannot be one.
    :param options: options of the kind.
    :param reason: why.
    :param missing: share of unknown answers, 0 to 1.
    """

    name: str
    kind: str | None
    options: Mapping[str, Any]
    reason: str
    missing: float


@dataclass(frozen=True)
class Inspection:
    """What was found in a table.

    :param rows: number of rows.
    :param columns: every column.
    :param candidates: the named targets, or where none are named the columns that could be one.
    :param leaks: inputs that tell a target too well.
    :param entities: columns that seem to name entities, and why.
    :param notes: further sentences.
    :param problem: what umbel would do with it.
    """

    rows: int
    columns: Sequence[Look]
    candidates: Sequence[Candidate]
    leaks: Sequence[Leak]
    entities: Mapping[str, str]
    notes: Sequence[str] = ()
    problem: Problem = field(default_factory=lambda: Problem.of("y"))

    def column(self, name: str) -> Look:
        """What the column called ``name`` is like."""
        return next(c for c in self.columns if c.name == name)


def _look(column: pd.Series) -> Look:
    known = column.dropna()
    listed = is_listed(column)
    if pd.api.types.is_string_dtype(known.dtype) and not listed:
        known = known[known != ""]
    shown: Iterable[str]
    if holds_media(known):
        shown = map(describe, known.tolist())
    else:
        shown = (", ".join(map(str, cell)) for cell in known) if listed else map(str, known.unique()[:3])
    distinct = comparable(known).nunique()
    examples = [text for text, _ in zip(shown, range(3), strict=False)]
    return Look(
        str(column.name),
        infer_column(column),
        int(distinct),
        1 - len(known) / len(column),
        tuple(" ".join(e[:40].split()) for e in examples),
    )


def _candidate(name: str, column: pd.Series) -> Candidate:
    missing = float(column.isna().mean())
    try:
        kind, options, reason = infer(column)
    except KindError as error:
        return Candidate(name, None, {}, f"{error.rule}: {error.found}", missing)
    return Candidate(name, kind, options, reason, missing)


def _entities(frame: pd.DataFrame, looks: Sequence[Look]) -> dict[str, str]:
    """Columns that name something and come again."""
    return {
        look.name: f"{look.distinct:,} distinct in {len(frame):,} rows: rows of one may belong together"
        for look in looks
        if look.inferred.id and look.distinct < 0.99 * len(frame) * (1 - look.missing)
    }


def inspect_table(
    frame: pd.DataFrame,
    targets: Sequence[str] | None = None,
    by: str | None = None,
    *,
    missing: Sequence[str] = (),
) -> Inspection:
    """Look at a table.

    :param frame: the table.
    :param targets: the columns to be predicted; where None, every column that could be is a candidate
        and the last of them is taken.
    :param by: the column that says which task each row belongs to (rows layout).
    :param missing: texts that stand for a missing cell.
    :returns: what was found, with a problem to start from.
    :raises DataError: a named column is not there, or no column can be a target.

    >>> table = pd.DataFrame({"x": [0.5, 1, 2, 3] * 9, "y": [0.5, 1, 2, 3] * 9})
    >>> inspect_table(table, ["y"]).leaks[0].words
    "'x' is 'y' in other words (rank correlation 1.0000)."
    """
    frame = check_table(frame)
    if isinstance(targets, str):
        targets = [targets]
    for name in targets or ():
        take_column(frame, name, "target")
    if by is not None:
        take_column(frame, by, "column of the groups")
    cells = {str(name): blank(frame[name], missing) for name in frame.columns}
    looks = [_look(column) for column in cells.values()]
    types = {look.name: look.inferred for look in looks}
    open_ = [n for n, t in types.items() if n != by and t.type in ("number", "category", "set")]
    candidates = [_candidate(name, cells[name]) for name in (targets or open_)]
    chosen = [c.name for c in candidates if targets or c.kind is not None][0 if targets else -1 :]
    if not chosen:
        raise DataError(
            "a table to learn from has a column that can be a target",
            found=f"{len(looks)} columns, none of them",
            remedy="name the targets",
        )
    entities = {n: why for n, why in _entities(frame, looks).items() if n not in (*chosen, by)}
    given = [n for n, t in types.items() if t.type is not None and n not in (*chosen, by)]
    leaks = find_leaks(frame.assign(**cells) if missing else frame, given, {n: cells[n] for n in chosen})
    twins = {leak.column for leak in leaks if leak.twin}
    inputs = {n: {"type": types[n].type, "separator": types[n].separator} for n in given if n not in twins}
    problem = Problem.of(
        {c.name: {"kind": c.kind, **c.options} for c in candidates if c.name in chosen},
        by=by,
        inputs=inputs or None,
        entity=list(entities)[:1],
        missing=list(missing),
    )
    notes = _repeats(frame, given, len(chosen) > 0 and not entities)
    return Inspection(len(frame), looks, candidates, leaks, entities, notes, problem)


def _repeats(frame: pd.DataFrame, given: Sequence[str], alone: bool) -> list[str]:
    """A sentence where rows repeat each other's inputs and nothing keeps them together."""
    plain = [comparable(frame[name]) for name in given]
    if not plain or not alone:
        return []
    again = len(frame) - len(pd.unique(codes_of(plain)))
    if again == 0:
        return []
    return [
        f"{again:,} rows have the same inputs as an earlier row: name an entity if they are the same thing, "
        "else copies may stand on two sides of the split."
    ]
