"""Short text: an embedding bag of its words and character n-grams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from umbel.data.schema import Column, ColumnType
from umbel.encoders.bags import Bags, BagTable, join_bags, linear_bags
from umbel.encoders.encoder import ENCODERS, Encoder
from umbel.encoders.ngrams import hash_ngrams

__all__ = ["Text"]


@ENCODERS.register("text", source="fastText, Joulin et al. 2017; subword n-grams, Bojanowski et al. 2017")
class Text(Encoder):
    """All text columns at once: the sum of the embeddings of hashed words and character n-grams.

    Only hashes seen often enough in training have a place; the most frequent ``most`` of each column.
    A missing cell is an empty text. The features carry the log of each text's length along.

    :param least: a hash must be seen so often in training for a place of its own; by default once in 600
        rows, at least 2 and at most 20 times.
    :param most: places per column at most.
    :param shortest: characters of the shortest n-grams.
    :param longest: characters of the longest n-grams.
    :param width: numbers per hash; 0 leaves the length only.
    :param power: a text of n known hashes counts each n ** -power.
    :param dropout: share of the summed embedding dropped in training.
    """

    name: ClassVar[str] = "text"
    reads: ClassVar[ColumnType] = "text"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        least: int | None = None,
        most: int = 100_000,
        shortest: int = 3,
        longest: int = 4,
        width: int = 32,
        power: float = 0.5,
        dropout: float = 0.3,
    ) -> None:
        super().__init__(columns)
        self.least, self.most, self.shortest, self.longest = least, most, shortest, longest
        self.width, self.power, self.dropout = width, power, dropout
        self.vocabulary: list[NDArray[np.int64]] = []
        self.loc = np.zeros(len(self.columns))
        self.scale = np.ones(len(self.columns))

    def _hashes(self, column: pd.Series) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        texts = [cell if isinstance(cell, str) else "" for cell in column.tolist()]
        return hash_ngrams(texts, self.shortest, self.longest)

    def fit(self, frame: pd.DataFrame) -> None:
        """Learn the hashes."""
        self.vocabulary, lengths = [], []
        for column in self.columns:
            hashes, counts = self._hashes(frame[column.name])
            lengths.append(np.log1p(counts))
            distinct, seen = np.unique(hashes, return_counts=True)
            least = min(max(len(counts) // 600, 2), 20) if self.least is None else self.least
            kept = np.flatnonzero(seen >= least)
            if len(kept) > self.most:
                kept = kept[np.argsort(-seen[kept], kind="stable")[: self.most]]
            self.vocabulary.append(np.sort(distinct[kept]))
        sizes = np.stack(lengths, axis=1)
        spread = sizes.std(axis=0)
        self.loc, self.scale = sizes.mean(axis=0), np.where(spread > 1e-9, spread, 1.0)

    def transform(self, frame: pd.DataFrame) -> Bags:
        """Places of known hashes, and lengths."""
        parts, lengths, start = [], [], 0
        for column, vocabulary in zip(self.columns, self.vocabulary, strict=True):
            hashes, counts = self._hashes(frame[column.name])
            lengths.append(np.log1p(counts))
            places = np.searchsorted(vocabulary, hashes)
            known = places < len(vocabulary)
            known[known] = vocabulary[places[known]] == hashes[known]
            rows = np.repeat(np.arange(len(counts)), counts)
            kept = np.bincount(rows[known], minlength=len(counts))
            parts.append((places[known] + start, kept))
            start += len(vocabulary)
        extra = (np.stack(lengths, axis=1) - self.loc) / self.scale
        return join_bags(parts, extra.astype(np.float32))

    def build(self) -> None:
        """One embedding of the hashes of all columns."""
        size = sum(map(len, self.vocabulary))
        self.table = BagTable(size, self.width, power=self.power, dropout=self.dropout)

    @property
    def out(self) -> int:
        """Features, D."""
        return len(self.columns) * (self.width + 1)

    @property
    def wide(self) -> int:
        """Hashes and lengths, W."""
        return sum(map(len, self.vocabulary)) + len(self.columns)

    def forward(self, x: Bags) -> Tensor:
        """Features [B, D]."""
        features: Tensor = self.table(x)
        return features

    def linear(self, x: Bags, weight: Tensor) -> Tensor:
        """[B, W] times [W, K]."""
        return linear_bags(x, weight)

    def present(self, x: Bags) -> Tensor:
        """Rows in which any column has a text, [B] bool: one of no hash at all has the least length."""
        none = (np.log1p(np.zeros(len(self.columns))) - self.loc) / self.scale
        empty = torch.from_numpy(none.astype(np.float32)).to(x.extra.device)
        return (x.extra != empty).any(dim=1)

    def state(self) -> dict[str, Any]:
        """Hashes, and the scale of the lengths."""
        return {"vocabulary": self.vocabulary, "loc": self.loc, "scale": self.scale}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take hashes and scale back."""
        self.vocabulary = [np.asarray(hashes, dtype=np.int64) for hashes in state["vocabulary"]]
        self.loc, self.scale = np.asarray(state["loc"]), np.asarray(state["scale"])
