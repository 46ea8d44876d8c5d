"""Text as a bag of words: counts or TF-IDF of its terms, and a learned projection of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from umbel.data.schema import Column
from umbel.encoders.dropout import dropout
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.texts import TextEncoder
from umbel.encoders.tokens import words_of
from umbel.encoders.weighted_bags import WeightedBags, join_weighted, weighted_sums
from umbel.errors import ConfigError

__all__ = ["Tfidf"]

WEIGHTINGS = ("tfidf", "counts", "binary")
UNITS = ("words", "characters")


@ENCODERS.register("tfidf", source="Salton & Buckley 1988, term weighting; as scikit-learn's TfidfVectorizer")
class Tfidf(TextEncoder):
    """All text columns at once: TF-IDF of their terms, and its product with a learned matrix.

    Each column has its own vocabulary, fitted by scikit-learn on training rows. Terms are runs of words
    (a Chinese character is a word, so runs of two are its common words), or of characters within words.
    Each text's entries have the Euclidean length 1. The linear view is the TF-IDF itself. A term never seen
    in training counts nothing; a text of such terms only is a row of zeros, and is present.

    :param units: words or characters.
    :param ngrams: shortest and longest run; (1, 2) of words and (2, 5) of characters where None.
    :param weighting: tfidf, counts (a bag of words), or binary (a set of words).
    :param sublinear: 1 + log of a count in its place (not for binary).
    :param least: training rows a term must be in.
    :param most: terms of a column at most, the most frequent ones.
    :param width: numbers per column that the terms are projected to; 0 leaves the linear view only.
    :param dropout: share of the projection dropped in training.
    :raises ConfigError: an option is out of its range.
    """

    name: ClassVar[str] = "tfidf"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        units: str = "words",
        ngrams: Sequence[int] | None = None,
        weighting: str = "tfidf",
        sublinear: bool = True,
        least: int = 2,
        most: int = 100_000,
        width: int = 32,
        dropout: float = 0.3,
    ) -> None:
        super().__init__(columns)
        self.units = self.choice("units", units, UNITS)
        self.weighting = self.choice("weighting", weighting, WEIGHTINGS)
        if not isinstance(sublinear, bool):
            raise ConfigError("'sublinear' of the encoder 'tfidf' is true or false", found=repr(sublinear))
        self.sublinear = sublinear and weighting != "binary"
        usual = (1, 2) if units == "words" else (2, 5)
        shortest, longest = _runs(usual if ngrams is None else ngrams)
        self.ngrams = (shortest, longest)
        self.least, self.most = self.whole("least", least, least=1), self.whole("most", most, least=1)
        self.width, self.dropout = self.whole("width", width, least=0), self.share("dropout", dropout)
        self.terms: list[list[str]] = []
        self.weights: list[NDArray[np.float64]] = []
        """Inverse document frequencies of each column's terms (1 where there are none)."""

    def _vectoriser(self, **options: Any) -> Any:
        from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

        how: dict[str, Any] = {"ngram_range": self.ngrams, "dtype": np.float32, **options}
        if self.units == "words":
            how |= {"tokenizer": words_of, "token_pattern": None, "lowercase": False}
        else:
            how |= {"analyzer": "char_wb"}
        if self.weighting == "tfidf":
            return TfidfVectorizer(sublinear_tf=self.sublinear, **how)
        return CountVectorizer(binary=self.weighting == "binary", **how)

    def fit(self, frame: pd.DataFrame) -> None:
        """Learn each column's terms and how rare they are."""
        self.terms, self.weights = [], []
        for texts in self.texts(frame):
            full = [text for text in texts if text]
            made = self._vectoriser(max_features=self.most, min_df=min(self.least, max(len(full), 1)))
            try:
                made.fit(full)
            except ValueError:  # scikit-learn's word for no term at all
                self.terms.append([])
                self.weights.append(np.zeros(0))
                continue
            terms = made.get_feature_names_out().tolist()
            self.terms.append(terms)
            rare = made.idf_ if self.weighting == "tfidf" else np.ones(len(terms))
            self.weights.append(np.asarray(rare, dtype=np.float64))

    def transform(self, frame: pd.DataFrame) -> WeightedBags:
        """The TF-IDF of each column, as weighted bags."""
        columns = self.texts(frame)
        parts = list(map(self._matrix, columns, self.terms, self.weights))
        full = np.array([[text != "" for text in texts] for texts in columns], dtype=bool).T
        return join_weighted(parts, np.ascontiguousarray(full.reshape(len(frame), len(columns))))

    def _matrix(self, texts: list[str], terms: list[str], rare: NDArray[np.float64]) -> Any:
        """[B, V] of one column."""
        from scipy import sparse
        from sklearn.preprocessing import normalize

        if not terms or not texts:
            return sparse.csr_matrix((len(texts), len(terms)), dtype=np.float32)
        made = self._vectoriser(vocabulary=terms)
        if self.weighting == "tfidf":
            made.idf_ = rare
            return made.transform(texts)
        counts = made.transform(texts)
        if self.sublinear:
            counts.data = 1 + np.log(counts.data)
        return normalize(counts)

    def build(self) -> None:
        """The projection."""
        self.table = _Projection(self.wide, self.width) if self.width and self.wide else None

    @property
    def out(self) -> int:
        """Features, D."""
        return len(self.columns) * self.width

    @property
    def wide(self) -> int:
        """Terms of all columns, W."""
        return sum(map(len, self.terms))

    def forward(self, x: WeightedBags) -> Tensor:
        """Features [B, D]."""
        if self.table is None:
            return x.weights.new_zeros(len(x), self.out)
        features = weighted_sums(x, self.table.weight).flatten(1)
        return dropout(features, self.dropout, self.training)

    def linear(self, x: WeightedBags, weight: Tensor) -> Tensor:
        """The TF-IDF [B, W] times [W, K]."""
        return weighted_sums(x, weight).sum(dim=1)

    def present(self, x: WeightedBags) -> Tensor:
        """Rows in which any column has a text, [B] bool."""
        return x.full.any(dim=1)

    def state(self) -> dict[str, Any]:
        """Terms and their weights."""
        return {"terms": self.terms, "weights": self.weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take terms and weights back."""
        self.terms = [list(terms) for terms in state["terms"]]
        self.weights = [np.asarray(weights, dtype=np.float64) for weights in state["weights"]]


class _Projection(nn.Module):
    """A matrix [V, width]."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal numbers such that a feature of a text of length 1 has a spread of 0.1."""
        nn.init.normal_(self.weight, std=0.1)


def _runs(ngrams: Sequence[int]) -> tuple[int, int]:
    """:raises ConfigError: they are not two whole numbers, the first at least 1 and the second no less."""
    found = list(ngrams) if isinstance(ngrams, Sequence) else [ngrams]
    whole = all(isinstance(n, int) and not isinstance(n, bool) for n in found)
    if len(found) == 2 and whole and 1 <= found[0] <= found[1]:
        return found[0], found[1]
    raise ConfigError(
        "'ngrams' of the encoder 'tfidf' are the shortest and the longest run",
        found=repr(ngrams),
        remedy="ngrams: [1, 2]",
    )
