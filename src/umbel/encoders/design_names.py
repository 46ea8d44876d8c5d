"""Blocks of a design matrix for sets of names and for text, fitted on training rows, rebuilt from JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["SetBlock", "TextBlock", "names_of"]

Array = NDArray[np.float64]


def names_of(column: pd.Series, separator: str | None) -> list[list[str]]:
    """The names in each cell of a set column; a missing or empty cell has none.

    >>> names_of(pd.Series(["a, b", None, ""]), ", ")
    [['a', 'b'], [], []]
    """
    mark = ", " if separator is None else separator
    return [_names(cell, mark) for cell in column.tolist()]


def _names(cell: Any, separator: str) -> list[str]:
    if isinstance(cell, str):
        return [name for part in cell.split(separator) if (name := part.strip())]
    if isinstance(cell, Iterable):
        return [str(name) for name in cell]
    return []


class SetBlock:
    """One set column, multi-hot over the names seen often enough in training.

    A row with n names has entries n^-power: a film with forty actors is not forty times as certain.

    :param column: its name.
    :param separator: what stands between names; None when cells are lists.
    :param least: a name needs so many training rows.
    :param power: 0 is plain multi-hot, 0.5 gives rows of unit length.
    """

    def __init__(self, column: str, separator: str | None, *, least: int = 2, power: float = 0.4) -> None:
        self.column, self.separator, self.least, self.power = column, separator, least, power
        self.vocabulary: list[str] = []

    def fit(self, frame: pd.DataFrame) -> SetBlock:
        """Learn the names."""
        counts: dict[str, int] = {}
        for names in names_of(frame[self.column], self.separator):
            for name in set(names):
                counts[name] = counts.get(name, 0) + 1
        self.vocabulary = sorted(name for name, n in counts.items() if n >= self.least)
        return self

    def transform(self, frame: pd.DataFrame) -> sparse.csr_matrix:
        """Multi-hot columns [B, D]; names that training did not see often enough are left out."""
        index = {name: i for i, name in enumerate(self.vocabulary)}
        places: list[int] = []
        ends = [0]
        for names in names_of(frame[self.column], self.separator):
            places += sorted({index[name] for name in names if name in index})
            ends.append(len(places))
        sizes = np.diff(ends)
        data = np.repeat(np.maximum(sizes, 1).astype(float) ** -self.power, sizes)
        shape = (len(sizes), len(self.vocabulary))
        return sparse.csr_matrix((data, np.array(places, dtype=np.int32), np.array(ends)), shape=shape)

    @property
    def names(self) -> list[str]:
        """Names of the D features."""
        return [f"{self.column} has {name}" for name in self.vocabulary]

    def state(self) -> dict[str, Any]:
        """All of it as JSON."""
        keys = ("column", "separator", "least", "power", "vocabulary")
        return {"type": "set", **{key: getattr(self, key) for key in keys}}

    @staticmethod
    def from_state(state: dict[str, Any]) -> SetBlock:
        """The block that :meth:`state` tells of."""
        block = SetBlock(state["column"], state["separator"], least=state["least"], power=state["power"])
        block.vocabulary = list(state["vocabulary"])
        return block


class TextBlock:
    """One text column: TF-IDF of its words and of character n-grams within words, rows of unit length.

    :param column: its name.
    :param least: a term needs so many training rows.
    :param ngrams: shortest and longest character n-gram.
    :param weight: length of the rows, against 1 of the other blocks.
    """

    def __init__(
        self, column: str, *, least: int = 5, ngrams: Sequence[int] = (3, 4), weight: float = 0.7
    ) -> None:
        self.column, self.least, self.ngrams, self.weight = column, least, list(ngrams), weight
        self.terms: dict[str, list[str]] = {"word": [], "char_wb": []}
        self.idf: dict[str, Array] = {"word": np.zeros(0), "char_wb": np.zeros(0)}

    def _vectorizer(self, analyzer: str, **more: Any) -> Any:
        from sklearn.feature_extraction.text import CountVectorizer

        spans = (1, 1) if analyzer == "word" else (self.ngrams[0], self.ngrams[1])
        more["token_pattern"] = r"(?u)\b\w+\b" if analyzer == "word" else None
        return CountVectorizer(analyzer=analyzer, ngram_range=spans, binary=True, dtype=np.float64, **more)

    def fit(self, frame: pd.DataFrame) -> TextBlock:
        """Learn the terms and their inverse document frequencies."""
        texts = _texts(frame[self.column])
        for analyzer in self.terms:
            vectorizer = self._vectorizer(analyzer)
            try:
                counts = vectorizer.fit_transform(texts)
            except ValueError:  # no term at all: every cell is empty
                continue
            seen = np.asarray(counts.sum(axis=0)).ravel()
            keep = np.flatnonzero(seen >= self.least)
            self.terms[analyzer] = [str(t) for t in vectorizer.get_feature_names_out()[keep]]
            self.idf[analyzer] = np.log((1 + len(texts)) / (1 + seen[keep])) + 1
        return self

    def transform(self, frame: pd.DataFrame) -> sparse.csr_matrix:
        """TF-IDF columns [B, D]."""
        texts = _texts(frame[self.column])
        parts = []
        for analyzer, terms in self.terms.items():
            if terms:
                counts = self._vectorizer(analyzer, vocabulary=terms).transform(texts)
                parts.append(counts @ sparse.diags(self.idf[analyzer]))
        if not parts:
            return sparse.csr_matrix((len(texts), 0))
        joined = sparse.csr_matrix(sparse.hstack(parts, format="csr"))
        length = np.sqrt(np.asarray(joined.multiply(joined).sum(axis=1)).ravel())
        return sparse.csr_matrix(sparse.diags(self.weight / np.where(length > 0, length, 1.0)) @ joined)

    @property
    def names(self) -> list[str]:
        """Names of the D features."""
        words = [f"{self.column}: {term}" for term in self.terms["word"]]
        return words + [f"{self.column}: ~{term}~" for term in self.terms["char_wb"]]

    def state(self) -> dict[str, Any]:
        """All of it as JSON and arrays."""
        keys = ("column", "least", "ngrams", "weight", "terms", "idf")
        return {"type": "text", **{key: getattr(self, key) for key in keys}}

    @staticmethod
    def from_state(state: dict[str, Any]) -> TextBlock:
        """The block that :meth:`state` tells of."""
        block = TextBlock(
            state["column"], least=state["least"], ngrams=state["ngrams"], weight=state["weight"]
        )
        block.terms = {key: list(terms) for key, terms in state["terms"].items()}
        block.idf = {key: np.asarray(values) for key, values in state["idf"].items()}
        return block


def _texts(column: pd.Series) -> list[str]:
    return [cell if isinstance(cell, str) else "" for cell in column.tolist()]
