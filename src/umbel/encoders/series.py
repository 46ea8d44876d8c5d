"""Series: a gated recurrent network over the steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

from torch import Tensor, nn

from umbel.data.schema import Column
from umbel.encoders.dropout import dropout as drop
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.series_base import Pool, SeriesEncoder, require, whole

__all__ = ["Series"]


@ENCODERS.register("series", source="gated recurrent units, Cho et al. 2014")
class Series(SeriesEncoder):
    """All series columns at once: a GRU over the steps, its state at the last step the summary.

    The other options are those of :class:`~umbel.encoders.series_base.SeriesEncoder`.

    :param layers: recurrent layers, one over the other.
    """

    name: ClassVar[str] = "series"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        width: int = 32,
        layers: int = 1,
        window: int | None = 256,
        pool: Pool = "last",
        clip: float | None = 8.0,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(columns, width=width, window=window, pool=pool, clip=clip, dropout=dropout)
        require("layers", layers, whole(layers, 1), "a whole number, at least 1")
        self.layers = layers

    def build(self) -> None:
        """The recurrent layers."""
        widths = [self.channels, *[self.hidden] * (self.layers - 1)]
        self.cells = nn.ModuleList(nn.GRU(width, self.hidden, batch_first=True) for width in widths)

    def steps(self, x: Tensor) -> Tensor:
        """The state after every step, [N, T, width]."""
        for k, cell in enumerate(self.cells):
            x = cast(Tensor, cell(drop(x, self.dropout, self.training) if k else x)[0])
        return x
