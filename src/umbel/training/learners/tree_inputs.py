"""Inputs as trees like them: numbers as they are, categories as codes, all else in few dimensions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.data.schema import MEDIA_TYPES, Schema
from umbel.encoders.dates import calendar
from umbel.encoders.design import DesignMatrix
from umbel.encoders.design_blocks import levels_of

__all__ = ["TreeInputs", "fitted_tree_inputs"]

Array = NDArray[np.float64]


class TreeInputs:
    """Columns to a dense matrix [B, D]; NaN is a missing number or a level that training hardly saw.

    :param schema: the input columns.
    :param dimensions: singular vectors that stand for all sets, texts, images, sounds and series together.
    :param least: training rows a level must be in to have a code.
    """

    def __init__(self, schema: Schema, *, dimensions: int = 24, least: int = 3) -> None:
        self.schema, self.dimensions, self.least = schema, dimensions, least
        self.levels: dict[str, list[str]] = {}
        self.words: DesignMatrix | None = None
        self.vectors: Array = np.zeros((0, 0))
        self.mark = ""

    @property
    def _wordy(self) -> Schema:
        return Schema(tuple(self.schema.of("set", "text", *MEDIA_TYPES)))

    def fit(self, train: Dataset) -> TreeInputs:
        """Learn codes and singular vectors from training rows."""
        for column in self.schema.of("category"):
            codes, levels = levels_of(train.column(column.name))
            counts = np.bincount(codes, minlength=len(levels))
            kept = [(-n, level) for level, n in zip(levels, counts.tolist(), strict=True) if n >= self.least]
            self.levels[column.name] = [level for _, level in sorted(kept)]  # frequent levels first
        if self._wordy.columns:
            self.words = DesignMatrix(self._wordy, least_name=3, least_term=5).fit(train)
            X = self.words.transform(train)
            rank = min(self.dimensions, min(X.shape) - 1)
            if rank >= 1:
                from sklearn.decomposition import TruncatedSVD

                svd = TruncatedSVD(rank, n_iter=3, random_state=0).fit(X.astype(np.float32))
                self.vectors = np.asarray(svd.components_.T, dtype=np.float32)
        self._seal()
        return self

    def _seal(self) -> None:
        text = json.dumps(self.state(), default=lambda a: hashlib.sha256(a.tobytes()).hexdigest())
        self.mark = hashlib.sha256(text.encode()).hexdigest()

    def transform(self, rows: Dataset) -> Array:
        """The matrix [B, D] of some rows; encoded once per dataset."""
        return rows.cached(("tree inputs", self.mark), lambda: self._encode(rows))

    def _encode(self, rows: Dataset) -> Array:
        parts: list[Array] = []
        for column in self.schema.of("number"):
            x = pd.to_numeric(rows.column(column.name)).to_numpy(dtype=float, na_value=np.nan)
            parts.append(x[:, None])
        for column in self.schema.of("date"):
            parts.append(calendar(rows.column(column.name).to_numpy(dtype=float, na_value=np.nan)))
        for name, kept in self.levels.items():
            index = {level: float(i) for i, level in enumerate(kept)}
            codes, levels = levels_of(rows.column(name))
            parts.append(np.array([index.get(level, np.nan) for level in levels])[codes][:, None])
        if self.words is not None and self.vectors.size:
            parts.append(np.asarray(self.words.transform(rows) @ self.vectors, dtype=float))
        return np.hstack(parts) if parts else np.zeros((len(rows), 0))

    def state(self) -> dict[str, Any]:
        """All that was fitted, as JSON and arrays."""
        return {
            "dimensions": self.dimensions,
            "least": self.least,
            "levels": self.levels,
            "words": None if self.words is None else self.words.state(),
            "vectors": self.vectors,
        }

    @staticmethod
    def restore(schema: Schema, state: Mapping[str, Any]) -> TreeInputs:
        """The fitted inputs that :meth:`state` tells of."""
        found = TreeInputs(schema, dimensions=state["dimensions"], least=state["least"])
        found.levels = {name: list(levels) for name, levels in state["levels"].items()}
        if state["words"] is not None:
            found.words = DesignMatrix.restore(found._wordy, state["words"])
        found.vectors = np.asarray(state["vectors"])
        found._seal()
        return found


def fitted_tree_inputs(train: Dataset, *, dimensions: int = 24) -> TreeInputs:
    """Tree inputs fitted on the labelled rows of ``train``; learners that ask alike share the work."""
    known = np.zeros(len(train), dtype=bool)
    for target in train.tasks.targets:
        known |= train.known(target.name)
    used = train if known.all() else train.take(known)
    key = ("tree inputs fit", known.tobytes(), dimensions)
    return train.cached(key, lambda: TreeInputs(train.schema, dimensions=dimensions).fit(used))
