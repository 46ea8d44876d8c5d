"""Sets of names (a film's cast, a paper's authors): an embedding of the names that training knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from umbel.data.schema import Column, ColumnType
from umbel.encoders.bags import Bags, BagTable, join_bags, linear_bags
from umbel.encoders.encoder import ENCODERS, Encoder

__all__ = ["Names", "factorize_names"]


def factorize_names(
    column: pd.Series, separator: str | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
    """The names of all cells in a line as numbers, how many each cell has, and the names by number.

    A cell is delimited text, or a list; a missing or empty one has no names. Each name counts once.

    >>> factorize_names(pd.Series(["b, a", None, "a"]), ", ")
    (array([0, 1, 1]), array([2, 0, 1]), ['b', 'a'])
    """
    index: dict[str, int] = {}
    codes: list[int] = []
    lengths = np.zeros(len(column), dtype=np.int64)
    place = index.setdefault
    mark = separator and (separator.strip() or separator)
    for row, cell in enumerate(column.tolist()):
        if isinstance(cell, str):
            # an empty text is a cell without names, not a name
            parts = cell.split(mark) if mark else [cell]
            found = dict.fromkeys(name for part in parts if (name := part.strip()))
        elif isinstance(cell, Iterable):
            found = dict.fromkeys(str(name) for name in cell)
        else:
            continue
        codes += [place(name, len(index)) for name in found]
        lengths[row] = len(found)
    return np.asarray(codes, dtype=np.int64), lengths, list(index)


@ENCODERS.register("names", source="deep sets with a sum, Zaheer et al. 2017; wide part, Cheng et al. 2016")
class Names(Encoder):
    """All set columns at once: the sum of the embeddings of the names seen often enough in training.

    Other names are counted: the features carry, for each column, the log of how many names there are,
    the log of how many are unknown, and whether there are none.

    :param least: a name needs so many training rows for a place of its own.
    :param most: places per column at most, for the most frequent names: it bounds what a step costs.
    :param width: numbers per name; 0 leaves the counts only (the linear view still has the names).
    :param power: a cell of n known names counts each n ** -power.
    :param dropout: share of the summed embedding dropped in training.
    """

    name: ClassVar[str] = "names"
    reads: ClassVar[ColumnType] = "set"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        least: int = 2,
        most: int = 100_000,
        width: int = 32,
        power: float = 0.5,
        dropout: float = 0.3,
    ) -> None:
        super().__init__(columns)
        self.least, self.most = least, most
        self.width, self.power, self.dropout = width, power, dropout
        self.vocabulary: list[list[str]] = []
        self.loc = np.zeros(3 * len(self.columns))
        self.scale = np.ones(3 * len(self.columns))

    def fit(self, frame: pd.DataFrame) -> None:
        """Learn the names."""
        self.vocabulary, parts, counts = [], [], []
        for column in self.columns:
            codes, lengths, names = factorize_names(frame[column.name], column.separator)
            seen = np.bincount(codes, minlength=len(names))
            known = seen >= self.least
            if known.sum() > self.most:
                known[np.argsort(-seen, kind="stable")[self.most :]] = False
            self.vocabulary.append(sorted(name for name, k in zip(names, known, strict=True) if k))
            rows = np.repeat(np.arange(len(lengths)), lengths)
            counts.append(np.bincount(rows[~known[codes]], minlength=len(lengths)))
            parts.append(lengths)
        extra = self._counts(parts, counts)
        self.loc = extra.mean(axis=0)
        spread = extra.std(axis=0)
        self.scale = np.where(spread > 1e-9, spread, 1.0)

    @staticmethod
    def _counts(
        lengths: Sequence[NDArray[np.int64]], unknown: Sequence[NDArray[np.int64]]
    ) -> NDArray[np.float64]:
        """Side numbers before standardisation [B, 3 S]."""
        columns = []
        for size, missed in zip(lengths, unknown, strict=True):
            columns += [np.log1p(size), np.log1p(missed), (size == 0).astype(np.float64)]
        return np.stack(columns, axis=1)

    def transform(self, frame: pd.DataFrame) -> Bags:
        """Places of known names, and counts."""
        parts, sizes, missed, start = [], [], [], 0
        for column, vocabulary in zip(self.columns, self.vocabulary, strict=True):
            codes, lengths, names = factorize_names(frame[column.name], column.separator)
            index = {name: start + k for k, name in enumerate(vocabulary)}
            places = np.array([index.get(name, -1) for name in names], dtype=np.int64)[codes]
            known = places >= 0
            rows = np.repeat(np.arange(len(lengths)), lengths)
            kept = np.bincount(rows[known], minlength=len(lengths))
            parts.append((places[known], kept))
            sizes.append(lengths)
            missed.append(lengths - kept)
            start += len(vocabulary)
        extra = (self._counts(sizes, missed) - self.loc) / self.scale
        return join_bags(parts, extra.astype(np.float32))

    def build(self) -> None:
        """One embedding of the names of all columns."""
        size = sum(map(len, self.vocabulary))
        self.table = BagTable(size, self.width, power=self.power, dropout=self.dropout)

    @property
    def out(self) -> int:
        """Features, D."""
        return len(self.columns) * (self.width + 3)

    @property
    def wide(self) -> int:
        """Names and counts, W."""
        return sum(map(len, self.vocabulary)) + 3 * len(self.columns)

    def forward(self, x: Bags) -> Tensor:
        """Features [B, D]."""
        features: Tensor = self.table(x)
        return features

    def linear(self, x: Bags, weight: Tensor) -> Tensor:
        """[B, W] times [W, K]."""
        return linear_bags(x, weight)

    def state(self) -> dict[str, Any]:
        """Names, and the scale of the counts."""
        return {"vocabulary": self.vocabulary, "loc": self.loc, "scale": self.scale}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take names and scale back."""
        self.vocabulary = [list(names) for names in state["vocabulary"]]
        self.loc, self.scale = np.asarray(state["loc"]), np.asarray(state["scale"])
