"""Columns and their types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

__all__ = ["COLUMN_TYPES", "Column", "ColumnType", "Schema"]

ColumnType = Literal["number", "category", "set", "text"]
"""``number``: standardised; ``category``: one of some levels; ``set``: names separated by a delimiter
(or a list); ``text``: free words."""

COLUMN_TYPES: tuple[str, ...] = get_args(ColumnType)


@dataclass(frozen=True)
class Column:
    """One input column.

    :param name: its name in the table.
    :param type: how its cells are read.
    :param separator: what stands between the names of a ``set``; None when cells are lists.
    """

    name: str
    type: ColumnType
    separator: str | None = None


@dataclass(frozen=True)
class Schema:
    """The input columns, in order; the group column of the rows layout is not among them."""

    columns: tuple[Column, ...] = field(default=())

    def of(self, *types: ColumnType) -> list[Column]:
        """The columns of some types."""
        return [c for c in self.columns if c.type in types]

    @property
    def names(self) -> list[str]:
        """Names of all input columns."""
        return [c.name for c in self.columns]

    @property
    def state(self) -> list[dict[str, Any]]:
        """All of it as JSON."""
        return [{"name": c.name, "type": c.type, "separator": c.separator} for c in self.columns]

    @staticmethod
    def from_state(state: list[Mapping[str, Any]]) -> Schema:
        """The schema that :attr:`state` tells of."""
        return Schema(tuple(Column(c["name"], c["type"], c["separator"]) for c in state))
