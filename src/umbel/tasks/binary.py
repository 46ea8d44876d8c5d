"""Yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from umbel.errors import KindError
from umbel.tasks.base import (
    ClassWeights,
    KeptKind,
    check_costs,
    check_metric,
    check_smoothing,
    decided,
    label_weights,
    plain_weights,
    raw_numbers,
)
from umbel.tasks.cells import (
    Label,
    as_labels,
    bad_cells,
    check_variety,
    find_classes,
    key_of,
    read_classes,
    sort_labels,
)
from umbel.tasks.kind import KINDS, Response, Rule
from umbel.tasks.links import expit, logit
from umbel.tasks.losses import binary_nll, widen
from umbel.tasks.prediction import Encoded, Prediction
from umbel.tasks.rules import THRESHOLD_METRICS, best_threshold

__all__ = ["Binary"]

YES = ("1", "true", "yes", "y", "t", "positive", "pos", "on")
FEWEST = 5
"""Known labels of each class that a threshold of its own is chosen by."""
NO = ("0", "false", "no", "n", "f", "negative", "neg", "off", "none")


@KINDS.register("binary", source="Cox 1958, The regression analysis of binary sequences")
class Binary(KeptKind):
    """Yes or no: Bernoulli with the logistic link.

    :param positive: the value that counts as 1; by default 1, True, "yes" and the like, or the one beside
        0, False, "no" and the like, else the later of the two in sort order.
    :param label_smoothing: in [0, 1).
    :param class_weights: weight of each class in the loss, or ``"balanced"``. Probabilities are then
        those of the weighted classes.
    """

    name = "binary"
    metrics = ("auc", "average_precision", "log_loss", "accuracy", "f1", "calibration_error")
    response: ClassVar[Response] = "bernoulli"

    def __init__(
        self,
        *,
        positive: Label | None = None,
        label_smoothing: float = 0.0,
        class_weights: ClassWeights = None,
    ) -> None:
        super().__init__(
            positive=positive,
            label_smoothing=check_smoothing(label_smoothing),
            class_weights=plain_weights(class_weights),
        )

    @property
    def width(self) -> int:
        """One logit."""
        return 1

    def fit(self, column: pd.Series) -> None:
        """Learn which two values there are, and which of them is 1."""
        codes, seen = read_classes(column)
        check_variety(column, int((codes >= 0).sum()), len(seen), seen[0] if seen else None)
        if len(seen) > 2:
            third = np.flatnonzero(codes >= 2)
            raise KindError(
                "a binary target must have two values",
                found=f"{len(seen)} values; {bad_cells(column, third)} beside {seen[0]!r} and {seen[1]!r}",
                remedy="give it the kind multiclass, ordinal or regression, or mend these cells",
            )
        labels = sort_labels(seen)
        wanted = self._options["positive"]
        if wanted is not None:
            if key_of(wanted) not in map(key_of, labels):
                raise KindError(
                    "positive must be a value of the target",
                    found=f"{wanted!r}; column '{column.name}' has {labels[0]!r} and {labels[1]!r}",
                    remedy="name one of the two, as the column writes it",
                )
            labels.sort(key=lambda label: key_of(label) == key_of(wanted))
        else:
            labels.sort(key=_says_yes)
        rate = float((codes[codes >= 0] == seen.index(labels[1])).mean())
        self._keep(labels=labels, rate=rate)

    def _ready(self) -> None:
        labels, rate = self._fitted["labels"], self._fitted["rate"]
        self._places = {key_of(label): i for i, label in enumerate(labels)}
        self._class_weights = label_weights(self._options["class_weights"], labels, [1 - rate, rate])

    def encode(self, column: pd.Series) -> Encoded:
        """0 and 1, [B]."""
        self._got("labels")
        found = find_classes(column, self._places, kind=self.name)
        return Encoded(np.maximum(found, 0), (found >= 0).astype(np.float32))

    def nll(self, raw: Tensor, target: Tensor) -> Tensor:
        """Binary cross-entropy, [B]."""
        loss = binary_nll(widen(raw)[:, 0], target, self._options["label_smoothing"])
        self._got("labels")
        if self._class_weights is not None:
            loss = loss * loss.new_tensor(self._class_weights)[target.long()]
        return loss

    def predict(self, raw: Tensor) -> Prediction:
        """Probability of the positive class, [B]."""
        return Prediction(raw_numbers(raw)[:, 0].sigmoid().numpy())

    def constant(self, values: NDArray[Any], weights: NDArray[Any]) -> Prediction:
        """The share of positives; that of the training rows where no label is known."""
        total = float(np.sum(weights, dtype=np.float64))
        rate = float(np.sum(values * weights, dtype=np.float64)) / total if total > 0 else self._got("rate")
        return Prediction(np.array([np.clip(rate, 0.0, 1.0)]))

    def link(self, value: NDArray[Any]) -> NDArray[np.float64]:
        """Logits, [B, 1]."""
        return logit(value)[:, None]

    def unlink(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """Probabilities, [B]."""
        return expit(scores[:, 0])

    def fit_rule(
        self,
        prediction: Prediction,
        values: NDArray[Any],
        weights: NDArray[Any],
        *,
        metric: str | None = None,
        costs: Sequence[Sequence[float]] | None = None,
    ) -> Rule:
        """A threshold for F1 (or accuracy, balanced_accuracy), or for the least cost.

        Where only one class is known, or (but for costs) fewer than five of one, it is 0.5 and
        ``"default"`` says so: a threshold chosen by one row would decide the rest by chance.
        """
        matrix = None if costs is None else check_costs(self.name, costs, 2)
        chosen = metric or "f1"
        check_metric(self.name, chosen, list(THRESHOLD_METRICS))
        aim: Rule = {"metric": chosen} if matrix is None else {"costs": matrix.tolist()}
        known = decided(weights)
        y = values[known]
        if len(np.unique(y)) < 2:
            return {"threshold": 0.5, **aim, "default": "fewer than two classes are known"}
        fewest = int(min((y == 0).sum(), (y == 1).sum()))
        if matrix is None and fewest < FEWEST:
            return {"threshold": 0.5, **aim, "default": f"only {fewest} of a class are known"}
        t = best_threshold(prediction.value[known], y, weights[known], metric=chosen, costs=matrix)
        return {"threshold": t, **aim}

    def decide(self, prediction: Prediction, rule: Rule | None = None) -> NDArray[Any]:
        """0 or 1, [B]; the threshold is 0.5 without a rule."""
        threshold = (rule or {}).get("threshold", 0.5)
        decision: NDArray[np.int64] = (prediction.value >= threshold).astype(np.int64)
        return decision

    def to_columns(
        self, name: str, prediction: Prediction, rule: Rule | None = None
    ) -> dict[str, NDArray[Any]]:
        """The decided value, and ``name_probability`` of the positive one."""
        return {
            name: as_labels(self._got("labels"), self.decide(prediction, rule)),
            f"{name}_probability": prediction.value,
        }

    def start(self) -> NDArray[np.float64]:
        """The logit of the share of positives, [1]."""
        return logit(np.array([self._got("rate")]))

    @classmethod
    def example(cls) -> tuple[dict[str, Any], pd.Series]:
        """Options and a small column, for the contract suite."""
        return {}, pd.Series(["yes", "no", None, "yes", "yes", "no"], name="bought")


def _says_yes(label: Label) -> int:
    text = key_of(label).lower()
    return int(text in YES) - int(text in NO)
