"""Trunks of multi-layer perceptrons: a dense layer, then residual blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from umbel.encoders.dropout import dropout
from umbel.errors import ConfigError
from umbel.sharing.trunk import TRUNKS, Trunk, activation_of

__all__ = ["Dense", "MLPTrunk", "Residual"]


class Dense(nn.Linear):
    """dropout(act(norm(W x + b)))."""

    def __init__(self, width_in: int, width: int, *, dropout: float, activation: str, norm: bool) -> None:
        super().__init__(width_in, width)
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()
        self.dropout, self.activate = dropout, activation_of(activation)

    def forward(self, input: Tensor) -> Tensor:
        """[B, D] to [B, width]."""
        h: Tensor = self.activate(self.norm(super().forward(input.to(self.weight.dtype))))
        return dropout(h, self.dropout, self.training)


class Residual(nn.Module):
    """x + W2 dropout(act(W1 norm(x))): a block that is the identity before training (W2 starts at 0).

    :param last: whether dropout follows, as after the last block of a trunk.
    """

    def __init__(self, width: int, *, dropout: float, activation: str, norm: bool, last: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()
        self.inner, self.outer = nn.Linear(width, width), Zeros(width, width)
        self.dropout, self.activate, self.last = dropout, activation_of(activation), last

    def forward(self, x: Tensor) -> Tensor:
        """[B, D] to [B, D]."""
        h = self.activate(self.inner(self.norm(x)))
        out: Tensor = x + self.outer(dropout(h, self.dropout, self.training))
        return dropout(out, self.dropout, self.training) if self.last else out


class Zeros(nn.Linear):
    """A linear layer that starts at 0."""

    def reset_parameters(self) -> None:
        """Zeros."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


@TRUNKS.register("mlp", source="residual blocks, He et al. 2016; layer norm, Ba et al. 2016")
class MLPTrunk(Trunk):
    """A dense layer of ``width`` units, then ``depth`` - 1 residual blocks; rows are [B, D].

    :param width: hidden units.
    :param depth: layers and blocks; 0 hands the features on as they are.
    :param dropout: share of hidden units dropped in training, after each layer.
    :param norm: layer norm within each layer.
    :param activation: one of ``ACTIVATIONS``.
    :raises ConfigError: the activation is unknown, or a row is no vector.
    """

    name: ClassVar[str] = "mlp"

    def __init__(
        self,
        shape_in: Sequence[int],
        *,
        width: int = 256,
        depth: int = 3,
        dropout: float = 0.5,
        norm: bool = True,
        activation: str = "relu",
    ) -> None:
        super().__init__(shape_in)
        if len(self.shape_in) != 1:
            raise ConfigError(
                "a trunk of 'mlp' takes vectors, one per row",
                found=f"rows of the shape {list(self.shape_in)}",
                remedy="blocks: convolution for images, sequence for sequences",
            )
        activation_of(activation)
        self.width, self.depth, self.dropout = width, depth, dropout
        self.norm, self.activation = norm, activation

    def __len__(self) -> int:
        return self.depth

    def stage(self, number: int) -> nn.Module:
        """See :class:`Trunk`."""
        if not number:
            return Dense(
                self.shape_in[0],
                self.width,
                dropout=self.dropout,
                activation=self.activation,
                norm=self.norm,
            )
        return Residual(
            self.width,
            dropout=self.dropout,
            activation=self.activation,
            norm=self.norm,
            last=number == self.depth - 1,
        )

    def channels(self, number: int) -> int:
        """See :class:`Trunk`."""
        return self.width

    def axis(self, number: int) -> int:
        """See :class:`Trunk`."""
        return 1
