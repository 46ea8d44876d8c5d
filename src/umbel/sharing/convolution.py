"""Trunks of convolutions: stages that halve an image, then a dense layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from umbel.encoders.dropout import dropout
from umbel.errors import ConfigError
from umbel.sharing.mlp import Dense
from umbel.sharing.options import fraction, whole
from umbel.sharing.trunk import TRUNKS, Trunk, activation_of

__all__ = ["ConvolutionTrunk", "Convolve", "Flat", "group_norm"]


def group_norm(channels: int) -> nn.GroupNorm:
    """Group norm in groups of eight channels, or as near above as divides them.

    It looks at one row at a time, which batch norm does not.

    Source: Wu & He 2018.

    >>> group_norm(32).num_groups, group_norm(6).num_groups
    (4, 1)
    """
    return nn.GroupNorm(math.gcd(channels, max(1, channels // 8)), channels)


class Convolve(nn.Conv2d):
    """dropout(pool(act(norm(K * x)))): a convolution that keeps the size, then 2 x 2 max pooling.

    :param channels_in: channels that come in.
    :param channels: channels that go out.
    :param kernel: side of the kernel in pixels, odd.
    """

    def __init__(
        self, channels_in: int, channels: int, *, kernel: int, dropout: float, activation: str, norm: bool
    ) -> None:
        super().__init__(channels_in, channels, kernel, padding=kernel // 2)
        self.norm = group_norm(channels) if norm else nn.Identity()
        self.dropout, self.activate = dropout, activation_of(activation)

    def forward(self, input: Tensor) -> Tensor:
        """[B, C, H, W] to [B, channels, H // 2, W // 2]."""
        h = self.activate(self.norm(super().forward(input.to(self.weight.dtype))))
        return dropout(functional.max_pool2d(h, 2), self.dropout, self.training)


class Flat(Dense):
    """A dense layer of all that a row holds."""

    def forward(self, input: Tensor) -> Tensor:
        """[B, C, H, W] to [B, width]."""
        return super().forward(input.flatten(1))


@TRUNKS.register("convolution", source="LeCun et al. 1998; group norm, Wu & He 2018")
class ConvolutionTrunk(Trunk):
    """``depth`` stages of convolution and pooling, then a dense stage; rows are [B, C, H, W].

    Each convolution stage halves height and width (an odd last line is left out). There are ``depth`` + 1
    stages in all.

    :param channels: channels of the convolutions.
    :param doubling: whether each stage has twice the channels of the one before.
    :param kernel: side of the kernels in pixels, odd.
    :param width: units of the dense stage.
    :param depth: convolution stages, 1 or more.
    :param dropout: share of units dropped in training, after each stage.
    :param norm: group norm within each convolution stage, layer norm within the dense one.
    :param activation: one of ``ACTIVATIONS``.
    :raises ConfigError: an option has a value it cannot have, a row is no image, or it is too small to
        be halved ``depth`` times.

    >>> trunk = ConvolutionTrunk((1, 28, 28), depth=2, width=64)
    >>> len(trunk), trunk.channels(0), trunk.out
    (3, 32, 64)
    """

    name: ClassVar[str] = "convolution"

    def __init__(
        self,
        shape_in: Sequence[int],
        *,
        channels: int = 32,
        doubling: bool = False,
        kernel: int = 3,
        width: int = 256,
        depth: int = 3,
        dropout: float = 0.2,
        norm: bool = True,
        activation: str = "relu",
    ) -> None:
        super().__init__(shape_in)
        if len(self.shape_in) != 3:
            raise ConfigError(
                "a trunk of 'convolution' takes images, channels first",
                found=f"rows of the shape {list(self.shape_in)}",
                remedy="blocks: mlp for vectors, sequence for sequences",
            )
        self.first = whole(self.name, "channels", channels, least=1)
        self.depth = whole(self.name, "depth", depth, least=1)
        self.width = whole(self.name, "width", width, least=1)
        self.kernel = whole(self.name, "kernel", kernel, least=1)
        if not kernel % 2:
            raise ConfigError(
                "a kernel has a middle, so that the image keeps its place",
                found=f"kernel: {kernel}",
                remedy=f"kernel: {kernel + 1}",
            )
        side = min(self.shape_in[1:])
        if side < 2**depth:
            raise ConfigError(
                "an image must be large enough to be halved by every convolution stage",
                found=f"{self.shape_in[1]} x {self.shape_in[2]} pixels, depth: {depth}",
                remedy=f"depth: {side.bit_length() - 1}" if side > 1 else "blocks: mlp, for vectors",
            )
        activation_of(activation)
        self.dropout = fraction(self.name, "dropout", dropout, below_1=True)
        self.doubling, self.norm, self.activation = doubling, norm, activation

    def __len__(self) -> int:
        return self.depth + 1

    def stage(self, number: int) -> nn.Module:
        """See :class:`Trunk`."""
        before = self.channels(number - 1) if number else self.shape_in[0]
        if number == self.depth:
            pixels = (self.shape_in[1] >> self.depth) * (self.shape_in[2] >> self.depth)
            return Flat(
                before * pixels,
                self.width,
                dropout=self.dropout,
                activation=self.activation,
                norm=self.norm,
            )
        return Convolve(
            before,
            self.channels(number),
            kernel=self.kernel,
            dropout=self.dropout,
            activation=self.activation,
            norm=self.norm,
        )

    def channels(self, number: int) -> int:
        """See :class:`Trunk`."""
        if number == self.depth:
            return self.width
        return self.first << number if self.doubling else self.first

    def axis(self, number: int) -> int:
        """See :class:`Trunk`."""
        return 1
