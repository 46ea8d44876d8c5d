"""Text through a pre-trained sentence encoder: frozen, or bent by low-rank adapters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from umbel.data.batch import Masked, Padded
from umbel.data.schema import Column
from umbel.encoders import minilm
from umbel.encoders.dropout import dropout
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.texts import TextEncoder
from umbel.encoders.token_encoder import pad_tokens
from umbel.errors import ConfigError

__all__ = ["LowRankUpdate", "Sentence"]

_AT_ONCE = 8192
"""Tokens that go through the network at a time where no gradient is wanted."""
_SPREAD = 19.6
"""Length of 384 numbers of a spread of 1."""


class LowRankUpdate(nn.Module):
    """x -> (alpha / rank) B A x, what a low-rank adapter adds to a linear layer.

    :param width: features in and out.
    :param rank: of the update.
    :param alpha: its scale.

    Source: Hu et al. 2022, eq. 3.
    """

    def __init__(self, width: int, *, rank: int, alpha: float) -> None:
        super().__init__()
        self.scale = alpha / rank
        self.down = nn.Parameter(torch.empty(rank, width))  # A
        self.up = nn.Parameter(torch.empty(width, rank))  # B
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """A as a linear layer begins, B 0: the update is 0 before training."""
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))
        nn.init.zeros_(self.up)

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] to the same."""
        return self.scale * (x @ self.down.T.to(x.dtype)) @ self.up.T.to(x.dtype)


