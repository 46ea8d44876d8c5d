"""What encoders over the tokens of a text have in common: a vocabulary, a window, learned embeddings."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from umbel.data.batch import Padded
from umbel.data.schema import Column
from umbel.encoders.bag_sum import bag_sum
from umbel.encoders.dropout import dropout
from umbel.encoders.texts import TextEncoder
from umbel.encoders.tokens import Vocabulary

__all__ = ["TokenEncoder", "Tokens", "pad_tokens"]

_AT_ONCE = 512
"""Texts that go through the layers at a time where no gradient is wanted."""


def pad_tokens(columns: Sequence[Sequence[Sequence[int]]], rows: int) -> Padded:
    """Token numbers of S columns of B texts as one block [B, S, T], T the longest (at least 1).

    >>> pad_tokens([[[5, 6], []]], 2).values.tolist()
    [[[5, 6]], [[0, 0]]]
    """
    lengths = np.array([[len(found) for found in column] for column in columns], dtype=np.int64)
    longest = max(int(lengths.max(initial=0)), 1)
    values = np.zeros((rows, len(columns), longest), dtype=np.int32)
    for s, column in enumerate(columns):
        for row, found in enumerate(column):
            values[row, s, : len(found)] = found
    return Padded(torch.from_numpy(values), torch.from_numpy(np.ascontiguousarray(lengths.T)))


class Tokens(nn.Module):
    """An embedding of tokens: [N, T] whole numbers to [N, T, width].

    :param size: tokens there are.
    :param width: numbers per token.
    """

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal numbers of a spread of 0.1: a rare token that hardly learns stays small."""
        nn.init.normal_(self.weight, std=0.1)

    def forward(self, tokens: Tensor) -> Tensor:
        """Rows of the table."""
        return nn.functional.embedding(tokens, self.weight)


class TokenEncoder(TextEncoder):
    """All text columns, each as a sequence of tokens through the same layers.

    Texts longer than the window keep their first ``window`` tokens; ``cut`` counts the training texts that
    lost some. A missing, blank or wordless text has no tokens: its features are zeros. A word that training
    did not see often enough is spelt in characters, see :class:`~umbel.encoders.tokens.Vocabulary`. The
    linear view is the bag of the tokens, of Euclidean length 1 where none comes twice.

    :param least: a word must be seen so often in the training texts for a place of its own.
    :param most: words with a place at most.
    :param window: tokens of the longest text.
    :param width: numbers per token.
    :param dropout: share of the embedded tokens' numbers dropped in training.
    :raises ConfigError: an option is out of its range.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        least: int = 2,
        most: int = 20_000,
        window: int = 128,
        width: int = 64,
        dropout: float = 0.2,
    ) -> None:
        super().__init__(columns)
        self.least, self.most = self.whole("least", least, least=1), self.whole("most", most, least=1)
        self.window, self.width = self.whole("window", window, least=1), self.whole("width", width, least=1)
        self.dropout = self.share("dropout", dropout)
        self.vocabulary = Vocabulary(least=self.least, most=self.most)

    def fit(self, frame: pd.DataFrame) -> None:
        """Learn one vocabulary of all columns."""
        columns = self.texts(frame)
        self.vocabulary.fit(text for texts in columns for text in texts)
        encode = self.vocabulary.encode
        self.cut = [sum(len(encode(text)) > self.window for text in texts) for texts in columns]

    def transform(self, frame: pd.DataFrame) -> Padded:
        """Numbers of the tokens, [B, S, T]."""
        encode = self.vocabulary.encode
        found = [[encode(text)[: self.window] for text in texts] for texts in self.texts(frame)]
        return pad_tokens(found, len(frame))

    def build(self) -> None:
        """The embedding, and what comes after it."""
        self.tokens = Tokens(len(self.vocabulary), self.width)
        self.build_layers()

    @abstractmethod
    def build_layers(self) -> None:
        """Make the parameters after the embedding."""

    @property
    @abstractmethod
    def text_width(self) -> int:
        """Features of one text."""

    @abstractmethod
    def read(self, h: Tensor, lengths: Tensor) -> Tensor:
        """Features [N, text_width] of N texts.

        :param h: embedded tokens [N, T, width]; those behind a text's end are to be ignored.
        :param lengths: tokens of each text, from 1 to T, [N] long.
        """

    @property
    def out(self) -> int:
        """Features, D."""
        return len(self.columns) * self.text_width

    @property
    def wide(self) -> int:
        """Tokens of each column, W."""
        return len(self.columns) * len(self.vocabulary)

    def forward(self, x: Padded) -> Tensor:
        """Features [B, D]; those of a text without tokens are 0."""
        rows, columns, steps = x.values.shape
        lengths = x.lengths.reshape(-1)
        full = lengths.nonzero()[:, 0]
        weight = self.tokens.weight
        features = weight.new_zeros(rows * columns, self.text_width)
        tokens = x.values.reshape(-1, steps)
        # many texts at once would need much memory; where a gradient is wanted it is needed anyway
        for some in [full] if torch.is_grad_enabled() else torch.split(full, _AT_ONCE):
            if len(some):
                sizes = lengths[some]
                embedded = self.tokens(tokens[some, : int(sizes.max())])
                found = self.read(dropout(embedded, self.dropout, self.training), sizes)
                features = features.index_copy(0, some, found.to(features.dtype))
        return features.view(rows, self.out)

    def linear(self, x: Padded, weight: Tensor) -> Tensor:
        """The bags of tokens [B, W] times [W, K]."""
        rows, columns, steps = x.values.shape
        blocks = torch.arange(columns, device=x.values.device) * len(self.vocabulary)
        places = x.values.long() + blocks[:, None]
        inside = torch.arange(steps, device=x.values.device) < x.lengths[:, :, None]
        lengths = x.lengths.reshape(-1)
        sums = bag_sum(weight, places[inside], lengths)
        sums = sums * lengths.clamp(min=1).to(weight.dtype).rsqrt()[:, None]
        return sums.view(rows, columns, -1).sum(dim=1)

    def present(self, x: Padded) -> Tensor:
        """Rows in which any column has a token, [B] bool."""
        return x.present.any(dim=1)

    def state(self) -> dict[str, Any]:
        """The vocabulary, and how many training texts were cut."""
        return {"vocabulary": self.vocabulary.state(), "cut": self.cut}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the vocabulary back."""
        self.vocabulary.restore(state["vocabulary"])
        self.cut = [int(count) for count in state["cut"]]
