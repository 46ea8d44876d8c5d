"""Fusion by attention: modalities are tokens that look at each other, then are read by a learned query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.encoders.fusion import FUSIONS, Fusion
from umbel.errors import ConfigError

__all__ = ["Attention"]


@FUSIONS.register("attention", source="attention over modalities, Hori et al. 2017; Vaswani et al. 2017")
class Attention(Fusion):
    """One token per modality, a pre-norm block of self-attention over them, and a query that pools.

    A modality that a row lacks is not looked at.

    :param width: features of a token and of the representation; a multiple of ``heads``.
    :param heads: of the self-attention.
    :param depth: blocks of it; 0 pools the tokens as they are.
    :raises ConfigError: the width is no multiple of the heads.
    """

    name: ClassVar[str] = "attention"

    def __init__(
        self, widths: Mapping[str, int], *, width: int = 128, heads: int = 4, depth: int = 1
    ) -> None:
        super().__init__(widths)
        if width < 1 or heads < 1 or width % heads:
            raise ConfigError(
                "the width of an attention is a multiple of its heads",
                found=f"width {width}, heads {heads}",
                remedy=f"width: {max(1, width // max(heads, 1)) * max(heads, 1)}",
            )
        self.width = width
        self.tokens = nn.ModuleList(nn.Linear(size, width) for size in self.widths.values())
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, 1, bias=False)

    @property
    def out(self) -> int:
        """The width."""
        return self.width

    def _looked_at(self, parts: Sequence[Tensor], present: Tensor) -> tuple[Tensor, Tensor]:
        dtype = self.query.weight.dtype
        tokens = torch.stack(
            [layer(part.to(dtype)) for layer, part in zip(self.tokens, parts, strict=True)], dim=1
        )
        there = present | ~present.any(dim=1, keepdim=True)  # of a row without any, the stand-ins
        for block in self.blocks:
            tokens = block(tokens, there)
        tokens = self.norm(tokens)
        scores = self.query(tokens)[:, :, 0].masked_fill(~there, float("-inf"))
        return tokens, torch.softmax(scores, dim=1)

    def shares(self, parts: Sequence[Tensor], present: Tensor) -> Tensor:
        """What each modality's token counts in each row, [B, M]; rows sum to 1."""
        return self._looked_at(parts, present)[1]

    def forward(self, parts: Sequence[Tensor], present: Tensor) -> Tensor:
        """See :class:`Fusion`."""
        tokens, shares = self._looked_at(parts, present)
        return (shares[:, :, None] * tokens).sum(dim=1)


class _Block(nn.Module):
    """Self-attention and a feed-forward layer, each on normalised input and added to it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.inward = nn.Linear(width, 3 * width)
        self.outward = nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        """[B, M, D] to the same."""
        batch, count, width = x.shape
        q, k, v = (
            part.view(batch, count, self.heads, -1).transpose(1, 2)
            for part in self.inward(self.before(x)).chunk(3, dim=2)
        )
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=there[:, None, None, :])
        x = x + self.outward(seen.transpose(1, 2).reshape(batch, count, width))
        found: Tensor = x + self.down(functional.gelu(self.up(self.between(x))))
        return found
