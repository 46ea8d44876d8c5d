"""What embeddings of single numbers have in common: every feature has a small layer of its own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from umbel.data.schema import Column
from umbel.encoders.dropout import dropout
from umbel.encoders.numbers import Numbers
from umbel.errors import ConfigError

__all__ = ["EachLinear", "NumberEmbedding"]


class EachLinear(nn.Module):
    """A linear layer of its own for each of D features.

    :param features: D.
    :param width_in: numbers per feature that come in.
    :param width: numbers per feature that go out.
    """

    def __init__(self, features: int, width_in: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(features, width_in, width))
        self.bias = nn.Parameter(torch.empty(features, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform, as torch's linear layer has it."""
        bound = max(self.weight.shape[1], 1) ** -0.5
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """[B, D, width_in] to [B, D, width]."""
        return torch.einsum("bdk,dkw->bdw", x, self.weight) + self.bias


class NumberEmbedding(Numbers):
    """Number columns whose standard scores are spread out before a layer of their own and a ReLU.

    :param width: numbers per feature.
    :param drop: share of the embedded features dropped in training, in [0, 1).
    """

    def __init__(
        self, columns: Sequence[Column], *, clip: float | None, ranks: bool, width: int, drop: float
    ) -> None:
        super().__init__(columns, clip=clip, ranks=ranks)
        if isinstance(width, bool) or not isinstance(width, int) or width < 1:
            raise ConfigError("an embedding of numbers has a width of at least 1", found=f"width: {width!r}")
        self.width, self.drop = width, drop

    @property
    @abstractmethod
    def spread(self) -> int:
        """Numbers that each feature is spread out to."""

    @abstractmethod
    def spread_out(self, x: Tensor) -> Tensor:
        """Standard scores [B, D] to [B, D, spread]."""

    def build(self) -> None:
        """One layer per feature."""
        self.layer = EachLinear(self.wide, self.spread, self.width)

    @property
    def out(self) -> int:
        """Embedded features, D."""
        return self.wide * self.width

    def forward(self, x: Any) -> Tensor:
        """Features [B, D] of standard scores."""
        features = torch.relu(self.layer(self.spread_out(x.to(self.layer.weight.dtype)))).flatten(1)
        return dropout(features, self.drop, self.training)
