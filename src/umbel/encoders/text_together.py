"""Several encoders of the same texts, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd
import torch
from torch import Tensor, nn

from umbel.data.batch import Input, Masked
from umbel.data.schema import Column
from umbel.encoders.by_type import encoder_of
from umbel.encoders.encoder import ENCODERS, Encoder
from umbel.encoders.fusion import concatenate
from umbel.encoders.texts import TextEncoder
from umbel.errors import ConfigError

__all__ = ["Several", "TextTogether"]


@dataclass(frozen=True)
class Several(Masked):
    """The inputs of several encoders for the same rows.

    :param values: the row's number, [B, 1]; the encoders do not look at it.
    :param present: whether there is a text, [B, 1] bool.
    :param parts: of B rows each.
    """

    parts: tuple[Input, ...]

    def take(self, rows: Tensor) -> Several:
        """Some of the rows, in the order given ([B'] long)."""
        parts = tuple(part[rows] if isinstance(part, Tensor) else part.take(rows) for part in self.parts)
        return Several(self.values[rows], self.present[rows], parts)

    def to(self, device: torch.device | str) -> Several:
        """The same on a device."""
        parts = tuple(part.to(device) for part in self.parts)
        return Several(self.values.to(device), self.present.to(device), parts)


@ENCODERS.register("text_together", source="wide part beside learned features, Cheng et al. 2016")
class TextTogether(TextEncoder):
    """Several encoders of all text columns, side by side: say TF-IDF and a sentence encoder.

    Features and linear view are those of all of them, one after the other.

    :param parts: options by name of the encoder, e.g. ``{"tfidf": {"width": 8}, "sentence": {}}``.
    :raises ConfigError: there is no part, or one is unknown, reads no text, or does not know its options.
    """

    name: ClassVar[str] = "text_together"

    def __init__(
        self, columns: Sequence[Column], *, parts: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        super().__init__(columns)
        chosen = {"text": {}, "tfidf": {}} if parts is None else parts
        known = isinstance(chosen, Mapping) and all(isinstance(o, Mapping) for o in chosen.values())
        if not known or not chosen or self.name in chosen:
            raise ConfigError(
                "'parts' of the encoder 'text_together' are options by name of other text encoders",
                found=repr(parts),
                remedy="parts: {tfidf: {}, text: {}}",
            )
        self.parts = nn.ModuleDict(
            {
                name: encoder_of("text", list(columns), {**options, "encoder": name})
                for name, options in chosen.items()
            }
        )

    def each(self) -> list[tuple[str, Encoder]]:
        """Name and encoder of each part, in order."""
        return [(name, part) for name, part in self.parts.items() if isinstance(part, Encoder)]

    def fit(self, frame: pd.DataFrame) -> None:
        """Fit every part."""
        for _, part in self.each():
            part.fit(frame)

    def transform(self, frame: pd.DataFrame) -> Several:
        """The input of every part."""
        present = torch.from_numpy(~self.lacks(frame))[:, None]
        parts = tuple(part.transform(frame) for _, part in self.each())
        return Several(torch.arange(len(frame))[:, None], present, parts)

    def build(self) -> None:
        """Make the parameters of every part."""
        for _, part in self.each():
            part.build()

    @property
    def out(self) -> int:
        """Features, D."""
        return sum(part.out for _, part in self.each())

    @property
    def wide(self) -> int:
        """Columns of all linear views, W."""
        return sum(part.wide for _, part in self.each())

    def forward(self, x: Several) -> Tensor:
        """Features [B, D]."""
        return concatenate([part(own) for (_, part), own in zip(self.each(), x.parts, strict=True)])

    def linear(self, x: Several, weight: Tensor) -> Tensor:
        """All linear views [B, W] times [W, K]."""
        blocks = torch.split(weight, [part.wide for _, part in self.each()])
        found = weight.new_zeros(len(x), weight.shape[1])
        for (_, part), own, block in zip(self.each(), x.parts, blocks, strict=True):
            found = found + part.linear(own, block)
        return found

    def present(self, x: Several) -> Tensor:
        """Rows in which any column has a text, [B] bool."""
        return x.present.any(dim=1)

    def state(self) -> dict[str, Any]:
        """What each part learned."""
        return {name: part.state() for name, part in self.each()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        for name, part in self.each():
            part.restore(state[name])
