"""Trunks of sequence stages: recurrent cells or causal convolutions, then a pool over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.encoders.dropout import dropout
from umbel.errors import ConfigError, near
from umbel.sharing.mlp import Dense
from umbel.sharing.options import fraction, whole
from umbel.sharing.trunk import TRUNKS, Trunk, activation_of

__all__ = ["CELLS", "Causal", "Cell", "PoolTime", "Recurrent", "SequenceTrunk"]

Cell = Literal["gru", "tcn"]
"""What the stages are made of: gated recurrent units, or causal convolutions."""

CELLS: tuple[Cell, ...] = get_args(Cell)


class Recurrent(nn.Module):
    """dropout(norm(GRU(x))): a step sees those before it.

    :param width_in: features of a step that come in.
    :param width: features of a step that go out.
    """

    def __init__(self, width_in: int, width: int, *, dropout: float, norm: bool) -> None:
        super().__init__()
        self.cell = nn.GRU(width_in, width, batch_first=True)
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D] to [B, T, width]."""
        x = x.to(next(self.cell.parameters()).dtype)
        if self.training or not torch.is_grad_enabled():
            h, _ = self.cell(x)
        else:  # cuDNN's cell has no gradient outside training
            with torch.backends.cudnn.flags(enabled=False):
                h, _ = self.cell(x)
        return dropout(self.norm(h), self.dropout, self.training)


class Causal(nn.Module):
    """skip(x) + two times dropout(act(norm(K * x))), with convolutions that see no later step.

    :param width_in: features of a step that come in.
    :param width: features of a step that go out; where they differ the skip is linear.
    :param kernel: steps that a convolution sees.
    :param dilation: steps from one of them to the next.
    """

    def __init__(
        self,
        width_in: int,
        width: int,
        *,
        kernel: int,
        dilation: int,
        dropout: float,
        activation: str,
        norm: bool,
    ) -> None:
        super().__init__()
        self.skip = nn.Identity() if width_in == width else nn.Linear(width_in, width)
        self.inner = nn.Conv1d(width_in, width, kernel, dilation=dilation)
        self.outer = nn.Conv1d(width, width, kernel, dilation=dilation)
        self.inner_norm = nn.LayerNorm(width) if norm else nn.Identity()
        self.outer_norm = nn.LayerNorm(width) if norm else nn.Identity()
        self.before = (kernel - 1) * dilation
        self.dropout, self.activate = dropout, activation_of(activation)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D] to [B, T, width]."""
        h = x = x.to(self.inner.weight.dtype)
        for convolve, norm in ((self.inner, self.inner_norm), (self.outer, self.outer_norm)):
            steps = functional.pad(h.transpose(1, 2), (self.before, 0))  # [B, D, T + before]
            h = self.activate(norm(convolve(steps).transpose(1, 2)))
            h = dropout(h, self.dropout, self.training)
        out: Tensor = self.skip(x) + h
        return out


class PoolTime(Dense):
    """A dense layer of the mean over time and the last step."""

    def forward(self, input: Tensor) -> Tensor:
        """[B, T, D] to [B, width]."""
        return super().forward(torch.cat([input.mean(dim=1), input[:, -1]], dim=1))


@TRUNKS.register("sequence", source="GRU, Cho et al. 2014; causal convolutions, Bai et al. 2018")
class SequenceTrunk(Trunk):
    """``depth`` stages over time, then a dense stage of the mean and the last step; rows are [B, T, D].

    There are ``depth`` + 1 stages in all. All steps of a row count, so rows of several lengths are padded
    at their beginning, where the last step is that of the row.

    :param cell: ``gru``, or ``tcn`` for causal convolutions with a dilation of 2 ** stage (Bai et al. norm
        the weights; here it is the activations of each step, as in the other trunks).
    :param kernel: steps that one convolution of ``tcn`` sees.
    :param width: units of each stage.
    :param depth: stages over time, 1 or more.
    :param dropout: share of units dropped in training, after each stage.
    :param norm: layer norm of each step, and within the dense stage.
    :param activation: one of ``ACTIVATIONS``; a GRU keeps its own gates.
    :raises ConfigError: an option has a value it cannot have, or a row is no sequence.

    >>> trunk = SequenceTrunk((7, 5), width=16, depth=1)
    >>> [trunk.axis(k) for k in range(len(trunk))], trunk.out
    ([2, 1], 16)
    """

    name: ClassVar[str] = "sequence"

    def __init__(
        self,
        shape_in: Sequence[int],
        *,
        cell: Cell = "gru",
        kernel: int = 3,
        width: int = 128,
        depth: int = 2,
        dropout: float = 0.2,
        norm: bool = True,
        activation: str = "relu",
    ) -> None:
        super().__init__(shape_in)
        if len(self.shape_in) != 2:
            raise ConfigError(
                "a trunk of 'sequence' takes steps of features",
                found=f"rows of the shape {list(self.shape_in)}",
                remedy="blocks: mlp for vectors, convolution for images",
            )
        if cell not in CELLS:
            raise ConfigError(
                "a trunk of 'sequence' has cells it knows", found=f"cell: {cell}", remedy=near(cell, CELLS)
            )
        activation_of(activation)
        self.cell = cell
        self.kernel = whole(self.name, "kernel", kernel, least=1)
        self.width = whole(self.name, "width", width, least=1)
        self.depth = whole(self.name, "depth", depth, least=1)
        self.dropout = fraction(self.name, "dropout", dropout, below_1=True)
        self.norm, self.activation = norm, activation

    def __len__(self) -> int:
        return self.depth + 1

    def stage(self, number: int) -> nn.Module:
        """See :class:`Trunk`."""
        before = self.width if number else self.shape_in[1]
        if number == self.depth:
            return PoolTime(
                2 * self.width,
                self.width,
                dropout=self.dropout,
                activation=self.activation,
                norm=self.norm,
            )
        if self.cell == "gru":
            return Recurrent(before, self.width, dropout=self.dropout, norm=self.norm)
        return Causal(
            before,
            self.width,
            kernel=self.kernel,
            dilation=2**number,
            dropout=self.dropout,
            activation=self.activation,
            norm=self.norm,
        )

    def channels(self, number: int) -> int:
        """See :class:`Trunk`."""
        return self.width

    def axis(self, number: int) -> int:
        """See :class:`Trunk`."""
        return 1 if number == self.depth else 2
