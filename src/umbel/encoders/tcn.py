"""Series: a temporal convolutional network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.data.schema import Column
from umbel.encoders.dropout import dropout as drop
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.series_base import Pool, SeriesEncoder, require, whole

__all__ = ["CausalConv", "Tcn", "field_of", "levels_for"]


def field_of(kernel: int, levels: int) -> int:
    """Steps that the last one can see: 1 + 2 (kernel - 1) (2^levels - 1).

    >>> field_of(3, 4)
    61
    """
    return 1 + 2 * (kernel - 1) * ((1 << levels) - 1)


def levels_for(kernel: int, steps: int) -> int:
    """The fewest levels, at least 1, whose field covers so many steps.

    >>> levels_for(3, 61), levels_for(3, 62)
    (4, 5)
    """
    return max(1, math.ceil(math.log2((steps - 1) / (2 * (kernel - 1)) + 1)))


class CausalConv(nn.Module):
    """A dilated convolution that sees a step and steps before it; its weights in length and direction.

    :param wide_in, wide_out: channels.
    :param kernel: steps it looks at.
    :param dilation: from one of them to the next.

    Source: Bai et al. 2018, section 3.2; weight normalisation, Salimans & Kingma 2016, eq. 2.
    """

    def __init__(self, wide_in: int, wide_out: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.reach = (kernel - 1) * dilation
        self.direction = nn.Parameter(torch.empty(wide_out, wide_in, kernel))
        self.length = nn.Parameter(torch.empty(wide_out, 1, 1))
        self.bias = nn.Parameter(torch.empty(wide_out))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform weights as for a rectifier (He et al. 2015); no bias."""
        nn.init.kaiming_uniform_(self.direction, nonlinearity="relu")
        with torch.no_grad():
            self.length.copy_(self.direction.flatten(1).norm(dim=1)[:, None, None])
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, T] to [N, C', T]."""
        size = self.direction.flatten(1).norm(dim=1)[:, None, None]
        weight = self.direction * (self.length / size)
        padded = functional.pad(x, (self.reach, 0))
        return functional.conv1d(padded, weight, self.bias, dilation=self.dilation)


class _Block(nn.Module):
    """Two causal convolutions and a residual: relu(x + F(x))."""

    def __init__(self, wide_in: int, width: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.first = CausalConv(wide_in, width, kernel, dilation)
        self.second = CausalConv(width, width, kernel, dilation)
        self.skip = nn.Conv1d(wide_in, width, 1) if wide_in != width else nn.Identity()
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, T] to [N, width, T]."""
        hidden = x
        for conv in (self.first, self.second):
            hidden = drop(functional.relu(conv(hidden)), self.dropout, self.training)
        return functional.relu(self.skip(x) + hidden)


@ENCODERS.register("tcn", source="Bai et al. 2018, temporal convolutional networks")
class Tcn(SeriesEncoder):
    """All series columns at once: dilated causal convolutions, each level's dilation twice the one below.

    The other options are those of :class:`~umbel.encoders.series_base.SeriesEncoder`. Dropout drops single
    units, where the paper drops whole channels.

    :param kernel: steps of each convolution, at least 2.
    :param levels: residual blocks of two convolutions; None: as few as see all of the longest training
        series.
    """

    name: ClassVar[str] = "tcn"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        width: int = 32,
        kernel: int = 3,
        levels: int | None = None,
        window: int | None = 256,
        pool: Pool = "last",
        clip: float | None = 8.0,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(columns, width=width, window=window, pool=pool, clip=clip, dropout=dropout)
        require("kernel", kernel, whole(kernel, 2), "a whole number, at least 2")
        require("levels", levels, levels is None or whole(levels, 1), "a whole number, at least 1, or None")
        self.kernel, self.levels = kernel, levels

    @property
    def field(self) -> int:
        """Steps that a summary can see: :func:`field_of` the levels."""
        return field_of(self.kernel, self.levels or levels_for(self.kernel, self.longest))

    def build(self) -> None:
        """The residual blocks."""
        levels = self.levels or levels_for(self.kernel, self.longest)
        widths = [self.channels, *[self.hidden] * (levels - 1)]
        blocks: list[Any] = [
            _Block(width, self.hidden, self.kernel, 2**k, self.dropout) for k, width in enumerate(widths)
        ]
        self.blocks = nn.Sequential(*blocks)

    def steps(self, x: Tensor) -> Tensor:
        """What the last block says of every step, [N, T, width]."""
        found: Tensor = self.blocks(x.transpose(1, 2))
        return found.transpose(1, 2)
