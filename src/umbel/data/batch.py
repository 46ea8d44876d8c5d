"""One batch, the same for all families."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

__all__ = ["Batch", "Input", "Masked", "Padded", "Ragged"]


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


@dataclass(frozen=True)
class Masked:
    """Rows of equal shape of which some lack a value.

    :param values: [B, K, ...] for K columns of one modality; what stands where a value is lacking is
        ignored.
    :param present: [B, K] bool.
    """

    values: Tensor
    present: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Tensor) -> Masked:
        """Some of the rows, in the order given ([B'] long)."""
        return Masked(self.values[rows], self.present[rows])

    def to(self, device: torch.device | str) -> Masked:
        """The same on a device."""
        return Masked(self.values.to(device), self.present.to(device))


@dataclass(frozen=True)
class Padded:
    """Rows of unequal length, filled up to the longest.

    :param values: [B, K, T, ...] for K columns of one modality; what stands behind a row's length is
        ignored.
    :param lengths: [B, K] long, from 0 to T; 0 where the value is lacking.
    """

    values: Tensor
    lengths: Tensor

    def __len__(self) -> int:
        return len(self.values)

    @property
    def present(self) -> Tensor:
        """[B, K] bool."""
        return self.lengths > 0

    def take(self, rows: Tensor) -> Padded:
        """Some of the rows, in the order given ([B'] long), cut to the longest of them."""
        lengths = self.lengths[rows]
        longest = max(int(lengths.max()), 1) if lengths.numel() else 1
        return Padded(self.values[:, :, :longest][rows], lengths)

    def to(self, device: torch.device | str) -> Padded:
        """The same on a device."""
        return Padded(self.values.to(device), self.lengths.to(device))


Input = Tensor | Ragged | Masked | Padded


@dataclass(frozen=True)
class Batch:
    """What a model sees and what is known of the answers, for B rows of one source.

    :param inputs: by encoder, ``[B, ...]``, ragged, masked or padded.
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
            {k: v[rows] if isinstance(v, Tensor) else v.take(rows) for k, v in self.inputs.items()},
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
