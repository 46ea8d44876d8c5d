"""What encoders of series have in common: reading cells, the plain view, and one summary per series."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from umbel.data.batch import Masked, Padded
from umbel.data.schema import Column, ColumnType
from umbel.data.series_steps import read_series
from umbel.encoders.dropout import dropout
from umbel.encoders.media import MediaEncoder
from umbel.encoders.series_plain import plain_series
from umbel.encoders.series_scale import Scaled
from umbel.errors import ConfigError, near

__all__ = ["Pool", "SeriesEncoder", "require"]

Pool = Literal["last", "mean"]

_PLAIN = 32
"""Last steps in the plain view, at most."""


def require(option: str, value: Any, fits: bool, rule: str) -> None:
    """Hold an option of an encoder against its rule.

    :raises ConfigError: it does not fit.
    """
    if not fits:
        raise ConfigError(
            f"{option} of an encoder of series is {rule}", found=repr(value), remedy="leave it out"
        )


def whole(value: Any, least: int) -> bool:
    """Whether a value is a whole number, at least so large."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class SeriesEncoder(MediaEncoder):
    """All series columns: cells [T] or [T, F] in order of time, of any length, to a summary each.

    Each feature is standardised by the known steps of the training rows. A step may lack a value (NaN): it
    is the mean then, and sets an indicator where training steps lacked one too. A series longer than
    ``window`` loses its **first** steps. Several columns go through the same layers; each step then tells
    which column it is of.

    The layers are causal: what they say of a step depends on no later one. So what fills a series up to
    the length of others changes nothing.

    The plain view, which linear models and trees see, has the last 32 steps of each feature, counted from
    the end (fewer where no training series is that long), and the mean and the standard deviation over the
    kept steps, all standardised.

    :param width: features of a column's summary, and hidden units.
    :param window: last steps that are kept; None keeps all.
    :param pool: the summary: what the layers say of the ``last`` step, or the ``mean`` over all steps.
    :param clip: standard scores are held within plus and minus this; None leaves them be.
    :param dropout: share of the summary (and of units between layers) dropped in training, in [0, 1).
    :raises ConfigError: an option has a value it cannot have.
    """

    reads: ClassVar[ColumnType] = "series"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        width: int = 32,
        window: int | None = 256,
        pool: Pool = "last",
        clip: float | None = 8.0,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(columns)
        require("width", width, whole(width, 1), "a whole number, at least 1")
        require("window", window, window is None or whole(window, 1), "a whole number, at least 1, or None")
        require("clip", clip, clip is None or (_number(clip) and clip > 0), "a number above 0, or None")
        require("dropout", dropout, _number(dropout) and 0 <= dropout < 1, "a share in [0, 1)")
        if pool not in get_args(Pool):
            raise ConfigError(
                "pool of an encoder of series is one of its choices",
                found=repr(pool),
                remedy=near(pool, get_args(Pool)),
            )
        self.hidden, self.window, self.pool = width, window, pool
        self.clip, self.dropout = clip, dropout
        count = len(self.columns)
        self.scaled = Scaled((0,) * count, np.zeros((count, 1)), np.ones((count, 1)), np.zeros(1, dtype=bool))
        self.longest = 1
        self.plain_loc: NDArray[np.float64] = np.zeros(0)
        self.plain_scale: NDArray[np.float64] = np.ones(0)

    # ---- cells to tensors ----

    def fit(self, frame: pd.DataFrame) -> None:
        """Learn scales, the number of features and the longest series."""
        columns = [read_series(frame[c.name], self.window) for c in self.columns]
        self.scaled = Scaled.of(columns)
        self.longest = max(1, *(int(steps.lengths.max(initial=0)) for steps in columns))
        self.plain_loc, self.plain_scale = np.zeros(0), np.ones(0)
        plain, there = self._plain(self.transform(frame))
        found = [column[known] for column, known in zip(plain.T, there.T, strict=True)]
        self.plain_loc = np.array([x.mean() if len(x) else 0.0 for x in found])
        spread = np.array([x.std() if len(x) else 0.0 for x in found])
        self.plain_scale = np.where(spread > 1e-6, spread, 1.0)

    def transform(self, frame: pd.DataFrame) -> Padded:
        """Standardised steps [B, K, T, C], filled up at the end; C counts features and indicators.

        :raises DataError: see :func:`~umbel.data.series_steps.read_series`.
        """
        parts = []
        for column, features in zip(self.columns, self.scaled.features, strict=True):
            parts.append(read_series(frame[column.name], self.window, features or self._widest))
        lengths = np.stack([steps.lengths for steps in parts], axis=1)
        longest = max(1, int(lengths.max(initial=0)))
        shape = (len(frame), len(parts), longest, self.scaled.channels)
        values = np.zeros(shape, dtype=np.float32)
        for k, steps in enumerate(parts):
            inside = np.arange(longest) < lengths[:, k, None]
            values[:, k][inside] = self.scaled.channels_of(k, steps, self.clip)
        return Padded(torch.from_numpy(values), torch.from_numpy(lengths))

    @property
    def _widest(self) -> int:
        """Features F of the widest column."""
        return len(self.scaled.gaps)

    # ---- the plain view ----

    @property
    def plain_names(self) -> list[str]:
        """``name[-1]`` is the last step, ``name.2[-1]`` that of the third feature."""
        lags = min(_PLAIN, self.longest)
        found = []
        for column in self.columns:
            for f in range(self._widest):
                name = column.name if self._widest == 1 else f"{column.name}.{f}"
                found += [f"{name}[-{lag}]" for lag in range(1, lags + 1)]
                found += [f"mean of {name}", f"deviation of {name}"]
        return found

    def plain(self, x: Padded) -> Tensor:
        """Last steps, means and deviations [B, W], standardised; 0 where a value is missing."""
        values, there = self._plain(x)
        scores = np.where(there, (values - self.plain_loc) / self.plain_scale, 0.0)
        return torch.from_numpy(scores.astype(np.float32))

    def _plain(self, x: Padded) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        lags = min(_PLAIN, self.longest)
        return plain_series(x.values.numpy(), x.lengths.numpy(), self.scaled.gaps, lags)

    # ---- tensors to features ----

    @property
    def width(self) -> int:
        """Features of one column."""
        return self.hidden

    @property
    def channels(self) -> int:
        """Numbers of a step as the layers see it: with several columns, also which of them it is of."""
        count = len(self.columns)
        return self.scaled.channels + (count if count > 1 else 0)

    @abstractmethod
    def steps(self, x: Tensor) -> Tensor:
        """What causal layers say of every step.

        :param x: [N, T, C] for N series, 0 behind their ends.
        :returns: [N, T, width]; what it says of a step depends on no later one.
        """

    def embed(self, x: Masked | Padded) -> Tensor:
        """The summaries [B * K, width]."""
        assert isinstance(x, Padded)
        K, T = x.values.shape[1:3]
        lengths = x.lengths.flatten()
        inside = (torch.arange(T, device=lengths.device) < lengths[:, None])[..., None]
        steps = torch.where(inside, x.values.flatten(0, 1), 0.0)
        if K > 1:
            which = functional.one_hot(torch.arange(K, device=lengths.device), K).to(steps.dtype)
            steps = torch.cat([steps, which.repeat(len(x), 1)[:, None].expand(-1, T, -1)], dim=2)
        found = self.steps(steps.to(next(self.parameters()).dtype))
        if self.pool == "last":
            last = (lengths - 1).clamp(min=0)
            summary = found[torch.arange(len(found), device=found.device), last]
        else:
            summary = torch.where(inside, found, 0.0).sum(dim=1) / lengths.clamp(min=1)[:, None]
        return dropout(summary, self.dropout, self.training)

    # ---- what was fitted ----

    def state(self) -> dict[str, Any]:
        """Scales, numbers of features, and the longest series."""
        s = self.scaled
        return {
            "features": list(s.features),
            "loc": s.loc,
            "scale": s.scale,
            "gaps": s.gaps,
            "longest": self.longest,
            "plain_loc": self.plain_loc,
            "plain_scale": self.plain_scale,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take them back."""
        self.scaled = Scaled(
            tuple(int(f) for f in state["features"]),
            np.asarray(state["loc"]),
            np.asarray(state["scale"]),
            np.asarray(state["gaps"], dtype=bool),
        )
        self.longest = int(state["longest"])
        self.plain_loc, self.plain_scale = np.asarray(state["plain_loc"]), np.asarray(state["plain_scale"])
