"""Text as a transformer reads it: every token looks at every other, over learned embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.data.schema import Column
from umbel.encoders.dropout import dropout
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.token_encoder import TokenEncoder, Tokens
from umbel.errors import ConfigError

__all__ = ["TextTransformer"]


class Block(nn.Module):
    """x + attention(norm(x)), then x + feed-forward(norm(x)).

    :param width: numbers per token, a multiple of ``heads``.
    :param heads: of the attention.
    :param dropout: share of what either adds that is dropped in training.

    Source: Vaswani et al. 2017, section 3; norm before, Xiong et al. 2020.
    """

    def __init__(self, width: int, heads: int, *, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        # no bias: that of the keys would change nothing
        self.ask = nn.Linear(width, 3 * width, bias=False)
        self.answer = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, inside: Tensor) -> Tensor:
        """[N, T, width] to the same.

        :param inside: tokens of a text that are looked at, [N, T] bool; at least one.
        """
        texts, steps, width = x.shape
        asked = self.ask(self.before(x)).view(texts, steps, 3, self.heads, width // self.heads)
        query, key, value = asked.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=inside[:, None, None])
        added = self.answer(seen.transpose(1, 2).reshape(texts, steps, width))
        x = x + dropout(added, self.dropout, self.training)
        added = self.down(functional.gelu(self.up(self.between(x))))
        return x + dropout(added, self.dropout, self.training)


@ENCODERS.register("text_transformer", source="Vaswani et al. 2017; norm before, Xiong et al. 2020")
class TextTransformer(TokenEncoder):
    """Tokens and learned places through pre-norm transformer blocks; the mean over the tokens.

    :param layers: blocks.
    :param heads: of each attention; ``width`` is a multiple of it.
    :param options: those of :class:`~umbel.encoders.token_encoder.TokenEncoder`.
    :raises ConfigError: an option is out of its range.
    """

    name: ClassVar[str] = "text_transformer"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        layers: int = 2,
        heads: int = 4,
        least: int = 2,
        most: int = 20_000,
        window: int = 128,
        width: int = 64,
        dropout: float = 0.2,
    ) -> None:
        super().__init__(columns, least=least, most=most, window=window, width=width, dropout=dropout)
        self.layers, self.heads = self.whole("layers", layers, least=1), self.whole("heads", heads, least=1)
        if width % heads:
            raise ConfigError(
                "the width of the encoder 'text_transformer' is a multiple of its heads",
                found=f"width: {width}, heads: {heads}",
                remedy=f"width: {-(-width // heads) * heads}",
            )

    def build_layers(self) -> None:
        """Places, blocks and the last norm."""
        self.places = Tokens(self.window, self.width)
        self.blocks = nn.ModuleList(
            Block(self.width, self.heads, dropout=self.dropout) for _ in range(self.layers)
        )
        self.norm = nn.LayerNorm(self.width)

    @property
    def text_width(self) -> int:
        """Numbers per token."""
        return self.width

    def read(self, h: Tensor, lengths: Tensor) -> Tensor:
        """See :class:`TokenEncoder`."""
        steps = h.shape[1]
        inside = torch.arange(steps, device=h.device) < lengths[:, None]
        x = h + self.places.weight[:steps]
        for block in self.blocks:
            x = block(x, inside)
        x = torch.where(inside[:, :, None], self.norm(x), 0.0)
        return x.sum(dim=1) / lengths[:, None].to(x.dtype)
