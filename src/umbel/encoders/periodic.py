"""Numbers as sines and cosines of learned frequencies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from umbel.data.schema import Column
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.number_embeddings import NumberEmbedding
from umbel.errors import ConfigError

__all__ = ["Periodic"]


@ENCODERS.register("periodic", source="periodic embeddings (PLR), Gorishniy et al. 2022, section 3.3")
class Periodic(NumberEmbedding):
    """Each standard score x is sin and cos of 2 pi c x for learned c, then a layer of its own and a ReLU.

    A net that gets numbers as they are learns smooth functions of them first; with frequencies it also finds
    what changes quickly.

    :param frequencies: per feature, k.
    :param sigma: deviation of the frequencies at the start: the larger, the quicker.
    :param width: numbers per feature.
    :param clip: standard scores are held within plus and minus this; None leaves them be.
    :param ranks: also the share of training rows below the cell.
    :param drop: share of the embedded features dropped in training, in [0, 1).
    :raises ConfigError: an option is out of its range.
    """

    name: ClassVar[str] = "periodic"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        frequencies: int = 16,
        sigma: float = 0.3,
        width: int = 8,
        clip: float | None = 4.0,
        ranks: bool = False,
        drop: float = 0.0,
    ) -> None:
        super().__init__(columns, clip=clip, ranks=ranks, width=width, drop=drop)
        if frequencies < 1 or not sigma > 0:
            raise ConfigError(
                "periodic embeddings have at least one frequency, of a deviation above 0",
                found=f"frequencies: {frequencies!r}, sigma: {sigma!r}",
            )
        self.frequencies, self.sigma = frequencies, sigma

    def build(self) -> None:
        """Frequencies, and one layer per feature."""
        super().build()
        self.waves = Waves(self.wide, self.frequencies, self.sigma)

    @property
    def spread(self) -> int:
        """A sine and a cosine per frequency."""
        return 2 * self.frequencies

    def spread_out(self, x: Tensor) -> Tensor:
        """[B, D] to [B, D, 2 k]."""
        found: Tensor = self.waves(x)
        return found


class Waves(nn.Module):
    """sin and cos of 2 pi c x, c learned for each feature."""

    def __init__(self, features: int, count: int, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma
        self.frequency = nn.Parameter(torch.empty(features, count))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal of deviation sigma."""
        nn.init.normal_(self.frequency, std=self.sigma)

    def forward(self, x: Tensor) -> Tensor:
        """[B, D] to [B, D, 2 k]."""
        angle = 2 * math.pi * x[:, :, None] * self.frequency
        return torch.cat([angle.sin(), angle.cos()], dim=2)
