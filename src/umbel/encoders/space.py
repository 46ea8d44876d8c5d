"""The feature space: a schema's columns through one encoder per type, fused to one representation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from umbel.data.batch import Input
from umbel.data.cells import rows_named
from umbel.data.schema import COLUMN_TYPES, MEDIA_TYPES, Schema
from umbel.encoders.by_type import ENCODER_OF, encoder_of
from umbel.encoders.encoder import Encoder
from umbel.encoders.fusion import concatenate, make_fusion
from umbel.encoders.media import Absent
from umbel.errors import DataError

__all__ = ["FeatureSpace"]

_SIDE = "side."


class FeatureSpace(nn.Module):
    """One door per column type, one common space behind them.

    A row may lack a modality (all its cells of that type are missing) where the modality is an image, a
    sound or a series, where modalities are dropped in training, or where they are fused by more than
    concatenation: a learned stand-in takes its place then. Else a missing cell is a value like others.

    :param schema: the input columns; those of the side enter at the heads, see :meth:`side_features`.
    :param options: keyword options by encoder name, e.g. ``{"names": {"width": 16}}``; ``encoder`` among
        them puts another registered encoder of the same column type in its place.
    :param fusion: how the modalities become one representation, by name.
    :param fusion_options: its keyword options.
    :param modality_dropout: in training each modality of a row is dropped with this probability (never all
        of them), in [0, 1).
    :raises DataError: there are no input columns below the heads.
    :raises ConfigError: an encoder or the fusion is unknown, or does not know one of its options.

    Source: modality dropout, Neverova et al. 2016 ("ModDrop").
    """

    def __init__(
        self,
        schema: Schema,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        fusion: str = "concat",
        fusion_options: Mapping[str, Any] | None = None,
        modality_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        below, side = schema.split()
        if not below.columns:
            raise DataError("a net needs at least one input column", remedy="name some inputs")
        self.schema = schema
        self.fusion_name, self.fusion_options = fusion, dict(fusion_options or {})
        self.modality_dropout = modality_dropout
        self.encoders = _encoders(below, options or {})
        # numbers and one-hot levels: a side input has no parameters that several heads would share
        self.sides = _encoders(side, {"categories": {"width": 0}})
        self.masked = (
            fusion != "concat" or modality_dropout > 0 or any(schema.of(kind) for kind in MEDIA_TYPES)
        )
        self.lacking: dict[str, bool] = {}
        """By modality, whether a training row lacked it."""
        self.without: frozenset[str] = frozenset()

    def each(self) -> list[tuple[str, Encoder]]:
        """Name and encoder of each modality, in order."""
        return [(name, encoder) for name, encoder in self.encoders.items() if isinstance(encoder, Encoder)]

    def _all(self) -> list[tuple[str, Encoder]]:
        """Those at the heads too."""
        side = [
            (_SIDE + name, encoder) for name, encoder in self.sides.items() if isinstance(encoder, Encoder)
        ]
        return self.each() + side

    def fit(self, frame: pd.DataFrame) -> FeatureSpace:
        """Fit every encoder on the training rows (a frame with the schema's columns)."""
        for _, encoder in self._all():
            encoder.fit(frame)
        if self.masked:
            self.lacking = {name: bool(encoder.lacks(frame).any()) for name, encoder in self.each()}
        return self

    def transform(self, frame: pd.DataFrame) -> dict[str, Input]:
        """The inputs of a batch, by encoder, for any rows.

        :raises DataError: a row lacks a modality that no training row lacked and none was made to lack.
        """
        if not self.modality_dropout and len(self.encoders) > 1:
            for name, encoder in self.each():
                if not self.lacking.get(name, True) and (bare := np.flatnonzero(encoder.lacks(frame))).size:
                    rows = rows_named(frame.index[bare])
                    raise DataError(
                        "a row may lack a modality only where training rows lacked it too",
                        found=f"'{name}' ({', '.join(c.name for c in encoder.columns)}): {rows}",
                        remedy="fill the cells, leave the rows out, or train with modality_dropout: 0.2",
                    )
        return {name: encoder.transform(frame) for name, encoder in self._all()}

    def build(self) -> FeatureSpace:
        """Make the parameters of every encoder and of the fusion, once they are fitted."""
        for _, encoder in self._all():
            encoder.build()
        widths = {name: encoder.out for name, encoder in self.each()}
        self.fusion = make_fusion(self.fusion_name, widths, self.fusion_options)
        self.absent = nn.ModuleDict({name: Absent(w) for name, w in widths.items()} if self.masked else {})
        return self

    @property
    def out(self) -> int:
        """Features of the representation, D."""
        return self.fusion.out

    @property
    def side(self) -> int:
        """Numbers that join every head."""
        return sum(e.out for e in self.sides.values() if isinstance(e, Encoder))

    @contextmanager
    def lack(self, *names: str) -> Iterator[None]:
        """Within it every row lacks some of the modalities, as if their cells were missing."""
        before, self.without = self.without, frozenset(names)
        try:
            yield
        finally:
            self.without = before

    def forward(self, inputs: Mapping[str, Input]) -> Tensor:
        """The representation [B, D]."""
        if not self.masked:
            return concatenate([encoder(inputs[name]) for name, encoder in self.each()])
        present = self.present(inputs)
        if self.training and self.modality_dropout:
            present = _drop(present, self.modality_dropout)
        parts = []
        for m, (name, encoder) in enumerate(self.each()):
            there = present[:, m]
            absent = self.absent[name]
            if len(there) and not bool(there.any()):  # a batch of a table without this modality
                features = torch.zeros(len(there), encoder.out, device=there.device)
            else:
                features = encoder(inputs[name])
            parts.append(absent(features, there))
        fused: Tensor = self.fusion(parts, present)
        return fused

    def present(self, inputs: Mapping[str, Input]) -> Tensor:
        """Which rows have which modality, [B, M] bool."""
        found = []
        for name, encoder in self.each():
            x = inputs[name]
            there = encoder.present(x)
            if there is None:
                device = x.device if isinstance(x, Tensor) else None
                there = torch.ones(len(x), dtype=torch.bool, device=device)
            found.append(torch.zeros_like(there) if name in self.without else there)
        return torch.stack(found, dim=1)

    def shares(self, inputs: Mapping[str, Input]) -> dict[str, float]:
        """What the fusion takes from each modality, mean over the rows; empty where it does not weigh."""
        weigh = getattr(self.fusion, "shares", None)
        if weigh is None:
            return {}
        present = self.present(inputs)
        parts = [
            self.absent[name](encoder(inputs[name]), present[:, m])
            for m, (name, encoder) in enumerate(self.each())
        ]
        mean = weigh(parts, present).mean(dim=0).tolist()
        return dict(zip(self.fusion.widths, mean, strict=True))

    def side_features(self, inputs: Mapping[str, Input]) -> Tensor | None:
        """What joins every head, [B, side]; None where no column does."""
        parts = [encoder(inputs[_SIDE + name]) for name, encoder in self.sides.items()]
        return concatenate(parts) if parts else None

    def state(self) -> dict[str, Any]:
        """What the encoders learned of the training rows: JSON values and numpy arrays."""
        found: dict[str, Any] = {name: encoder.state() for name, encoder in self._all()}
        return {**found, "lacking": self.lacking} if self.lacking else found

    def restore(self, state: Mapping[str, Any]) -> FeatureSpace:
        """Take back what :meth:`state` gave."""
        for name, encoder in self._all():
            encoder.restore(state[name])
        self.lacking = dict(state.get("lacking", {}))
        return self


def _encoders(schema: Schema, options: Mapping[str, Mapping[str, Any]]) -> nn.ModuleDict:
    """One encoder per type of column that the schema has."""
    found = nn.ModuleDict()
    for column_type in COLUMN_TYPES:
        columns = schema.of(column_type)  # type: ignore[arg-type]  # get_args gives plain strings
        if columns:
            name = ENCODER_OF[columns[0].type]
            found[name] = encoder_of(columns[0].type, columns, options.get(name))
    return found


def _drop(present: Tensor, share: float) -> Tensor:
    """Which modalities are left, [B, M]: each is dropped by chance, but a row never loses all of them."""
    kept = present & (torch.rand(present.shape, device=present.device) >= share)
    return torch.where(kept.any(dim=1, keepdim=True), kept, present)
