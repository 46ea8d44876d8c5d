"""A real number, with a noise that is learned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from umbel.errors import ConfigError, KindError
from umbel.tasks.base import KeptKind, nothing_to_choose, raw_numbers
from umbel.tasks.cells import bad_cells, check_variety, read_numbers
from umbel.tasks.kind import KINDS, Response, Rule
from umbel.tasks.losses import gaussian_nll, soft_clamp, widen
from umbel.tasks.prediction import Encoded, Prediction
from umbel.tasks.scales import SCALES, Scale

__all__ = ["Regression"]

NOISE_LIMIT = 7.0
"""The logarithm of the standardised noise stays within this: no noise below a thousandth of the scale."""
NINETY = 1.6448536269514722
"""Half the width of a Gaussian's central 90 %, in standard deviations."""
ROUNDING = 1e-15
FARTHEST = 1e9
"""Standardised answers are held within this, so that what stands in an unknown cell has a finite loss."""


@KINDS.register("regression", source="Nix & Weigend 1994 (learned noise); Kendall & Gal 2017")
class Regression(KeptKind):
    """A real number: Gaussian, its noise one learned scalar of the task or a second output of the row.

    Raw outputs are standardised by the training labels: mean = loc + scale * raw0, sd = scale *
    exp(raw1), so that raw 0 is the constant prediction; the loss is the Gaussian's in those units.

    :param log: ``False``, ``True`` (natural), ``"log10"`` or ``"log1p"``: the scale on which the number is
        Gaussian. Answers and predictions are on that scale; :meth:`to_columns` goes back.
    :param clip_low: smaller numbers count as this one, in the user's units, before the logarithm.
    :param heteroscedastic: the noise depends on the row.
    """

    name = "regression"
    metrics = ("r2", "rmse", "mae", "spearman", "gaussian_nll")
    response: ClassVar[Response] = "gaussian"

    def __init__(
        self, *, log: bool | str = False, clip_low: float | None = None, heteroscedastic: bool = False
    ) -> None:
        if log not in SCALES:
            raise ConfigError(
                "log must be false, true, log10 or log1p", found=repr(log), remedy="log: true for ln"
            )
        if clip_low is not None and not math.isfinite(clip_low):
            raise ConfigError(
                "clip_low must be a finite number",
                found=repr(clip_low),
                remedy="leave it out for no clipping",
            )
        super().__init__(log=log, clip_low=clip_low, heteroscedastic=bool(heteroscedastic))
        self.free = 0 if heteroscedastic else 1

    @property
    def _scale(self) -> Scale:
        return SCALES[self._options["log"]]

    @property
    def width(self) -> int:
        """The mean; with ``heteroscedastic`` also the noise."""
        return 2 - self.free

    def _read(self, column: pd.Series) -> NDArray[np.float64]:
        """Numbers on the Gaussian's scale, [B]; NaN is missing."""
        numbers = read_numbers(column, self.name)
        low = self._options["clip_low"]
        if low is not None:
            numbers = np.maximum(numbers, low)
        bad = np.flatnonzero(numbers <= self._scale.above)
        if len(bad):
            raise KindError(
                f"a number whose logarithm is taken must be above {self._scale.above:g}",
                found=bad_cells(column, bad),
                remedy="say clip_low, use log: log1p, or leave the logarithm out",
            )
        return self._scale.forward(numbers)

    def fit(self, column: pd.Series) -> None:
        """Learn the mean and standard deviation of the training labels."""
        numbers = self._read(column)
        known = numbers[~np.isnan(numbers)]
        first = np.flatnonzero(~np.isnan(numbers))[:1]
        with np.errstate(over="ignore", invalid="ignore"):
            loc, scale = (float(known.mean()), float(known.std())) if len(known) else (0.0, 0.0)
        if not math.isfinite(scale):
            raise KindError(
                "squares of a regression target must be finite",
                found=bad_cells(column, [int(np.nanargmax(np.abs(numbers)))]),
                remedy="use other units, or take the logarithm (log: true)",
            )
        varied = scale > ROUNDING * abs(loc)  # what rounding of the mean leaves of equal numbers is no scale
        check_variety(column, len(known), 1 + int(varied), column.iloc[first[0]] if len(first) else None)
        self._keep(loc=loc, scale=scale)

    def _ready(self) -> None:
        self._loc, self._unit = float(self._fitted["loc"]), float(self._fitted["scale"])

    def encode(self, column: pd.Series) -> Encoded:
        """Numbers on the Gaussian's scale, not standardised, [B]."""
        numbers = self._read(column)
        known = ~np.isnan(numbers)
        return Encoded(np.where(known, numbers, 0.0), known.astype(np.float32))

    def nll(self, raw: Tensor, target: Tensor) -> Tensor:
        """Gaussian in standardised units, [B]."""
        self._got("loc")
        raw = widen(raw)
        z = ((target - self._loc) / self._unit).clamp(-FARTHEST, FARTHEST).to(raw.dtype)
        return gaussian_nll(z, raw[:, 0], soft_clamp(raw[:, 1], NOISE_LIMIT))

    def predict(self, raw: Tensor) -> Prediction:
        """Mean and standard deviation on the Gaussian's scale, [B]."""
        self._got("loc")
        numbers = raw_numbers(raw)
        sd = torch.exp(soft_clamp(numbers[:, 1], NOISE_LIMIT))
        return Prediction((self._loc + self._unit * numbers[:, 0]).numpy(), (self._unit * sd).numpy())

    def constant(self, values: NDArray[Any], weights: NDArray[Any]) -> Prediction:
        """Mean and standard deviation; those of the training rows where no label is known."""
        self._got("loc")
        w = np.asarray(weights, dtype=np.float64)
        total = w.sum()
        if total <= 0:
            return Prediction(np.array([self._loc]), np.array([self._unit]))
        mean = float(w @ values) / total
        variance = max(float(w @ (values - mean) ** 2) / total, 0.0)
        least = math.exp(-NOISE_LIMIT) * self._unit
        return Prediction(np.array([mean]), np.array([max(math.sqrt(variance), least)]))

    def link(self, value: NDArray[Any]) -> NDArray[np.float64]:
        """The mean itself, [B, 1]."""
        return np.asarray(value, dtype=np.float64)[:, None]

    def unlink(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """The mean, [B]."""
        return np.asarray(scores[:, 0], dtype=np.float64)

    def fit_rule(
        self,
        prediction: Prediction,
        values: NDArray[Any],
        weights: NDArray[Any],
        *,
        metric: str | None = None,
        costs: Sequence[Sequence[float]] | None = None,
    ) -> Rule:
        """Nothing to choose: the mean, which is the median too, is best for rmse and mae alike.

        :raises ConfigError: costs came, or a metric that is not one of numbers.
        """
        return nothing_to_choose(self.name, costs, metric or "r2", ["r2", "rmse", "mae", "spearman"])

    def decide(self, prediction: Prediction, rule: Rule | None = None) -> NDArray[Any]:
        """The mean, [B]."""
        return prediction.value

    def to_columns(
        self, name: str, prediction: Prediction, rule: Rule | None = None
    ) -> dict[str, NDArray[Any]]:
        """The median in the user's units; ``name_mean``, and the ends of the central 90 %, ``name_low``
        and ``name_high``, where there is a spread."""
        mean, sd = prediction.value, prediction.spread
        columns = {name: self._scale.back(mean)}
        if sd is not None:
            columns[f"{name}_mean"] = self._scale.mean(mean, sd)
            columns[f"{name}_low"] = self._scale.back(mean - NINETY * sd)
            columns[f"{name}_high"] = self._scale.back(mean + NINETY * sd)
        return columns

    @classmethod
    def example(cls) -> tuple[dict[str, Any], pd.Series]:
        """Options and a small column, for the contract suite."""
        return {}, pd.Series([1.5, 2.0, None, -3.0, 7.25, 0.5], name="size")
