"""Images through a small net of convolutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from umbel.data.schema import Column
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.pictures import OnError, Pictures
from umbel.errors import ConfigError

__all__ = ["Images", "channels_last", "check_channels", "normed"]

SMALLEST = 4
"""Fields of a side that the last layer sees apart: what lies where is not lost."""


def normed(channels: int) -> nn.GroupNorm:
    """Group norm over groups of 8 channels, or of all where they are no multiple of 8.

    Source: Wu & He 2018.
    """
    return nn.GroupNorm(channels // 8 if channels % 8 == 0 else 1, channels)


def check_channels(channels: Any) -> tuple[int, ...]:
    """:raises ConfigError: the channels are no list of one or more numbers from 1."""
    found = tuple(channels) if isinstance(channels, list | tuple) else ()
    if not found or not all(isinstance(c, int) and not isinstance(c, bool) and c > 0 for c in found):
        raise ConfigError("the channels of images are one or more whole numbers from 1", found=repr(channels))
    return found


class _ChannelsLast(nn.Module):
    """Images whose channels lie side by side in memory."""

    def forward(self, x: Tensor) -> Tensor:
        """The same numbers [N, C, H, W]."""
        return x.contiguous(memory_format=torch.channels_last)


def channels_last(layers: Sequence[nn.Module], channels: int) -> nn.Module:
    """Layers one after the other, in the order of memory that convolutions are fastest in.

    Only what flows through them is put in order: parameters stay as they are, since L-BFGS wants them flat.

    :param layers: they begin with a convolution, then a norm or a maximum.
    :param channels: of the images; one channel has no order, so that it is made after the first layer.
    """
    before = 1 if channels == 1 else 0
    return nn.Sequential(*layers[:before], _ChannelsLast(), *layers[before:])


@ENCODERS.register("images", source="LeNet, LeCun et al. 1998, with group norm, Wu & He 2018")
class Images(Pictures):
    """All image columns at once through a small net of convolutions, read from paths, bytes or arrays.

    Each stage is a convolution of 3 by 3, a maximum over 2 by 2 as long as the sides have 8 pixels or more,
    group norm and ReLU; a fully connected layer sees fields of 4 by 4 at most.

    :param columns: image columns.
    :param width: features per column.
    :param channels: channels of each stage.
    :param size, colour, on_error, augment: as :class:`~umbel.encoders.pictures.Pictures` has them.
    :raises ConfigError: an option has a value it cannot have.
    """

    name: ClassVar[str] = "images"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        width: int = 128,
        channels: Sequence[int] = (16, 32, 64),
        size: int | Sequence[int] | None = None,
        colour: bool | None = None,
        on_error: OnError = "stop",
        augment: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(columns, width=width, size=size, colour=colour, on_error=on_error, augment=augment)
        self.stages = check_channels(channels)

    def net(self) -> nn.Module:
        """Stages and the last layer."""
        layers: list[nn.Module] = []
        before, (height, width) = self.channels, self.size
        for channels in self.stages:
            layers.append(nn.Conv2d(before, channels, 3, padding=1, bias=False))
            if min(height, width) >= 2 * SMALLEST:
                layers.append(nn.MaxPool2d(2, ceil_mode=True))
                height, width = -(-height // 2), -(-width // 2)
            layers += [normed(channels), nn.ReLU()]
            before = channels
        fields = min(height, SMALLEST), min(width, SMALLEST)
        layers += [
            nn.AdaptiveAvgPool2d(fields),
            nn.Flatten(),
            nn.Linear(before * fields[0] * fields[1], self.width),
            nn.ReLU(),
        ]
        return channels_last(layers, self.channels)
