"""One batch, the same for all families."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

__all__ = ["Batch", "Input", "Ragged"]


@dataclass(frozen=True)
class Ragged:
    """Rows of unequal length: the values of all rows in a line, and where each row starts.

    :param values: [total] long.
    :param offsets: [B + 1] long, from 0 to total.
    """

    values: Tensor
    offsets: Tensor

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, rows: Tensor) -> Ragged:
        """Some of the rows, in the order given ([B'] long)."""
        starts, lengths = self.offsets[rows], self.offsets[rows + 1] - self.offsets[rows]
        offsets = torch.zeros(len(rows) + 1, dtype=torch.long, device=self.offsets.device)
        torch.cumsum(lengths, 0, out=offsets[1:])
        # position of each value in the source: its row's start plus its place within the row
        shift = torch.repeat_interleave(starts - offsets[:-1], lengths)
        places = torch.arange(len(shift), device=offsets.device) + shift
        return Ragged(self.values[places], offsets)

    def to(self, device: torch.device | str) -> Ragged:
        """The same on a device."""
        return Ragged(self.values.to(device), self.offsets.to(device))


Input = Tensor | Ragged


@dataclass(frozen=True)
class Batch:
    """What a model sees and what is known of the answers, for B rows of one source.

    :param inputs: by encoder, ``[B, ...]`` or ragged.
    :param targets: by target column, [B] or [B, L] or [B, C].
    :param weights: by target column, the shape of its loss: 0 is unlabelled or padding, 1 is labelled,
        any real number is an importance.
    :param side: side inputs; ``side["group"]`` is the task group of each row, [B] long (rows layout).
    :param rows: numbers of the rows in their source, [B] long.
    """

    inputs: Mapping[str, Input]
    targets: Mapping[str, Tensor]
    weights: Mapping[str, Tensor]
    rows: Tensor
    side: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: Tensor) -> Batch:
        """Some of the rows ([B'] long positions within this batch)."""
        return Batch(
            {k: v.take(rows) if isinstance(v, Ragged) else v[rows] for k, v in self.inputs.items()},
            {k: v[rows] for k, v in self.targets.items()},
            {k: v[rows] for k, v in self.weights.items()},
            self.rows[rows],
            {k: v[rows] for k, v in self.side.items()},
        )

    def to(self, device: torch.device | str) -> Batch:
        """The same on a device."""
        return Batch(
            {k: v.to(device) for k, v in self.inputs.items()},
            {k: v.to(device) for k, v in self.targets.items()},
            {k: v.to(device) for k, v in self.weights.items()},
            self.rows.to(device),
            {k: v.to(device) for k, v in self.side.items()},
        )
