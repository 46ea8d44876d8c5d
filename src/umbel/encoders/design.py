"""The design matrix of the classical learners: every input column as numbers, in one matrix."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from umbel.data.dataset import Dataset
from umbel.data.schema import MEDIA_TYPES, Schema
from umbel.encoders.design_blocks import CategoryBlock, NumberBlock
from umbel.encoders.design_media import MediaBlock
from umbel.encoders.design_names import SetBlock, TextBlock
from umbel.errors import ConfigError, near

__all__ = ["Design", "DesignMatrix", "fitted_design"]

Design: TypeAlias = Any
"""[B, D]: dense when there are only numbers and categories of few levels, else compressed sparse rows."""

Block = NumberBlock | CategoryBlock | SetBlock | TextBlock | MediaBlock
_TYPES: dict[str, Any] = {
    "number": NumberBlock,
    "category": CategoryBlock,
    "set": SetBlock,
    "text": TextBlock,
    "media": MediaBlock,
}
_DENSE = 1000
"""Widest matrix of numbers and categories, without names and words that is kept dense."""

_DEFAULTS: dict[str, Any] = {
    "knots": 0,
    "least_level": 3,
    "least_name": 2,
    "least_term": 5,
    "set_power": 0.4,
    "text_weight": 0.7,
    "ngrams": [3, 4],
}


class DesignMatrix:
    """Columns to one matrix [B, D]; fitted on training rows only.

    :param schema: the input columns.
    :param knots: inner knots of a linear spline per number column; 0 is none.
    :param least_level, least_name, least_term: training rows a level, a name, a word must be in.
    :param set_power: a row with n names has entries n^-power.
    :param text_weight: length of a text's row, against entries of 1 elsewhere.
    :param ngrams: shortest and longest character n-gram.
    :raises ConfigError: an option is unknown.

    ``mark`` is a digest of all that was fitted: what is cached under it belongs to no other matrix.
    """

    def __init__(self, schema: Schema, **options: Any) -> None:
        for name in options:
            if name not in _DEFAULTS:
                raise ConfigError(
                    "an option of the design matrix must be known",
                    found=f"'{name}'",
                    remedy=near(name, _DEFAULTS),
                )
        self.schema = schema
        self.options: dict[str, Any] = {**_DEFAULTS, **options}
        self.blocks: list[Block] = []
        self.mark = ""

    def fit(self, train: Dataset) -> DesignMatrix:
        """Learn levels, names, words and scales from training rows."""
        o = self.options
        self.blocks = []
        numbers = [c.name for c in self.schema.of("number")]
        if numbers:
            self.blocks.append(NumberBlock(numbers, knots=o["knots"]))
        for column in self.schema.columns:
            if column.type == "category":
                self.blocks.append(CategoryBlock(column.name, least=o["least_level"]))
            elif column.type == "set":
                self.blocks.append(
                    SetBlock(column.name, column.separator, least=o["least_name"], power=o["set_power"])
                )
            elif column.type == "text":
                self.blocks.append(
                    TextBlock(column.name, least=o["least_term"], ngrams=o["ngrams"], weight=o["text_weight"])
                )
        for kind in ("date", *MEDIA_TYPES):
            if columns := self.schema.of(kind):
                self.blocks.append(MediaBlock(kind, columns))
        frame = train.frame(self.schema.names)
        for block in self.blocks:
            block.fit(frame)
        self._seal()
        return self

    def _seal(self) -> None:
        digest = hashlib.sha256()
        digest.update(json.dumps(self.state(), default=lambda a: np.asarray(a).tolist()).encode())
        self.mark = digest.hexdigest()

    def transform(self, rows: Dataset) -> Design:
        """The matrix [B, D] of some rows; encoded once per dataset and fitted matrix."""
        return rows.cached(("design", self.mark), lambda: self._encode(rows))

    def _encode(self, rows: Dataset) -> Design:
        frame = rows.frame(self.schema.names)
        parts: list[Any] = [block.transform(frame) for block in self.blocks]
        if not parts:
            return np.zeros((len(rows), 0))
        if self.dense:
            return np.hstack([p.toarray() if sparse.issparse(p) else p for p in parts])
        return sparse.csr_matrix(sparse.hstack([sparse.csr_matrix(p) for p in parts], format="csr"))

    @property
    def dense(self) -> bool:
        """True when the matrix is a plain array."""
        media = sum(len(block.names) for block in self.blocks if isinstance(block, MediaBlock))
        plain = all(isinstance(block, NumberBlock | CategoryBlock | MediaBlock) for block in self.blocks)
        return plain and self.width - media <= _DENSE

    @property
    def width(self) -> int:
        """Number of features D."""
        return len(self.names)

    @property
    def names(self) -> list[str]:
        """What each feature is called in reports, [D]."""
        return [name for block in self.blocks for name in block.names]

    @property
    def scales(self) -> NDArray[np.float64]:
        """What a standardised number was divided by, 1 for every other feature, [D]."""
        parts = [b.scale if isinstance(b, NumberBlock) else np.ones(len(b.names)) for b in self.blocks]
        return np.concatenate(parts) if parts else np.ones(0)

    def state(self) -> dict[str, Any]:
        """All that was fitted, as JSON and arrays."""
        return {"options": self.options, "blocks": [block.state() for block in self.blocks]}

    @staticmethod
    def restore(schema: Schema, state: Mapping[str, Any]) -> DesignMatrix:
        """The fitted matrix that :meth:`state` tells of."""
        design = DesignMatrix(schema, **state["options"])
        design.blocks = [_TYPES[block["type"]].from_state(block) for block in state["blocks"]]
        design._seal()
        return design


def fitted_design(train: Dataset, **options: Any) -> DesignMatrix:
    """The design matrix fitted on the labelled rows of ``train``; learners that ask alike share the work.

    A row without any known label is left out: it must not change a supervised model.
    """
    known = np.zeros(len(train), dtype=bool)
    for target in train.tasks.targets:
        known |= train.known(target.name)
    used = train if known.all() else train.take(known)
    key = ("design fit", known.tobytes(), json.dumps(options, sort_keys=True))
    return train.cached(key, lambda: DesignMatrix(train.schema, **options).fit(used))
