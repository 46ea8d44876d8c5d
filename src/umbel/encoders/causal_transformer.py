"""Series: a transformer in which a step looks at itself and at steps before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.data.schema import Column
from umbel.encoders.dropout import dropout as drop
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.series_base import Pool, SeriesEncoder, require, whole

__all__ = ["CausalTransformer", "rotate"]

_BASE = 10_000.0
"""The slowest turn is this much slower than the fastest (Su et al. 2021, section 3.2.2)."""


def rotate(x: Tensor) -> Tensor:
    """Turn pairs of numbers by an angle that grows with the step.

    The inner product of two turned vectors depends on how far apart their steps are, not on where they are.

    :param x: [..., T, D], D even.
    :returns: the same shape.

    Source: Su et al. 2021, eq. 34 (rotary position embedding).
    """
    T, D = x.shape[-2:]
    speed = _BASE ** (-torch.arange(0, D, 2, device=x.device) / D)
    angle = torch.arange(T, device=x.device)[:, None] * speed
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    left, right = x[..., : D // 2], x[..., D // 2 :]
    return torch.cat([left * cos - right * sin, left * sin + right * cos], dim=-1)


class _Block(nn.Module):
    """Causal self-attention, then two layers for each step; both with the norm before and a residual."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner, self.outer = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """[N, T, width] to the same shape."""
        N, T, width = x.shape
        parts = self.ask(self.before(x)).view(N, T, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # [N, heads, T, width / heads] each
        seen = functional.scaled_dot_product_attention(rotate(query), rotate(key), value, is_causal=True)
        found = self.mix(seen.transpose(1, 2).reshape(N, T, width))
        x = x + drop(found, self.dropout, self.training)
        found = self.outer(functional.gelu(self.inner(self.between(x))))
        return x + drop(found, self.dropout, self.training)


@ENCODERS.register("causal_transformer", source="Vaswani et al. 2017; rotary positions, Su et al. 2021")
class CausalTransformer(SeriesEncoder):
    """All series columns at once: self-attention over the steps so far, by how far back they are.

    The other options are those of :class:`~umbel.encoders.series_base.SeriesEncoder`. A step sees no later
    one, so no step sees what fills a series up; a mask of its own is not needed. The norm stands before each
    layer (Xiong et al. 2020), where the paper of 2017 has it behind.

    :param layers: blocks of attention and of two layers for each step.
    :param heads: of the attention; width is an even multiple of it.
    """

    name: ClassVar[str] = "causal_transformer"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        width: int = 32,
        layers: int = 2,
        heads: int = 4,
        window: int | None = 256,
        pool: Pool = "last",
        clip: float | None = 8.0,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(columns, width=width, window=window, pool=pool, clip=clip, dropout=dropout)
        require("layers", layers, whole(layers, 1), "a whole number, at least 1")
        fits = whole(heads, 1) and width % (2 * heads) == 0
        require("heads", heads, fits, f"a whole number of which width ({width}) is an even multiple")
        self.layers, self.heads = layers, heads

    def build(self) -> None:
        """The blocks, a layer before and a norm behind them."""
        self.enter = nn.Linear(self.channels, self.hidden)
        self.blocks = nn.Sequential(
            *(_Block(self.hidden, self.heads, self.dropout) for _ in range(self.layers))
        )
        self.behind = nn.LayerNorm(self.hidden)

    def steps(self, x: Tensor) -> Tensor:
        """What the last block says of every step, [N, T, width]."""
        found: Tensor = self.behind(self.blocks(self.enter(x)))
        return found
