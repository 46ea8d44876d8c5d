"""Shares of a whole: several non-negative numbers that sum to 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from umbel.errors import KindError
from umbel.tasks.base import KeptKind, nothing_to_choose, raw_numbers
from umbel.tasks.cells import as_labels, bad_cells, check_variety
from umbel.tasks.kind import KINDS, Response, Rule
from umbel.tasks.links import log_shares, softmax
from umbel.tasks.losses import soft_nll, widen
from umbel.tasks.parts import read_parts
from umbel.tasks.prediction import Encoded, Prediction

__all__ = ["Distribution"]


@KINDS.register("distribution", source="Hinton et al. 2015 (soft targets); Kullback & Leibler 1951")
class Distribution(KeptKind):
    """Shares of a whole: cross-entropy against soft targets, with the softmax link.

    Cells are ``{label: number}`` (several columns joined) or lists; each row is divided by its sum. A row
    with a missing part is unknown.

    :param labels: names of the parts, in order; by default the keys of the cells, or 0, 1, ... for lists.
    """

    name = "distribution"
    metrics = ("kl_divergence", "log_loss")
    response: ClassVar[Response] = "simplex"

    def __init__(self, *, labels: Sequence[str] | None = None) -> None:
        super().__init__(labels=None if labels is None else [str(label) for label in labels])

    @property
    def labels(self) -> list[str]:
        """Names of the parts."""
        found: list[str] = self._got("labels")
        return found

    @property
    def width(self) -> int:
        """A logit for each part."""
        return len(self.labels)

    def fit(self, column: pd.Series) -> None:
        """Learn the names of the parts and their mean shares."""
        labels, parts = read_parts(column, self._options["labels"], self.name)
        shares = self._share(column, parts)
        known = shares[~np.isnan(shares[:, 0])]
        distinct = 0 if len(known) == 0 else 1 + int((np.ptp(known, axis=0) > 0).any())
        check_variety(column, len(known), distinct, known[0].tolist() if len(known) else None)
        self._keep(labels=labels, shares=known.mean(axis=0).tolist())

    def _share(self, column: pd.Series, parts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Parts [B, C] over their sum; rows with a missing part become NaN."""
        if not parts.shape[1]:
            check_variety(column, 0, 0)
        unknown = np.isnan(parts).any(axis=1)
        with np.errstate(invalid="ignore"):
            negative = np.flatnonzero((parts < 0).any(axis=1))
        total = parts.sum(axis=1, keepdims=True)
        empty = np.flatnonzero(~unknown & (total[:, 0] == 0))
        for bad, rule in (
            (negative, "parts of a distribution must not be negative"),
            (empty, "parts of a distribution must not all be 0"),
        ):
            if len(bad):
                raise KindError(rule, found=bad_cells(column, bad), remedy="mend or empty these cells")
        shares = np.full(parts.shape, np.nan)
        shares[~unknown] = parts[~unknown] / total[~unknown]
        return shares

    def encode(self, column: pd.Series) -> Encoded:
        """Shares [B, C]; one weight for each row."""
        _, parts = read_parts(column, self.labels, self.name)
        shares = self._share(column, parts)
        known = ~np.isnan(shares[:, 0])
        return Encoded(np.where(known[:, None], shares, 0.0), known.astype(np.float32))

    def nll(self, raw: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy, [B]."""
        self._got("labels")
        return soft_nll(widen(raw), target)

    def predict(self, raw: Tensor) -> Prediction:
        """Shares, [B, C]."""
        return Prediction(raw_numbers(raw).softmax(dim=1).numpy())

    def constant(self, values: NDArray[Any], weights: NDArray[Any]) -> Prediction:
        """Mean shares; those of the training rows where none is known."""
        w = np.asarray(weights, dtype=np.float64)
        if w.sum() <= 0:
            return Prediction(np.array([self._got("shares")]))
        return Prediction(((w @ values) / w.sum())[None])

    def link(self, value: NDArray[Any]) -> NDArray[np.float64]:
        """Centred log shares, [B, C]."""
        return log_shares(value)

    def unlink(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """Shares, [B, C]."""
        return softmax(scores)

    def fit_rule(
        self,
        prediction: Prediction,
        values: NDArray[Any],
        weights: NDArray[Any],
        *,
        metric: str | None = None,
        costs: Sequence[Sequence[float]] | None = None,
    ) -> Rule:
        """Nothing to choose: the predicted shares.

        :raises ConfigError: costs came, or another metric.
        """
        return nothing_to_choose(self.name, costs, metric or self.metrics[0], self.metrics)

    def decide(self, prediction: Prediction, rule: Rule | None = None) -> NDArray[Any]:
        """The shares, [B, C]."""
        return prediction.value

    def to_columns(
        self, name: str, prediction: Prediction, rule: Rule | None = None
    ) -> dict[str, NDArray[Any]]:
        """The part with the largest share, and ``name_share_PART`` of each."""
        columns = {name: as_labels(self.labels, prediction.value.argmax(axis=1))}
        return columns | {f"{name}_share_{n}": prediction.value[:, i] for i, n in enumerate(self.labels)}

    def start(self) -> NDArray[np.float64]:
        """Centred logarithms of the mean shares, [C]."""
        logs: NDArray[np.float64] = log_shares(np.array([self._got("shares")]))[0]
        return logs

    @classmethod
    def example(cls) -> tuple[dict[str, Any], pd.Series]:
        """Options and a small column, for the contract suite."""
        cells = [{"a": 1, "b": 3, "c": 0}, {"a": 2, "b": 2, "c": 4}, None, {"a": 0.5, "b": 0.5, "c": 1}]
        return {}, pd.Series(cells, name="votes", dtype=object)
