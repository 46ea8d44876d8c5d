"""Fusion by modulation: one modality's features are scaled and shifted by the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from umbel.encoders.fusion import FUSIONS, Fusion
from umbel.errors import ConfigError, near

__all__ = ["Film"]


@FUSIONS.register("film", source="feature-wise linear modulation, Perez et al. 2018, equation 2")
class Film(Fusion):
    """(1 + gamma) * h + beta: h the features of one modality, gamma and beta linear in the others.

    It starts at gamma = beta = 0, where the others say nothing. A modality that a row lacks adds nothing to
    gamma and beta.

    :param base: the modality that is modulated; the widest where None.
    :param width: features of the representation, >= 1.
    :raises ConfigError: there is no such modality.
    """

    name: ClassVar[str] = "film"

    def __init__(self, widths: Mapping[str, int], *, base: str | None = None, width: int = 128) -> None:
        super().__init__(widths)
        if base is not None and base not in self.widths:
            raise ConfigError(
                "the modality that is modulated must be among the inputs",
                found=f"'{base}'",
                remedy=near(base, self.widths),
            )
        self.base = base or max(self.widths, key=lambda name: self.widths[name])
        self.width = width
        self.hidden = nn.Linear(self.widths[self.base], width)
        self.others = nn.ModuleDict(
            {name: _Modulator(size, width) for name, size in self.widths.items() if name != self.base}
        )

    @property
    def out(self) -> int:
        """The width."""
        return self.width

    def forward(self, parts: Sequence[Tensor], present: Tensor) -> Tensor:
        """See :class:`Fusion`."""
        named = dict(zip(self.widths, parts, strict=True))
        dtype = self.hidden.weight.dtype
        hidden: Tensor = torch.relu(self.hidden(named[self.base].to(dtype)))
        scale, shift = torch.ones_like(hidden), torch.zeros_like(hidden)
        for m, name in enumerate(self.widths):
            if name != self.base:
                gamma, beta = self.others[name](named[name].to(dtype)).chunk(2, dim=1)
                there = present[:, m, None]
                scale = scale + torch.where(there, gamma, 0.0)
                shift = shift + torch.where(there, beta, 0.0)
        return scale * hidden + shift


class _Modulator(nn.Linear):
    """gamma and beta of one modality, side by side; both start at 0."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__(width_in, 2 * width)

    def reset_parameters(self) -> None:
        """Zeros."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)
