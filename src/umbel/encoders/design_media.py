"""A block of a design matrix for dates, images, sounds or series: the plain view of their encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.schema import Column, ColumnType, Schema
from umbel.encoders.by_type import encoder_of
from umbel.encoders.dates import Dates
from umbel.encoders.media import MediaEncoder

__all__ = ["MediaBlock"]


class MediaBlock:
    """All columns of one such type, as plain standardised numbers.

    :param kind: the type of the columns.
    :param columns: at least one.
    """

    def __init__(self, kind: ColumnType, columns: Sequence[Column]) -> None:
        self.kind, self.columns = kind, list(columns)
        made = encoder_of(kind, self.columns)
        self.encoder = cast(MediaEncoder | Dates, made)

    def fit(self, frame: pd.DataFrame) -> MediaBlock:
        """Fit the encoder's first half."""
        self.encoder.fit(frame)
        return self

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Columns [B, W]."""
        return np.asarray(self.encoder.plain(self.encoder.transform(frame)).numpy(), dtype=np.float64)

    @property
    def names(self) -> list[str]:
        """Names of the W features."""
        return self.encoder.plain_names

    def state(self) -> dict[str, Any]:
        """All of it as JSON and arrays."""
        return {
            "type": "media",
            "kind": self.kind,
            "columns": Schema(tuple(self.columns)).state,
            "fitted": self.encoder.state(),
        }

    @staticmethod
    def from_state(state: dict[str, Any]) -> MediaBlock:
        """The block that :meth:`state` tells of."""
        block = MediaBlock(state["kind"], Schema.from_state(state["columns"]).columns)
        block.encoder.restore(state["fitted"])
        return block
