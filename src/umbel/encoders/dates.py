"""Dates: how long ago, and where in the year, the week and the day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from umbel.data.schema import Column, ColumnType
from umbel.encoders.encoder import ENCODERS, Encoder

__all__ = ["PARTS", "Dates", "calendar"]

PARTS = (
    "time",
    "sin year",
    "cos year",
    *(f"weekday {day}" for day in range(7)),
    "sin day",
    "cos day",
    "missing",
)
"""What each date column becomes."""
_YEAR, _DAY = slice(1, 3), slice(10, 12)


def calendar(days: NDArray[np.float64]) -> NDArray[np.float64]:
    """Days since 1970 as calendar numbers [B, 4]: days, day of the year, weekday (Monday is 0), hour.

    NaN where missing.

    >>> calendar(np.array([0.75, np.nan]))
    array([[ 0.75,  1.  ,  3.  , 18.  ],
           [  nan,   nan,   nan,   nan]])
    """
    known = ~np.isnan(days)
    found = np.full((len(days), 4), np.nan)
    whole = np.floor(days[known]).astype(np.int64)
    dates = whole.astype("datetime64[D]")
    first = dates.astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    found[known] = np.stack(
        [days[known], whole - first + 1, (whole + 3) % 7, (days[known] - whole) * 24], axis=1
    )
    return found


@ENCODERS.register(
    "dates", source="cyclic encoding of periods, London 2016; entity embeddings, Guo & Berkhahn 2016"
)
class Dates(Encoder):
    """All date columns at once: the standardised time, the season, the weekday and the hour.

    The day of the year and the hour are a sine and a cosine, so that the last is near to the first; the hour
    says nothing (0) where no training cell has a time of day. A missing cell is 0 in all of these, and has a
    number of its own. The features are the linear view: there are no parameters.
    """

    name: ClassVar[str] = "dates"
    reads: ClassVar[ColumnType] = "date"

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__(columns)
        count = len(self.columns)
        self.loc, self.scale = np.zeros(count), np.ones(count)
        self.timed = np.zeros(count, dtype=bool)

    def fit(self, frame: pd.DataFrame) -> None:
        """Learn the mean time, its spread, and which columns have a time of day."""
        for j, column in enumerate(self.columns):
            days = _days(frame[column.name])
            known = days[~np.isnan(days)]
            spread = float(known.std()) if len(known) else 0.0
            self.loc[j] = known.mean() if len(known) else 0.0
            self.scale[j] = spread if spread > 1e-9 else 1.0
            self.timed[j] = bool((known != np.floor(known)).any())

    def transform(self, frame: pd.DataFrame) -> Tensor:
        """Features [B, D], float32."""
        found = np.zeros((len(frame), len(self.columns), len(PARTS)))
        for j, column in enumerate(self.columns):
            numbers = calendar(_days(frame[column.name]))
            known = ~np.isnan(numbers[:, 0])
            days, season, weekday, hour = numbers[known].T
            part = np.zeros((int(known.sum()), len(PARTS)))
            part[:, 0] = (days - self.loc[j]) / self.scale[j]
            part[:, _YEAR] = _circle((season - 1) / 365.25)
            part[np.arange(len(part)), 3 + weekday.astype(int)] = 1.0
            part[:, _DAY] = _circle(hour / 24) if self.timed[j] else 0.0
            found[known, j] = part
            found[~known, j, -1] = 1.0
        return torch.from_numpy(found.reshape(len(frame), self.out).astype(np.float32))

    def build(self) -> None:
        """There are no parameters."""

    @property
    def plain_names(self) -> list[str]:
        """What the features are called, [D]."""
        return [f"{column.name} {part}" for column in self.columns for part in PARTS]

    def plain(self, x: Any) -> Tensor:
        """The features: they are plain numbers."""
        features: Tensor = x
        return features

    @property
    def out(self) -> int:
        """Features, D."""
        return len(self.columns) * len(PARTS)

    @property
    def wide(self) -> int:
        """Columns of the linear view, W."""
        return self.out

    def forward(self, x: Tensor) -> Tensor:
        """Features [B, D]."""
        return x

    def linear(self, x: Tensor, weight: Tensor) -> Tensor:
        """[B, D] times [D, K]."""
        return x.to(weight.dtype) @ weight

    def state(self) -> dict[str, Any]:
        """Mean time, its spread, and which columns have a time of day."""
        return {"loc": self.loc, "scale": self.scale, "timed": self.timed}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take them back."""
        self.loc, self.scale = np.asarray(state["loc"]), np.asarray(state["scale"])
        self.timed = np.asarray(state["timed"], dtype=bool)


def _days(column: pd.Series) -> NDArray[np.float64]:
    """Days since 1970 [B], NaN where missing."""
    return np.array(pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan))


def _circle(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sine and cosine of shares of a turn, [B, 2]."""
    return np.stack([np.sin(2 * np.pi * share), np.cos(2 * np.pi * share)], axis=1)
