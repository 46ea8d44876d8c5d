"""Blocks of a design matrix for numbers and categories, fitted on training rows, rebuilt from JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from umbel.errors import DataError

__all__ = ["CategoryBlock", "NumberBlock", "levels_of"]

Array = NDArray[np.float64]


def levels_of(column: pd.Series) -> tuple[NDArray[np.int64], list[str]]:
    """Cells of a category column as level numbers and level names; a missing cell is the level ``""``.

    >>> levels_of(pd.Series([2.0, None, 3.0]))
    (array([0, 2, 1]), ['2', '3', ''])
    """
    codes, values = pd.factorize(column, use_na_sentinel=True)
    levels = [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in values.tolist()]
    return np.where(codes < 0, len(levels), codes).astype(np.int64), [*levels, ""]


class NumberBlock:
    """All number columns: standardised, a missing cell is the mean and has an indicator of its own.

    With ``knots`` > 0 a column with enough distinct values also gets a linear spline:
    max(x - knot, 0) at its training quantiles. Values outside the training range are clipped to it,
    so that no spline runs away.

    :param columns: names of the columns.
    :param knots: inner knots of the spline.
    """

    def __init__(self, columns: Sequence[str], *, knots: int = 0) -> None:
        self.columns, self.knots = list(columns), knots
        self.fills: list[float] = []
        self.ranges: list[list[float]] = []
        self.places: list[list[float]] = []
        self.indicated: list[bool] = []
        self.location: Array = np.zeros(0)
        self.scale: Array = np.ones(0)

    def fit(self, frame: pd.DataFrame) -> NumberBlock:
        """Learn means, ranges and knots."""
        for name in self.columns:
            x = _numbers(frame[name])
            known = x[np.isfinite(x)]
            empty = len(known) == 0
            self.fills.append(0.0 if empty else float(known.mean()))
            edge = 0.001 if len(known) >= 1000 else 0.0
            ends = [0.0, 0.0] if empty else [float(q) for q in np.quantile(known, [edge, 1 - edge])]
            if ends[0] == ends[1] and not empty:  # nearly constant: keep the few other values
                ends = [float(known.min()), float(known.max())]
            self.ranges.append(ends)
            inner = np.zeros(0)
            if self.knots and not empty:
                inner = np.unique(np.quantile(known, np.linspace(0, 1, self.knots + 2)[1:-1]))
                inner = inner[(inner > ends[0]) & (inner < ends[1])]
            self.places.append([float(k) for k in inner])
            self.indicated.append(bool(len(known) < len(x)) and not empty)
        raw = self._expand(frame)
        self.location = raw.mean(axis=0)
        spread = raw.std(axis=0)
        # constant up to rounding, whatever the units
        self.scale = np.where(spread > 1e-12 * np.abs(raw).max(axis=0), spread, 1.0)
        return self

    def transform(self, frame: pd.DataFrame) -> Array:
        """Columns [B, D]."""
        raw = self._expand(frame)
        raw -= self.location
        raw /= self.scale
        return raw

    def _expand(self, frame: pd.DataFrame) -> Array:
        out = np.empty((len(frame), len(self.names)))
        at = 0
        for j, name in enumerate(self.columns):
            x = _numbers(frame[name])
            missing = ~np.isfinite(x)
            x = np.clip(np.where(missing, self.fills[j], x), self.ranges[j][0], self.ranges[j][1])
            out[:, at] = x
            at += 1
            for knot in self.places[j]:
                np.maximum(x - knot, 0.0, out=out[:, at])
                at += 1
            if self.indicated[j]:
                out[:, at] = missing
                at += 1
        return out

    @property
    def names(self) -> list[str]:
        """Names of the D features."""
        found: list[str] = []
        for name, places, indicated in zip(self.columns, self.places, self.indicated, strict=True):
            found.append(name)
            found += [f"{name} > {knot:.6g}" for knot in places]
            found += [f"{name} missing"] if indicated else []
        return found

    def state(self) -> dict[str, Any]:
        """All of it as JSON and arrays."""
        return {
            "type": "number",
            "columns": self.columns,
            "knots": self.knots,
            "fills": self.fills,
            "ranges": self.ranges,
            "places": self.places,
            "indicated": self.indicated,
            "location": self.location,
            "scale": self.scale,
        }

    @staticmethod
    def from_state(state: dict[str, Any]) -> NumberBlock:
        """The block that :meth:`state` tells of."""
        block = NumberBlock(state["columns"], knots=state["knots"])
        block.fills, block.ranges = list(state["fills"]), [list(r) for r in state["ranges"]]
        block.places, block.indicated = [list(p) for p in state["places"]], list(state["indicated"])
        block.location, block.scale = np.asarray(state["location"]), np.asarray(state["scale"])
        return block


def _numbers(column: pd.Series) -> Array:
    try:
        return np.asarray(pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise DataError(
            "a number column must hold numbers",
            found=f"column '{column.name}': {error}",
            remedy="correct the cell, or call the column a category in the problem",
        ) from error


class CategoryBlock:
    """One category column, one-hot; rare and never seen levels share one bucket.

    :param column: its name.
    :param least: a level needs so many training rows for a feature of its own.
    """

    def __init__(self, column: str, *, least: int = 3) -> None:
        self.column, self.least = column, least
        self.levels: list[str] = []

    def fit(self, frame: pd.DataFrame) -> CategoryBlock:
        """Learn the levels."""
        codes, levels = levels_of(frame[self.column])
        counts = np.bincount(codes, minlength=len(levels))
        self.levels = sorted(level for level, n in zip(levels, counts, strict=True) if n >= self.least)
        return self

    def transform(self, frame: pd.DataFrame) -> sparse.csr_matrix:
        """One-hot columns [B, levels + 1]; the last one is the bucket of all other levels."""
        index = {level: i for i, level in enumerate(self.levels)}
        codes, levels = levels_of(frame[self.column])
        place = np.array([index.get(level, len(self.levels)) for level in levels], dtype=np.int32)[codes]
        shape = (len(codes), len(self.levels) + 1)
        return sparse.csr_matrix((np.ones(len(codes)), place, np.arange(len(codes) + 1)), shape=shape)

    @property
    def names(self) -> list[str]:
        """Names of the D features."""
        return [f"{self.column} = {level or 'missing'}" for level in self.levels] + [f"{self.column} = other"]

    def state(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {"type": "category", "column": self.column, "least": self.least, "levels": self.levels}

    @staticmethod
    def from_state(state: dict[str, Any]) -> CategoryBlock:
        """The block that :meth:`state` tells of."""
        block = CategoryBlock(state["column"], least=state["least"])
        block.levels = list(state["levels"])
        return block
