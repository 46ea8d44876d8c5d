"""Images changed by chance in training, each row anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from umbel.errors import ConfigError, near

__all__ = ["Augment"]


@dataclass(frozen=True)
class Augment:
    """How images are changed in training; all is off by default.

    The draws come from torch's global generator, as those of dropout do.

    :param shift: moved up to this share of the side, down or up and right or left, in [0, 0.5]; the edge is
        drawn on.
    :param crop: cut to a part that is shorter than the side by up to this share, in [0, 0.9], and enlarged
        again; the part lies anywhere.
    :param flip: mirrored, left for right, with probability one half.
    :param brightness: multiplied by a factor from 1 - this to 1 + this, in [0, 1].

    Source: Krizhevsky et al. 2012, section 4.1 (crops and mirror images).
    """

    shift: float = 0.0
    crop: float = 0.0
    flip: bool = False
    brightness: float = 0.0

    @staticmethod
    def of(options: Mapping[str, Any] | None) -> Augment:
        """The changes that a mapping names.

        :raises ConfigError: an option is unknown, or has a value that it cannot have.
        """
        most = {"shift": 0.5, "crop": 0.9, "brightness": 1.0}
        known = [field.name for field in fields(Augment)]
        for name, value in (options or {}).items():
            if name not in known:
                raise ConfigError(
                    "augment has options that are known", found=f"'{name}'", remedy=near(name, known)
                )
            if name == "flip":
                fits, rule = isinstance(value, bool), "flip is true or false"
            else:
                number = isinstance(value, int | float) and not isinstance(value, bool)
                fits, rule = number and 0 <= value <= most[name], f"{name} is from 0 to {most[name]}"
            if not fits:
                raise ConfigError(f"of augment, {rule}", found=repr(value))
        return Augment(**(options or {}))

    @property
    def moves(self) -> bool:
        """Whether pixels change their places."""
        return bool(self.shift or self.crop or self.flip)

    def __call__(self, x: Tensor) -> Tensor:
        """Changed images.

        :param x: [B, C, H, W], from 0 to 1.
        """
        if self.moves:
            x = functional.grid_sample(
                x, self._places(x), mode="bilinear", padding_mode="border", align_corners=False
            )
        if self.brightness:
            x = (x * (1 + self.brightness * _even(len(x), x)).view(-1, 1, 1, 1)).clamp(0, 1)
        return x

    def _places(self, x: Tensor) -> Tensor:
        """Where each pixel comes from, [B, H, W, 2], -1 to 1 from edge to edge."""
        rows, height, width = len(x), x.shape[2], x.shape[3]
        part = 1 - self.crop * torch.rand(rows, device=x.device, dtype=x.dtype)
        axes = []
        for side in (width, height):
            # whole pixels, so that what is not enlarged stays sharp
            step = torch.round(_even(rows, x) * self.shift * side) * (2 / side)
            centre = step + (1 - part) * _even(rows, x)
            pixels = (torch.arange(side, device=x.device, dtype=x.dtype) * 2 + 1) / side - 1
            axes.append(pixels * part[:, None] + centre[:, None])
        across, down = axes
        if self.flip:
            across = torch.where(_even(rows, x)[:, None] < 0, -across, across)
        grid = [across[:, None, :].expand(rows, height, width), down[:, :, None].expand(rows, height, width)]
        return torch.stack(grid, dim=3)


def _even(rows: int, like: Tensor) -> Tensor:
    """Numbers drawn evenly from -1 to 1, [rows]."""
    return 2 * torch.rand(rows, device=like.device, dtype=like.dtype) - 1
