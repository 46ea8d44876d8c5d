"""One of several classes without an order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from umbel.tasks.base import (
    ClassWeights,
    KeptKind,
    check_choice,
    check_costs,
    check_metric,
    check_smoothing,
    check_top,
    decided,
    label_weights,
    plain_weights,
    raw_numbers,
)
from umbel.tasks.cells import Label, as_labels, check_variety, find_classes, key_of, read_classes, sort_labels
from umbel.tasks.kind import KINDS, Response, Rule
from umbel.tasks.links import log_shares, softmax
from umbel.tasks.losses import categorical_nll, widen
from umbel.tasks.prediction import Encoded, Prediction
from umbel.tasks.rules import best_multipliers, least_cost

__all__ = ["Multiclass"]


@KINDS.register("multiclass", source="Theil 1969, A multinomial extension of the linear logit model")
class Multiclass(KeptKind):
    """One of several classes: categorical with the softmax link.

    :param label_smoothing: in [0, 1), spread evenly over the classes (Szegedy et al. 2016).
    :param class_weights: weight of each class in the loss, or ``"balanced"``. Probabilities are then
        those of the weighted classes.
    :param others: ``"error"`` or ``"missing"``: what a class that training never saw becomes.
    :param top_k: classes in the column ``name_top`` of the predictions; 0 for no such column.
    """

    name = "multiclass"
    metrics = ("accuracy", "log_loss", "macro_f1", "micro_f1", "auc", "calibration_error")
    response: ClassVar[Response] = "categorical"

    def __init__(
        self,
        *,
        label_smoothing: float = 0.0,
        class_weights: ClassWeights = None,
        others: str = "error",
        top_k: int = 0,
    ) -> None:
        super().__init__(
            label_smoothing=check_smoothing(label_smoothing),
            class_weights=plain_weights(class_weights),
            others=check_choice("others", others, ("error", "missing")),
            top_k=check_top(top_k),
        )

    @property
    def classes(self) -> list[Label]:
        """The classes in the user's own terms, sorted."""
        found: list[Label] = self._got("classes")
        return found

    @property
    def width(self) -> int:
        """A logit for each class."""
        return len(self.classes)

    def fit(self, column: pd.Series) -> None:
        """Learn the classes and their shares."""
        codes, seen = read_classes(column)
        known = codes[codes >= 0]
        check_variety(column, len(known), len(seen), seen[0] if seen else None)
        labels = sort_labels(seen)
        counts = np.bincount(known, minlength=len(seen))
        shares = [float(counts[seen.index(label)] / len(known)) for label in labels]
        self._keep(classes=labels, shares=shares)

    def _ready(self) -> None:
        classes, shares = self._fitted["classes"], self._fitted["shares"]
        self._places = {key_of(label): i for i, label in enumerate(classes)}
        self._class_weights = label_weights(self._options["class_weights"], classes, shares)

    def encode(self, column: pd.Series) -> Encoded:
        """Class indices, [B]."""
        self._got("classes")
        found = find_classes(column, self._places, kind=self.name, others=self._options["others"])
        return Encoded(np.maximum(found, 0), (found >= 0).astype(np.float32))

    def nll(self, raw: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy, [B]."""
        self._got("classes")
        loss = categorical_nll(widen(raw), target, self._options["label_smoothing"])
        if self._class_weights is not None:
            loss = loss * loss.new_tensor(self._class_weights)[target.long()]
        return loss

    def predict(self, raw: Tensor) -> Prediction:
        """Class probabilities, [B, C]."""
        return Prediction(raw_numbers(raw).softmax(dim=1).numpy())

    def constant(self, values: NDArray[Any], weights: NDArray[Any]) -> Prediction:
        """Shares of the classes, each counted a hundredth more; those of training where none is known."""
        counts: NDArray[Any] = np.bincount(values.astype(np.int64), weights=weights, minlength=self.width)
        if counts.sum() <= 0:
            return Prediction(np.array([self._got("shares")]))
        counts = np.maximum(counts, 0) + 0.01
        return Prediction((counts / counts.sum())[None])

    def link(self, value: NDArray[Any]) -> NDArray[np.float64]:
        """Centred log probabilities, [B, C]."""
        return log_shares(value)

    def unlink(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """Probabilities, [B, C]."""
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
        """Nothing for accuracy (the likeliest class); factors of the classes for macro_f1 or
        balanced_accuracy; the costs themselves for the least expected cost."""
        if costs is not None:
            return {"costs": check_costs(self.name, costs, self.width).tolist()}
        chosen = metric or "accuracy"
        check_metric(self.name, chosen, ["accuracy", "macro_f1", "balanced_accuracy"])
        known = decided(weights)
        if chosen == "accuracy" or not known.any():
            return {"metric": chosen}
        factors = best_multipliers(prediction.value[known], values[known], weights[known], metric=chosen)
        return {"multipliers": factors.tolist(), "metric": chosen}

    def decide(self, prediction: Prediction, rule: Rule | None = None) -> NDArray[Any]:
        """Class indices, [B]."""
        rule = rule or {}
        if "costs" in rule:
            return least_cost(prediction.value, np.asarray(rule["costs"]))
        factors = np.asarray(rule.get("multipliers", 1.0))
        return np.asarray((prediction.value * factors).argmax(axis=1))

    def to_columns(
        self, name: str, prediction: Prediction, rule: Rule | None = None
    ) -> dict[str, NDArray[Any]]:
        """The decided class, its ``name_probability``, and ``name_probability_CLASS`` of each class.

        With ``top_k`` (of the kind, or in the rule) also ``name_top``: the likeliest classes, joined.
        """
        classes, p = self.classes, prediction.value
        choice = self.decide(prediction, rule)
        columns = {name: as_labels(classes, choice), f"{name}_probability": p[np.arange(len(p)), choice]}
        top = min(check_top((rule or {}).get("top_k", self._options["top_k"])), len(classes))
        if top:
            order = np.argsort(-p, axis=1, kind="stable")[:, :top]
            texts = [", ".join(str(classes[j]) for j in row) for row in order]
            columns[f"{name}_top"] = np.array(texts, dtype=object)
        return columns | {f"{name}_probability_{label}": p[:, i] for i, label in enumerate(classes)}

    def start(self) -> NDArray[np.float64]:
        """Centred logarithms of the class shares, [C]."""
        logs: NDArray[np.float64] = log_shares(np.array([self._got("shares")]))[0]
        return logs

    @classmethod
    def example(cls) -> tuple[dict[str, Any], pd.Series]:
        """Options and a small column, for the contract suite."""
        return {}, pd.Series(["oak", "ash", None, "elm", "oak", "ash", "oak"], name="tree")