@ENCODERS.register("sentence", source="Sentence-BERT, Reimers & Gurevych 2019; LoRA, Hu et al. 2022")
class Sentence(TextEncoder):
    """Each text through all-MiniLM-L6-v2, offline: 384 numbers, the mean of its tokens' states.

    Frozen, the numbers are made once for some rows, and are the linear view too (each text's have the
    Euclidean length 1 there). With ``tune`` the tokens are the input: the network stays as it is, and
    low-rank adapters of its queries and values are learned with everything above. Texts of more than
    ``window`` tokens lose their end; ``cut`` counts the training texts that did. A missing or blank text is
    zeros. The network knows English; of other languages it knows the letters only. Needs the extra
    ``text``; a saved model holds the adapters, not the network.

    :param window: tokens (word pieces) of the longest text, both marks among them, 3 to 512.
    :param length: Euclidean length of each text's numbers, > 0: 19.6 gives each of them a spread of about 1,
        as a trunk wants it; 1, as long as a text's TF-IDF, suits a linear model with a prior.
    :param width: numbers per text that the 384 are projected to by a learned matrix; None leaves them.
    :param tune: learn low-rank adapters.
    :param rank: of the adapters.
    :param alpha: they are scaled by alpha / rank, > 0.
    :param dropout: share of the numbers dropped in training.
    :raises ConfigError: the extra is not installed, or an option is out of its range.
    """

    name: ClassVar[str] = "sentence"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        window: int = 256,
        length: float = _SPREAD,
        width: int | None = None,
        tune: bool = False,
        rank: int = 8,
        alpha: float = 16.0,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(columns)
        minilm.folder()  # tells of a missing extra now
        self.window = self.whole("window", window, least=3, most=minilm.LONGEST)
        self.width = None if width is None else self.whole("width", width, least=1)
        self.rank, self.dropout = self.whole("rank", rank, least=1), self.share("dropout", dropout)
        if not isinstance(tune, bool):
            raise ConfigError("'tune' of the encoder 'sentence' is true or false", found=repr(tune))
        for option, value in (("alpha", alpha), ("length", length)):
            if not isinstance(value, int | float) or not 0 < value < math.inf:
                raise ConfigError(
                    f"'{option}' of the encoder 'sentence' is a number above 0",
                    found=repr(value),
                    remedy="leave it out",
                )
        self.tune, self.alpha, self.length = tune, float(alpha), float(length)

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        """Numbers of each text's tokens, uncut; none for the empty text."""
        return [found if text else [] for text, found in zip(texts, minilm.token_numbers(texts), strict=True)]

    def fit(self, frame: pd.DataFrame) -> None:
        """Count the training texts that are longer than the window; nothing is learned of them."""
        self.cut = [
            sum(len(found) > self.window for found in self._tokens(texts)) for texts in self.texts(frame)
        ]

    def transform(self, frame: pd.DataFrame) -> Masked | Padded:
        """The texts' numbers [B, S, 384]; or, to be tuned, their tokens [B, S, T]."""
        columns = [
            [_within(found, self.window) for found in self._tokens(texts)] for texts in self.texts(frame)
        ]
        tokens = pad_tokens(columns, len(frame))
        if self.tune:
            return tokens
        with torch.no_grad():
            values = self._encoded(tokens, None)
        return Masked(values.view(len(frame), len(self.columns), minilm.WIDTH), tokens.present)

    def build(self) -> None:
        """The projection, and the adapters, a pair for each layer."""
        self.project = None if self.width is None else nn.Linear(minilm.WIDTH, self.width, bias=False)
        self.adapters = nn.ModuleList(
            nn.ModuleList(
                LowRankUpdate(minilm.WIDTH, rank=self.rank, alpha=self.alpha) for _ in ("query", "value")
            )
            for _ in range(minilm.LAYERS if self.tune else 0)
        )

    def _encoded(self, x: Padded, adapters: minilm.Adapters | None) -> Tensor:
        """Numbers of length 1 of all texts, zeros for the empty ones, [B * S, 384]."""
        tokens, lengths = x.values.flatten(0, 1), x.lengths.flatten()
        order = torch.argsort(lengths, stable=True, descending=True)
        order = order[lengths[order] > 0]
        parts = [tokens.new_zeros(0, minilm.WIDTH, dtype=torch.float32)]
        for some in _portions(order, lengths) if not torch.is_grad_enabled() else [order]:
            if len(some):
                sizes = lengths[some]
                states = minilm.states(tokens[some, : int(sizes.max())], sizes, adapters)
                parts.append(minilm.mean_of(states, sizes).float())
        found: Tensor = torch.cat(parts)
        none = torch.zeros(len(tokens), minilm.WIDTH, device=found.device)
        return none.index_copy(0, order, found)

    @property
    def out(self) -> int:
        """Features, D."""
        return len(self.columns) * (self.width or minilm.WIDTH)

    @property
    def wide(self) -> int:
        """The frozen numbers, W; 0 where they are tuned, as the linear view does not change."""
        return 0 if self.tune else len(self.columns) * minilm.WIDTH

    def forward(self, x: Any) -> Tensor:
        """Features [B, D]."""
        if self.tune:
            pairs = [(pair[0], pair[1]) for pair in cast(Sequence[nn.ModuleList], self.adapters)]
            values = self._encoded(x, pairs).view(len(x), len(self.columns), minilm.WIDTH)
        else:
            values = x.values
        values = self.length * values
        if self.project is not None:
            values = self.project(values.to(self.project.weight.dtype))
        return dropout(values.flatten(1), self.dropout, self.training)

    def linear(self, x: Any, weight: Tensor) -> Tensor:
        """The frozen numbers [B, W] times [W, K]."""
        if self.tune:
            return weight.new_zeros(len(x), weight.shape[1])
        values: Tensor = x.values.flatten(1)
        return values.to(weight.dtype) @ weight

    def present(self, x: Any) -> Tensor:
        """Rows in which any column has a text, [B] bool."""
        found: Tensor = x.present.any(dim=1)
        return found

    def state(self) -> dict[str, Any]:
        """How many training texts were cut."""
        return {"cut": np.array(self.cut, dtype=np.int64)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the count back."""
        self.cut = [int(count) for count in state["cut"]]


def _within(tokens: list[int], window: int) -> list[int]:
    """At most so many tokens; the mark of the end stays.

    >>> _within([101, 7, 8, 9, 102], 4)
    [101, 7, 8, 102]
    """
    return tokens if len(tokens) <= window else [*tokens[: window - 1], tokens[-1]]


def _portions(order: Tensor, lengths: Tensor) -> Iterator[Tensor]:
    """The texts in portions of about as many tokens, those of like length together.

    :param order: texts by falling length.
    """
    begin = 0
    while begin < len(order):
        size = max(1, _AT_ONCE // int(lengths[order[begin]]))
        yield order[begin : begin + size]
        begin += size
