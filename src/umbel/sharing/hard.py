"""Hard parameter sharing: one trunk for all tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from umbel.encoders.dropout import dropout
from umbel.errors import ConfigError, near
from umbel.sharing.sharing import SHARINGS, Sharing

__all__ = ["ACTIVATIONS", "HardSharing", "Residual"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "tanh": functional.tanh,
}
"""Activations by name."""


class Residual(nn.Module):
    """x + W2 dropout(act(W1 norm(x))): a block that is the identity before training (W2 starts at 0)."""

    def __init__(self, width: int, *, dropout: float, activation: str, norm: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()
        self.inner, self.outer = nn.Linear(width, width), Zeros(width, width)
        self.dropout, self.activate = dropout, ACTIVATIONS[activation]

    def forward(self, x: Tensor) -> Tensor:
        """[B, D] to [B, D]."""
        h = self.activate(self.inner(self.norm(x)))
        out: Tensor = x + self.outer(dropout(h, self.dropout, self.training))
        return out


class Zeros(nn.Linear):
    """A linear layer that starts at 0."""

    def reset_parameters(self) -> None:
        """Zeros."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


@SHARINGS.register("hard", source="Caruana 1993, 1997; residual blocks, He et al. 2016")
class HardSharing(Sharing):
    """One multi-layer perceptron that all tasks share.

    The first layer maps the features to ``width``; the ``depth`` - 1 others are residual blocks.

    :param width: hidden units.
    :param depth: layers and blocks; 0 hands the features to the heads as they are.
    :param dropout: share of hidden units dropped in training, after each layer.
    :param norm: layer norm within each layer.
    :param activation: one of ``ACTIVATIONS``.
    :raises ConfigError: the activation is unknown.
    """

    name: ClassVar[str] = "hard"

    def __init__(
        self,
        width_in: int,
        targets: Sequence[str],
        *,
        width: int = 256,
        depth: int = 3,
        dropout: float = 0.5,
        norm: bool = True,
        activation: str = "relu",
    ) -> None:
        super().__init__(width_in, targets)
        if activation not in ACTIVATIONS:
            raise ConfigError(
                "an activation must be one there is",
                found=f"'{activation}'",
                remedy=near(activation, ACTIVATIONS),
            )
        self.width, self.depth, self.dropout = width, depth, dropout
        self.activate = ACTIVATIONS[activation]
        self.first = nn.Linear(width_in, width) if depth else None
        self.norm = nn.LayerNorm(width) if norm and depth else nn.Identity()
        self.blocks = nn.ModuleList(
            Residual(width, dropout=dropout, activation=activation, norm=norm) for _ in range(depth - 1)
        )

    @property
    def out(self) -> int:
        """Width of the representation."""
        return self.width if self.depth else self.width_in

    def forward(self, x: Tensor) -> Mapping[str, Tensor]:
        """The same representation [B, out] for every target."""
        h = x if self.first is None else self._trunk(x, self.first)
        return dict.fromkeys(self.targets, h)

    def _trunk(self, x: Tensor, first: nn.Linear) -> Tensor:
        h = self.activate(self.norm(first(x.to(first.weight.dtype))))
        h = dropout(h, self.dropout, self.training)
        for block in self.blocks:
            h = block(h)
        return dropout(h, self.dropout, self.training) if len(self.blocks) else h
