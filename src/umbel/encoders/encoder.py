"""The contract of an encoder: some input columns of one type in, features [B, D] out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor, nn

from umbel.data.batch import Input
from umbel.data.schema import Column, ColumnType
from umbel.registry import Registry

__all__ = ["ENCODERS", "Encoder"]


class Encoder(nn.Module, ABC):
    """All columns of one type, in two halves.

    The first half is fitted on training rows and turns columns into one tensor (or ragged tensor) that
    batches are cut from; it is plain data, saved by :meth:`state`. The second half has the parameters,
    made by :meth:`build` once the first half is fitted, and is the module's ``forward``.

    Besides its features an encoder has a *linear view* of its input, W columns wide (the standardised
    numbers, the one-hot levels, the names): :meth:`linear` multiplies it by a weight without ever
    writing it down. It is what a linear skip and a linear model see.

    :param columns: the columns, all of the encoder's type; they are put in the order of their names, so
        that the order of a table's columns changes nothing.
    """

    name: ClassVar[str]
    reads: ClassVar[ColumnType]

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        self.columns = tuple(sorted(columns, key=lambda column: column.name))

    @abstractmethod
    def fit(self, frame: pd.DataFrame) -> None:
        """Learn scales and vocabularies from the training rows.

        :raises DataError: a cell cannot be read as the column's type.
        """

    @abstractmethod
    def transform(self, frame: pd.DataFrame) -> Input:
        """Columns of any rows to one tensor, or ragged tensor, of B rows."""

    @abstractmethod
    def build(self) -> None:
        """Make the parameters; called once, after :meth:`fit` or :meth:`restore`."""

    @property
    @abstractmethod
    def out(self) -> int:
        """How many features :meth:`forward` gives, D."""

    @property
    @abstractmethod
    def wide(self) -> int:
        """Columns of the linear view, W."""

    @abstractmethod
    def forward(self, x: Any) -> Tensor:
        """Features [B, D] of what :meth:`transform` gave."""

    @abstractmethod
    def linear(self, x: Any, weight: Tensor) -> Tensor:
        """The linear view times a weight.

        :param weight: [W, K].
        :returns: [B, K].
        """

    def present(self, x: Any) -> Tensor | None:
        """Rows that have anything of this modality, [B] bool; None where a missing cell is a value too."""
        return None

    def lacks(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Rows in which the cells of all its columns are missing or empty, [B]."""
        return np.asarray(np.logical_and.reduce([_empty(frame[c.name]) for c in self.columns]), dtype=bool)

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What :meth:`fit` learned: JSON values and numpy arrays."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state` gave."""


ENCODERS: Registry[Any] = Registry("encoder", "umbel.encoders")
"""All encoders, by name."""


def _empty(column: pd.Series) -> NDArray[np.bool_]:
    """Cells that are missing, or a text or list of nothing, [B]."""
    missing = column.isna().to_numpy(dtype=bool)
    if column.dtype != object and not pd.api.types.is_string_dtype(column.dtype):
        return missing
    nothing = [isinstance(cell, str | list) and not cell for cell in column.tolist()]
    return np.asarray(missing | np.array(nothing, dtype=bool))
