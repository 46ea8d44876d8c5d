"""Columns and their types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

__all__ = ["COLUMN_TYPES", "MEDIA_TYPES", "Column", "ColumnType", "Schema"]

ColumnType = Literal["number", "category", "set", "text", "date", "image", "audio", "series"]
"""``number``: standardised; ``category``: one of some levels; ``set``: names separated by a delimiter
(or a list); ``text``: free words; ``date``: a day, maybe with a time; ``image``, ``audio``: a file's path,
its bytes, or an array; ``series``: numbers in order of time."""

COLUMN_TYPES: tuple[str, ...] = get_args(ColumnType)
MEDIA_TYPES: tuple[ColumnType, ...] = ("image", "audio", "series")
"""Types whose cells are arrays, or files that hold one."""


@dataclass(frozen=True)
class Column:
    """One input column.

    :param name: its name in the table.
    :param type: how its cells are read.
    :param separator: what stands between the names of a ``set``; None when cells are lists.
    :param table: whether it says which of several tables a row is of: batches are of one table each, and
        columns of the other tables may be missing.
    :param side: whether it enters at the heads (a position, a concept, what the task is) and not below
        the shared trunk.
    :param skip: whether an image or a sound that cannot be read counts as a missing cell, and is no error.
    """

    name: str
    type: ColumnType
    separator: str | None = None
    side: bool = False
    table: bool = False
    skip: bool = False


@dataclass(frozen=True)
class Schema:
    """The input columns, in order; the group column of the rows layout is not among them."""

    columns: tuple[Column, ...] = field(default=())

    def of(self, *types: ColumnType) -> list[Column]:
        """The columns of some types."""
        return [c for c in self.columns if c.type in types]

    def split(self) -> tuple[Schema, Schema]:
        """The columns that enter below the trunk, and those that enter at the heads."""
        below, side = ([c for c in self.columns if c.side == wanted] for wanted in (False, True))
        return Schema(tuple(below)), Schema(tuple(side))

    @property
    def table(self) -> Column | None:
        """The column that says which of several tables a row is of."""
        return next((c for c in self.columns if c.table), None)

    @property
    def names(self) -> list[str]:
        """Names of all input columns."""
        return [c.name for c in self.columns]

    @property
    def state(self) -> list[dict[str, Any]]:
        """All of it as JSON."""
        told: list[dict[str, Any]] = [
            {"name": c.name, "type": c.type, "separator": c.separator} for c in self.columns
        ]
        for one, column in zip(told, self.columns, strict=True):
            one.update({flag: True for flag in ("side", "table", "skip") if getattr(column, flag)})
        return told

    @staticmethod
    def from_state(state: list[Mapping[str, Any]]) -> Schema:
        """The schema that :attr:`state` tells of."""
        return Schema(tuple(Column(**c) for c in state))
