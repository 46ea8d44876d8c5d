"""Number columns: standardised, with a sign where one is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from umbel.data.cells import as_number
from umbel.data.schema import Column, ColumnType
from umbel.encoders.encoder import ENCODERS, Encoder

__all__ = ["Numbers", "ranks_of", "read_numbers"]


def read_numbers(column: pd.Series) -> NDArray[np.float64]:
    """Cells [B], NaN where missing; a copy."""
    return np.array(as_number(column).to_numpy(dtype=np.float64, na_value=np.nan))


def ranks_of(x: NDArray[np.float64], knots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the sorted knots below each number [B], those equal to it counted half.

    >>> ranks_of(np.array([0.0, 1.0, 3.0]), np.array([1.0, 1.0, 2.0, 3.0]))
    array([0.   , 0.25 , 0.875])
    """
    within = np.searchsorted(knots, x, side="right")
    # the search is what costs: how many are strictly below is looked up at the last knot within
    last = np.maximum(within, 1) - 1
    below = np.where(knots[last] == x, np.searchsorted(knots, knots)[last], within)
    return np.asarray((below + within) / (2.0 * len(knots)))


@ENCODERS.register("numbers", source="standard scores with missing indicators, Little & Rubin 1987, ch. 3")
class Numbers(Encoder):
    """All number columns at once: standard scores, missing indicators, and ranks where asked for.

    A missing cell is the training mean and sets the indicator of its column (where training had a
    missing cell). The features are the linear view itself: the encoder has no parameters.

    :param clip: standard scores are held within plus and minus this; None leaves them be.
    :param ranks: also the share of training rows below the cell, standardised: it makes a skewed column
        even.
    """

    name: ClassVar[str] = "numbers"
    reads: ClassVar[ColumnType] = "number"

    def __init__(self, columns: Sequence[Column], *, clip: float | None = None, ranks: bool = False) -> None:
        super().__init__(columns)
        self.clip, self.ranks = clip, ranks
        self.fills = np.zeros(len(self.columns))
        self.missing = np.zeros(len(self.columns), dtype=bool)
        self.knots = np.zeros((len(self.columns), 0))
        self.loc = np.zeros(0)
        self.scale = np.ones(0)

    def fit(self, frame: pd.DataFrame) -> None:
        """Learn the means, and where cells are missing."""
        levels = np.linspace(0, 1, 257)
        knots = []
        for j, column in enumerate(self.columns):
            x = read_numbers(frame[column.name])
            known = x[~np.isnan(x)]
            self.fills[j] = known.mean() if len(known) else 0.0
            self.missing[j] = 0 < len(known) < len(x)
            if self.ranks:
                knots.append(np.quantile(known, levels) if len(known) else np.zeros(len(levels)))
        self.knots = np.stack(knots) if knots else np.zeros((len(self.columns), 0))
        self.loc, self.scale = np.zeros(self.wide), np.ones(self.wide)
        loc, scale = np.zeros(self.wide), np.ones(self.wide)
        for k, x in enumerate(self._raw(frame)):
            spread = x.std()
            # a constant column (up to rounding) stays at 0 and is never divided by next to nothing
            flat = spread <= 1e-12 * float(np.abs(x).max(initial=0.0))
            loc[k], scale[k] = x.mean() if len(x) else 0.0, 1.0 if flat else spread
        self.loc, self.scale = loc, scale

    def _raw(self, frame: pd.DataFrame) -> Any:
        """Features one by one before standardisation: value, then rank, then indicator of each column."""
        for j, column in enumerate(self.columns):
            x = read_numbers(frame[column.name])
            empty = np.isnan(x)
            x[empty] = self.fills[j]
            yield x
            if self.ranks:
                yield ranks_of(x, self.knots[j])
            if self.missing[j]:
                yield empty.astype(np.float64)

    def transform(self, frame: pd.DataFrame) -> Tensor:
        """Standard scores [B, D], float32 (one column at a time: no second copy of a large table)."""
        features = np.empty((len(frame), self.wide), dtype=np.float32)
        for k, x in enumerate(self._raw(frame)):
            score = (x - self.loc[k]) / self.scale[k]  # never in place: ranks are taken from x after it
            features[:, k] = score if self.clip is None else np.clip(score, -self.clip, self.clip)
        return torch.from_numpy(features)

    def build(self) -> None:
        """There are no parameters."""

    @property
    def out(self) -> int:
        """Features, D."""
        return self.wide

    @property
    def wide(self) -> int:
        """Columns of the linear view, W."""
        return len(self.columns) * (2 if self.ranks else 1) + int(self.missing.sum())

    def forward(self, x: Tensor) -> Tensor:
        """Features [B, D]."""
        return x

    def linear(self, x: Tensor, weight: Tensor) -> Tensor:
        """[B, D] times [D, K]."""
        return x.to(weight.dtype) @ weight

    def state(self) -> dict[str, Any]:
        """Means and scales."""
        keys = ("fills", "missing", "knots", "loc", "scale")
        return {key: getattr(self, key) for key in keys}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take means and scales back."""
        self.fills, self.missing = np.asarray(state["fills"]), np.asarray(state["missing"], dtype=bool)
        self.knots, self.loc = np.asarray(state["knots"]), np.asarray(state["loc"])
        self.scale = np.asarray(state["scale"])
