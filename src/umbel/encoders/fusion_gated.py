"""Gated fusion: each row decides how much each modality counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from umbel.encoders.fusion import FUSIONS, Fusion, concatenate

__all__ = ["Gated"]


@FUSIONS.register("gated", source="gated multimodal units, Arevalo et al. 2017, equations 1 to 6")
class Gated(Fusion):
    """A sum of the modalities' own hidden features, weighted by gates that see all of them.

    h_m = tanh(A_m x_m), z = softmax over the present modalities of B [x_1 .. x_M], h = sum of z_m h_m. For
    two modalities that is the bimodal unit of the paper (its sigmoid gate); a modality that a row lacks has
    the gate 0.

    :param width: features of the representation, >= 1.
    """

    name: ClassVar[str] = "gated"

    def __init__(self, widths: Mapping[str, int], *, width: int = 128) -> None:
        super().__init__(widths)
        self.width = width
        self.hidden = nn.ModuleList(nn.Linear(size, width) for size in self.widths.values())
        self.gate = nn.Linear(sum(self.widths.values()), len(self.widths))

    @property
    def out(self) -> int:
        """The width."""
        return self.width

    def shares(self, parts: Sequence[Tensor], present: Tensor) -> Tensor:
        """What each modality counts in each row, [B, M]; rows sum to 1."""
        scores = self.gate(concatenate(parts).to(self.gate.weight.dtype))
        return torch.softmax(scores.masked_fill(~_some(present), float("-inf")), dim=1)

    def forward(self, parts: Sequence[Tensor], present: Tensor) -> Tensor:
        """See :class:`Fusion`."""
        hidden = torch.stack(
            [
                torch.tanh(layer(part.to(self.gate.weight.dtype)))
                for layer, part in zip(self.hidden, parts, strict=True)
            ],
            dim=1,
        )
        return (self.shares(parts, present)[:, :, None] * hidden).sum(dim=1)


def _some(present: Tensor) -> Tensor:
    """Present modalities [B, M]; all of them where a row has none: their stand-ins are all there is."""
    return present | ~present.any(dim=1, keepdim=True)
