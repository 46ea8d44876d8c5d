"""Images through a residual net."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional

from umbel.data.schema import Column
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.images import channels_last, check_channels, normed
from umbel.encoders.pictures import OnError, Pictures
from umbel.errors import ConfigError

__all__ = ["ResNet", "Residual"]


class Residual(nn.Module):
    """Two convolutions of 3 by 3 with group norm, added to what came in.

    :param before: channels that come in.
    :param channels: channels that go out.
    :param stride: 2 halves the sides.

    Source: He et al. 2016, fig. 2; the short cut is a convolution of 1 by 1 where shapes differ (option B).
    """

    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, channels, 3, stride, padding=1, bias=False)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.first_norm, self.second_norm = normed(channels), normed(channels)
        differs = before != channels or stride > 1
        self.short = (
            nn.Sequential(nn.Conv2d(before, channels, 1, stride, bias=False), normed(channels))
            if differs
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N, before, H, W] to [N, channels, H / stride, W / stride]."""
        found = functional.relu(self.first_norm(self.first(x)))
        found = self.second_norm(self.second(found))
        added: Tensor = functional.relu(found + self.short(x))
        return added


@ENCODERS.register("resnet", source="ResNet, He et al. 2016, with group norm, Wu & He 2018")
class ResNet(Pictures):
    """All image columns at once through a residual net of 8, 14, 20 or more layers.

    A convolution of 3 by 3, then for each entry of ``channels`` as many residual blocks (of all but the first
    entry, the first block halves the sides), then the mean over fields and a fully connected layer.

    :param columns: image columns.
    :param width: features per column.
    :param depth: layers, 2 and a multiple of twice the number of ``channels``.
    :param channels: channels of each stage.
    :param fields: fields of a side that the last layer sees apart; 1 is the mean over all places, more tell
        it what lies where.
    :param size, colour, on_error, augment: as :class:`~umbel.encoders.pictures.Pictures` has them.
    :raises ConfigError: an option has a value it cannot have.
    """

    name: ClassVar[str] = "resnet"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        width: int = 128,
        depth: int = 8,
        channels: Sequence[int] = (16, 32, 64),
        fields: int = 1,
        size: int | Sequence[int] | None = None,
        colour: bool | None = None,
        on_error: OnError = "stop",
        augment: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(columns, width=width, size=size, colour=colour, on_error=on_error, augment=augment)
        self.stages = check_channels(channels)
        step = 2 * len(self.stages)
        if not isinstance(depth, int) or depth < 2 + step or (depth - 2) % step:
            raise ConfigError(
                f"a resnet of {len(self.stages)} stages has {2 + step}, {2 + 2 * step} or more layers",
                found=f"depth: {depth!r}",
                remedy=f"depth: {2 + step}",
            )
        if not isinstance(fields, int) or fields < 1:
            raise ConfigError("the fields of a resnet are a whole number from 1", found=repr(fields))
        self.blocks, self.fields = (depth - 2) // step, fields

    def net(self) -> nn.Module:
        """The first convolution, the blocks, and the last layer."""
        before, (height, width) = self.stages[0], self.size
        layers: list[nn.Module] = [
            nn.Conv2d(self.channels, before, 3, padding=1, bias=False),
            normed(before),
            nn.ReLU(),
        ]
        for stage, channels in enumerate(self.stages):
            for block in range(self.blocks):
                stride = 2 if stage and not block else 1
                layers.append(Residual(before, channels, stride))
                height, width, before = -(-height // stride), -(-width // stride), channels
        fields = min(height, self.fields), min(width, self.fields)
        layers += [
            nn.AdaptiveAvgPool2d(fields),
            nn.Flatten(),
            nn.Linear(before * fields[0] * fields[1], self.width),
            nn.ReLU(),
        ]
        return channels_last(layers, self.channels)
