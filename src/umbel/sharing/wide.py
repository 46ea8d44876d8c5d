"""A linear skip from the inputs to some targets, beside the trunk."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from umbel.data.batch import Input
from umbel.encoders.space import FeatureSpace

__all__ = ["Wide"]


class Wide(nn.Module):
    """Raw outputs that are linear in the encoders' linear views; it starts at 0.

    Rare names say much of one class and little of the rest: a weight for each of them is learned best
    without a trunk between (Cheng et al. 2016, "Wide & Deep").

    :param space: the fitted feature space.
    :param widths: raw outputs by target.
    """

    def __init__(self, space: FeatureSpace, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.widths = dict(widths)
        total = sum(self.widths.values())
        # one weight per encoder for all targets: one look-up serves them all
        self.weights = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(encoder.wide, total)) for name, encoder in space.each()}
        )

    def forward(self, space: FeatureSpace, inputs: Mapping[str, Input]) -> dict[str, Tensor]:
        """Additions to the raw outputs, [B, width] by target."""
        parts = [encoder.linear(inputs[name], self.weights[name]) for name, encoder in space.each()]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        split = torch.split(total, list(self.widths.values()), dim=1)
        return dict(zip(self.widths, split, strict=True))
