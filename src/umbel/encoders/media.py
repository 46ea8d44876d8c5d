"""What encoders of images, sounds and series have in common: several columns, and rows that lack a value."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from umbel.data.batch import Masked, Padded
from umbel.encoders.encoder import Encoder

__all__ = ["Absent", "MediaEncoder"]


class MediaEncoder(Encoder):
    """An encoder whose cells are arrays; all its K columns go through the same layers.

    Its input is :class:`~umbel.data.batch.Masked` or :class:`~umbel.data.batch.Padded` with K values a row.
    :meth:`forward` is ``embed`` for each column, zeros where a cell is missing, side by side. The plain
    view is what linear models and trees see; a net has no linear skip from it.
    """

    @property
    @abstractmethod
    def width(self) -> int:
        """Features of one column."""

    @abstractmethod
    def embed(self, x: Masked | Padded) -> Tensor:
        """Features [B * K, width] of what :meth:`transform` gave, row after row.

        The columns of a row come together; features of a missing cell are finite and not looked at.
        """

    @property
    @abstractmethod
    def plain_names(self) -> list[str]:
        """What the columns of :meth:`plain` are called, [W]."""

    @abstractmethod
    def plain(self, x: Any) -> Tensor:
        """The input as plain standardised numbers [B, W] float32, 0 where a cell is missing."""

    @property
    def out(self) -> int:
        """Features of all columns, D."""
        return len(self.columns) * self.width

    @property
    def wide(self) -> int:
        """0: there is no linear skip."""
        return 0

    def linear(self, x: Any, weight: Tensor) -> Tensor:
        """Zeros [B, K], as the linear view has no column."""
        return weight.new_zeros(len(x), weight.shape[1])

    def forward(self, x: Any) -> Tensor:
        """Features [B, D]."""
        if not len(x):
            return torch.zeros(0, self.out, device=x.present.device)
        features = self.embed(x).view(len(x), len(self.columns), self.width)
        return torch.where(x.present[:, :, None], features, 0.0).flatten(1)

    def present(self, x: Any) -> Tensor:
        """Rows in which at least one column has a value, [B] bool."""
        found: Tensor = x.present.any(dim=1)
        return found


class Absent(nn.Module):
    """The learned stand-in of a modality that a row lacks; it starts at 0.

    :param width: features of the modality.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(width))

    def reset_parameters(self) -> None:
        """Zeros."""
        nn.init.zeros_(self.value)

    def forward(self, features: Tensor, present: Tensor) -> Tensor:
        """The features [B, D] where present [B], else the stand-in."""
        return torch.where(present[:, None], features, self.value.to(features.dtype))
