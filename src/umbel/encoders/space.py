"""The feature space: a schema's columns through one encoder per type, and side by side."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pandas as pd
from torch import Tensor, nn

from umbel.data.batch import Input
from umbel.data.schema import Schema
from umbel.encoders.encoder import ENCODERS, Encoder
from umbel.encoders.fusion import concatenate
from umbel.errors import ConfigError, DataError, near

__all__ = ["FeatureSpace"]

_BY_TYPE = {"number": "numbers", "category": "categories", "set": "names", "text": "text"}


class FeatureSpace(nn.Module):
    """One door per column type, one common space behind them.

    :param schema: the input columns.
    :param options: keyword options by encoder name, e.g. ``{"names": {"width": 16}}``; ``encoder`` among
        them puts another registered encoder of the same column type in its place.
    :raises DataError: there are no input columns.
    :raises ConfigError: an encoder is unknown, or does not know one of its options.
    """

    def __init__(self, schema: Schema, options: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        super().__init__()
        if not schema.columns:
            raise DataError("a net needs at least one input column", remedy="name some inputs")
        self.schema = schema
        self.encoders = nn.ModuleDict()
        for column_type, default in _BY_TYPE.items():
            columns = schema.of(column_type)  # type: ignore[arg-type]
            chosen = dict((options or {}).get(default, {}))
            if columns:
                encoder = ENCODERS.get(chosen.pop("encoder", default))
                try:
                    self.encoders[default] = encoder(columns, **chosen)
                except TypeError as error:
                    raise ConfigError(
                        f"the options of the encoder '{default}' must be ones it knows",
                        found=str(error),
                        remedy=near(str(error).split("'")[-2], inspect.signature(encoder).parameters)
                        if "'" in str(error)
                        else "see its docs",
                    ) from None

    def each(self) -> list[tuple[str, Encoder]]:
        """Name and encoder, in order."""
        return [(name, encoder) for name, encoder in self.encoders.items() if isinstance(encoder, Encoder)]

    def fit(self, frame: pd.DataFrame) -> FeatureSpace:
        """Fit every encoder on the training rows (a frame with the schema's columns)."""
        for _, encoder in self.each():
            encoder.fit(frame)
        return self

    def transform(self, frame: pd.DataFrame) -> dict[str, Input]:
        """The inputs of a batch, by encoder, for any rows."""
        return {name: encoder.transform(frame) for name, encoder in self.each()}

    def build(self) -> FeatureSpace:
        """Make the parameters of every encoder, once they are fitted."""
        for _, encoder in self.each():
            encoder.build()
        return self

    @property
    def out(self) -> int:
        """Features of all encoders, D."""
        return sum(encoder.out for _, encoder in self.each())

    def forward(self, inputs: Mapping[str, Input]) -> Tensor:
        """Features of all encoders [B, D]."""
        return concatenate([encoder(inputs[name]) for name, encoder in self.each()])

    def state(self) -> dict[str, Any]:
        """What the encoders learned of the training rows: JSON values and numpy arrays."""
        return {name: encoder.state() for name, encoder in self.each()}

    def restore(self, state: Mapping[str, Any]) -> FeatureSpace:
        """Take back what :meth:`state` gave."""
        for name, encoder in self.each():
            encoder.restore(state[name])
        return self
