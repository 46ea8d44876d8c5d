"""How many: whole numbers from 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from umbel.errors import KindError
from umbel.tasks.base import KeptKind, check_choice, nothing_to_choose, raw_numbers
from umbel.tasks.cells import bad_cells, check_variety, read_numbers
from umbel.tasks.kind import KINDS, Response, Rule
from umbel.tasks.losses import negative_binomial_nll, poisson_nll, safe_log_mean, soft_clamp, widen
from umbel.tasks.prediction import Encoded, Prediction

__all__ = ["Count"]

LEAST = 1e-6
"""No mean is below this share of the training mean, so that its logarithm is finite."""
DISPERSION_LIMIT = 9.0
"""The logarithm of the dispersion moves at most this far from where it starts."""


@KINDS.register("count", source="Nelder & Wedderburn 1972 (Poisson); Cameron & Trivedi 2013 (NB2)")
class Count(KeptKind):
    """How many: Poisson, or negative binomial with a learned dispersion, with the logarithm as link.

    log mean = log(training mean) + raw0, so that raw 0 is the constant prediction. The variance of the
    negative binomial is mean + dispersion * mean^2.

    :param distribution: ``"poisson"`` or ``"negative_binomial"``.
    """

    name = "count"
    metrics = ("deviance_explained", "rmse", "mae", "spearman")
    response: ClassVar[Response] = "poisson"

    def __init__(self, *, distribution: str = "poisson") -> None:
        super().__init__(
            distribution=check_choice("distribution", distribution, ("poisson", "negative_binomial"))
        )
        self._dispersed = distribution == "negative_binomial"
        self.free = 1 if self._dispersed else 0

    @property
    def width(self) -> int:
        """The log mean."""
        return 1

    def _read(self, column: pd.Series) -> NDArray[np.float64]:
        counts = read_numbers(column, self.name)
        bad = np.flatnonzero((counts < 0) | (np.floor(counts) != counts) & ~np.isnan(counts))
        if len(bad):
            raise KindError(
                "a count target must hold whole numbers, 0 or more",
                found=bad_cells(column, bad),
                remedy="mend or empty these cells, or give the target the kind regression",
            )
        return counts

    def fit(self, column: pd.Series) -> None:
        """Learn the mean of the training labels, and where a dispersion starts."""
        counts = self._read(column)
        known = counts[~np.isnan(counts)]
        distinct = 0 if len(known) == 0 else 1 + int(known.min() < known.max())
        check_variety(column, len(known), distinct, known[0] if len(known) else None)
        mean = float(known.mean())
        dispersion = best_dispersion(known, np.ones(len(known)), mean) if self._dispersed else 0.0
        self._keep(mean=mean, dispersion=dispersion)

    def _ready(self) -> None:
        self._log_mean = math.log(self._fitted["mean"])
        self._log_dispersion = math.log(max(self._fitted["dispersion"], 1e-4))

    def encode(self, column: pd.Series) -> Encoded:
        """Counts as float64, [B]."""
        counts = self._read(column)
        known = ~np.isnan(counts)
        return Encoded(np.where(known, counts, 0.0), known.astype(np.float32))

    def _log_dispersion_of(self, raw: Tensor) -> Tensor:
        return soft_clamp(raw[:, 1], DISPERSION_LIMIT) + self._log_dispersion

    def nll(self, raw: Tensor, target: Tensor) -> Tensor:
        """Negative log probability of the count, [B]."""
        self._got("mean")
        raw = widen(raw)
        log_mean = safe_log_mean(raw[:, 0]) + self._log_mean
        if not self._dispersed:
            return poisson_nll(log_mean, target)
        return negative_binomial_nll(log_mean, self._log_dispersion_of(raw), target)

    def predict(self, raw: Tensor) -> Prediction:
        """Mean and standard deviation of the count, [B]."""
        self._got("mean")
        numbers = raw_numbers(raw)
        mean = torch.exp(safe_log_mean(numbers[:, 0]) + self._log_mean)
        dispersion = torch.exp(self._log_dispersion_of(numbers)) if self._dispersed else torch.zeros(())
        return Prediction(mean.numpy(), torch.sqrt(mean + dispersion * mean**2).numpy())

    def constant(self, values: NDArray[Any], weights: NDArray[Any]) -> Prediction:
        """The mean (and the likeliest dispersion); that of the training rows where none is known."""
        mean, dispersion = float(self._got("mean")), float(self._got("dispersion"))
        w = np.asarray(weights, dtype=np.float64)
        if w.sum() > 0:
            least = LEAST * mean
            mean = max(float(w @ values) / w.sum(), least)
            if self._dispersed:
                dispersion = best_dispersion(values, w, mean)
        return Prediction(np.array([mean]), np.array([math.sqrt(mean + dispersion * mean**2)]))

    def link(self, value: NDArray[Any]) -> NDArray[np.float64]:
        """The log mean, [B, 1]."""
        least = LEAST * self._got("mean")
        result: NDArray[np.float64] = np.log(np.maximum(value, least))[:, None]
        return result

    def unlink(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """The mean, [B]."""
        return np.exp(np.minimum(np.asarray(scores[:, 0], dtype=np.float64), 700.0))

    def fit_rule(
        self,
        prediction: Prediction,
        values: NDArray[Any],
        weights: NDArray[Any],
        *,
        metric: str | None = None,
        costs: Sequence[Sequence[float]] | None = None,
    ) -> Rule:
        """Nothing to choose: the mean.

        :raises ConfigError: costs came, or a metric that is not one of counts.
        """
        return nothing_to_choose(self.name, costs, metric or self.metrics[0], self.metrics)

    def decide(self, prediction: Prediction, rule: Rule | None = None) -> NDArray[Any]:
        """The mean, [B]."""
        return prediction.value

    def to_columns(
        self, name: str, prediction: Prediction, rule: Rule | None = None
    ) -> dict[str, NDArray[Any]]:
        """The mean count, and ``name_sd`` where there is a spread."""
        columns = {name: prediction.value}
        if prediction.spread is not None:
            columns[f"{name}_sd"] = prediction.spread
        return columns

    @classmethod
    def example(cls) -> tuple[dict[str, Any], pd.Series]:
        """Options and a small column, for the contract suite."""
        return {}, pd.Series([0, 3, None, 1, 12, 2], name="visits")


def best_dispersion(counts: NDArray[Any], weights: NDArray[Any], mean: float) -> float:
    """The likeliest dispersion of a negative binomial with this mean.

    :param counts: [B].
    :param weights: [B], non-negative, not all 0.
    :returns: within [1e-4, 1e4]; 1e-4 where the counts spread no wider than a Poisson's.
    """
    from scipy.optimize import minimize_scalar

    distinct, place = np.unique(np.asarray(counts, dtype=np.float64), return_inverse=True)
    share = torch.from_numpy(np.bincount(place, weights=weights))
    y, log_mean = (
        torch.from_numpy(distinct),
        torch.full((len(distinct),), math.log(mean), dtype=torch.float64),
    )

    def loss(log_dispersion: float) -> float:
        nll = negative_binomial_nll(log_mean, torch.full_like(log_mean, log_dispersion), y)
        return float((share * nll).sum())

    limit = math.log(1e4)
    found = minimize_scalar(loss, bounds=(-limit, limit), method="bounded", options={"xatol": 1e-6})
    return float(math.exp(found.x))
