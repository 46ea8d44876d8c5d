"""Category columns: an embedding per level, or one-hot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.data.schema import Column, ColumnType
from umbel.encoders.design_blocks import levels_of
from umbel.encoders.dropout import dropout
from umbel.encoders.encoder import ENCODERS, Encoder

__all__ = ["Categories"]


@ENCODERS.register("categories", source="entity embeddings, Guo & Berkhahn 2016")
class Categories(Encoder):
    """All category columns at once; each has one bucket for rare, never seen and unknown levels.

    A missing cell is a level of its own where training had enough of them.

    :param least: a level needs so many training rows for a place of its own.
    :param most: levels per column at most, the most frequent ones.
    :param width: numbers per embedded column at most (a column of V levels gets the smaller of this and
        ``ceil(1.6 * V ** 0.56)``); 0 makes the features one-hot.
    :param dropout: share of embedded features dropped in training.
    """

    name: ClassVar[str] = "categories"
    reads: ClassVar[ColumnType] = "category"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        least: int = 3,
        most: int = 100_000,
        width: int = 16,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(columns)
        self.least, self.most, self.width, self.dropout = least, most, width, dropout
        self.levels: list[list[str]] = []
        self.tables = nn.ModuleList()

    def fit(self, frame: pd.DataFrame) -> None:
        """Learn the levels."""
        self.levels = []
        for column in self.columns:
            codes, names = levels_of(frame[column.name])
            counts = np.bincount(codes, minlength=len(names))
            order = np.argsort(-counts, kind="stable")[: self.most]
            self.levels.append(sorted(names[k] for k in order if counts[k] >= max(1, self.least)))

    def transform(self, frame: pd.DataFrame) -> Tensor:
        """Places in the linear view [B, columns], long; the first of each column is its bucket."""
        places = np.empty((len(frame), len(self.columns)), dtype=np.int64)
        for j, (column, start) in enumerate(zip(self.columns, self._starts(), strict=True)):
            codes, names = levels_of(frame[column.name])
            index = {level: k + 1 for k, level in enumerate(self.levels[j])}
            places[:, j] = start + np.array([index.get(name, 0) for name in names], dtype=np.int64)[codes]
        return torch.from_numpy(places)

    def _starts(self) -> list[int]:
        sizes = [len(levels) + 1 for levels in self.levels]
        return [0, *np.cumsum(sizes)[:-1].tolist()] if sizes else []

    def _widths(self) -> list[int]:
        return [min(self.width, int(np.ceil(1.6 * (len(v) + 1) ** 0.56))) for v in self.levels]

    def build(self) -> None:
        """One embedding per column."""
        if self.width:
            sizes = zip(self.levels, self._widths(), strict=True)
            self.tables = nn.ModuleList(Table(len(levels) + 1, width) for levels, width in sizes)

    @property
    def out(self) -> int:
        """Features, D."""
        return sum(self._widths()) if self.width else self.wide

    @property
    def wide(self) -> int:
        """Levels and buckets of all columns, W."""
        return sum(len(levels) + 1 for levels in self.levels)

    def forward(self, x: Tensor) -> Tensor:
        """Embedded or one-hot features [B, D] of places [B, columns]."""
        if not self.width:
            hot = torch.zeros(len(x), self.wide, device=x.device)
            return hot.scatter_(1, x, 1.0)
        parts = [
            table(x[:, j] - s) for j, (table, s) in enumerate(zip(self.tables, self._starts(), strict=True))
        ]
        features = torch.cat(parts, dim=1)
        return dropout(features, self.dropout, self.training)

    def linear(self, x: Tensor, weight: Tensor) -> Tensor:
        """One-hot [B, W] times [W, K]: the rows of the weight at the places, summed."""
        return functional.embedding_bag(x, weight, mode="sum")

    def state(self) -> dict[str, Any]:
        """The levels."""
        return {"levels": self.levels}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the levels back."""
        self.levels = [list(levels) for levels in state["levels"]]


class Table(nn.Module):
    """An embedding that starts at 0 for its first row, so that an unknown level says nothing at first."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Small normal numbers."""
        nn.init.normal_(self.weight, std=0.1)
        with torch.no_grad():
            self.weight[0] = 0.0

    def forward(self, levels: Tensor) -> Tensor:
        """The rows of some levels [B]: [B, width]."""
        return functional.embedding(levels, self.weight)
