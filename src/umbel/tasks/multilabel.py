"""Several labels at once, each yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from umbel.errors import ConfigError, KindError
from umbel.tasks.base import (
    ClassWeights,
    KeptKind,
    check_choice,
    check_costs,
    check_metric,
    check_smoothing,
    check_top,
    label_weights,
    plain_weights,
    raw_numbers,
)
from umbel.tasks.cells import check_variety
from umbel.tasks.kind import KINDS, Response, Rule
from umbel.tasks.label_sets import read_label_sets
from umbel.tasks.links import expit, logit
from umbel.tasks.losses import binary_nll, widen
from umbel.tasks.prediction import Encoded, Prediction
from umbel.tasks.rules import label_thresholds

__all__ = ["Multilabel"]


@KINDS.register("multilabel", source="Tsoumakas & Katakis 2007 (binary relevance)")
class Multilabel(KeptKind):
    """Several labels at once: a Bernoulli with the logistic link for each.

    A cell is delimited text, a list, or ``{label: 0/1/None}`` where several columns were joined; there each
    label may be unknown on its own. Labels that are not asked for are left out, in training and after.

    :param separator: between the labels of a text; blanks around labels do not matter.
    :param min_count: labels seen in fewer training rows are dropped.
    :param labels: the labels asked for, in order; by default all that are seen often enough, sorted.
    :param empty: ``"missing"`` or ``"none"``: an empty text or list is unknown, or has no label.
    :param label_smoothing: in [0, 1).
    :param class_weights: weight of each label's positives in the loss, or ``"balanced"`` (negatives over
        positives). Probabilities are then those of the weighted labels.
    :param top_k: labels in the column ``name_top`` of the predictions; 0 for no such column.
    """

    name = "multilabel"
    metrics = ("macro_auc", "macro_average_precision", "log_loss", "macro_f1", "micro_f1", "hamming_loss")
    response: ClassVar[Response] = "bernoulli"

    def __init__(
        self,
        *,
        separator: str = ", ",
        min_count: int = 1,
        labels: Sequence[str] | None = None,
        empty: str = "missing",
        label_smoothing: float = 0.0,
        class_weights: ClassWeights = None,
        top_k: int = 0,
    ) -> None:
        if not separator:
            raise ConfigError("a separator must not be empty", found="''", remedy='separator: ", "')
        asked = None if labels is None else [str(label).strip() for label in labels]
        if asked is not None and (not asked or len(set(asked)) < len(asked)):
            raise ConfigError(
                "labels must be a list of different names",
                found=str(asked),
                remedy="name each label once, or leave the option out",
            )
        super().__init__(
            separator=separator,
            min_count=int(min_count),
            labels=asked,
            empty=check_choice("empty", empty, ("missing", "none")),
            label_smoothing=check_smoothing(label_smoothing),
            class_weights=plain_weights(class_weights),
            top_k=check_top(top_k),
        )

    @property
    def labels(self) -> list[str]:
        """The labels, in order."""
        found: list[str] = self._got("labels")
        return found

    @property
    def width(self) -> int:
        """A logit for each label."""
        return len(self.labels)

    def fit(self, column: pd.Series) -> None:
        """Learn which labels there are, and how often."""
        sets = read_label_sets(column, self._options["separator"], empty=self._options["empty"])
        rows = int(sets.known.sum() if sets.known.ndim == 1 else sets.known.any(axis=1).sum())
        check_variety(column, rows, 2)
        labels = self._options["labels"] or sorted(sets.labels)
        values, known = sets.table(labels)
        counts = values.sum(axis=0)
        if self._options["labels"] is None:
            often = counts >= max(1, self._options["min_count"])
            labels = [label for label, keep in zip(labels, often, strict=True) if keep]
            values, known, counts = values[:, often], known[:, often], counts[often]
        if not counts.any():
            raise KindError(
                "a multilabel target must have labels that are seen",
                found=f"column '{column.name}': none of {len(sets.labels)} labels in {rows} known rows is "
                + ("among those asked for" if self._options["labels"] else "seen min_count times"),
                remedy="check labels, min_count and separator",
            )
        if not ((counts > 0) & (counts < known.sum(axis=0))).any():
            check_variety(column, rows, 1, ", ".join(labels))
        rates = (counts / np.maximum(known.sum(axis=0), 1)).tolist()
        self._keep(labels=labels, rates=rates, dropped=len(set(sets.labels) - set(labels)))

    def _ready(self) -> None:
        rates = np.asarray(self._fitted["rates"])
        weights = self._options["class_weights"]
        if weights == "balanced":
            self._positive: list[float] | None = ((1 - rates) / np.maximum(rates, 1e-4)).tolist()
        else:
            self._positive = label_weights(weights, self._fitted["labels"], rates.tolist())

    def encode(self, column: pd.Series) -> Encoded:
        """0 and 1, [B, L]; a weight for each label of each row."""
        labels = self.labels
        sets = read_label_sets(column, self._options["separator"], empty=self._options["empty"])
        values, known = sets.table(labels)
        return Encoded(values, known.astype(np.float32))

    def nll(self, raw: Tensor, target: Tensor) -> Tensor:
        """Binary cross-entropy of each label, [B, L]."""
        loss = binary_nll(widen(raw), target, self._options["label_smoothing"])
        self._got("labels")
        if self._positive is not None:
            extra = loss.new_tensor(self._positive) - 1
            loss = loss * (1 + extra * target.to(loss.dtype))
        return loss

    def predict(self, raw: Tensor) -> Prediction:
        """Label probabilities, [B, L]."""
        return Prediction(raw_numbers(raw).sigmoid().numpy())

    def constant(self, values: NDArray[Any], weights: NDArray[Any]) -> Prediction:
        """The rate of each label; that of the training rows where a label is unknown throughout."""
        w = np.asarray(weights, dtype=np.float64)
        total = w.sum(axis=0)
        rates = (w * values).sum(axis=0) / np.where(total > 0, total, 1.0)
        return Prediction(np.clip(np.where(total > 0, rates, self._got("rates")), 0.0, 1.0)[None])

    def link(self, value: NDArray[Any]) -> NDArray[np.float64]:
        """Logits, [B, L]."""
        return logit(value)

    def unlink(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """Probabilities, [B, L]."""
        return expit(scores)

    def fit_rule(
        self,
        prediction: Prediction,
        values: NDArray[Any],
        weights: NDArray[Any],
        *,
        metric: str | None = None,
        costs: Sequence[Sequence[float]] | None = None,
    ) -> Rule:
        """A threshold for each label: for macro_f1 (the default), micro_f1 (one for all labels), accuracy
        or hamming_loss (alike), balanced_accuracy, or the least cost ([2, 2], the same for all labels).

        A label with fewer than 5 known positives or negatives takes the one that is best for all labels
        together.
        """
        chosen = metric or "macro_f1"
        aims = {"macro_f1": "f1", "micro_f1": "f1", "f1": "f1", "hamming_loss": "accuracy"}
        check_metric(self.name, chosen, [*aims, "accuracy", "balanced_accuracy"])
        matrix = None if costs is None else check_costs(self.name, costs, 2)
        thresholds = label_thresholds(
            prediction.value,
            values,
            weights,
            metric=aims.get(chosen, chosen),
            costs=matrix,
            together=chosen == "micro_f1" and matrix is None,
        )
        aim: Rule = {"metric": chosen} if matrix is None else {"costs": matrix.tolist()}
        return {"thresholds": thresholds.tolist(), **aim}

    def decide(self, prediction: Prediction, rule: Rule | None = None) -> NDArray[Any]:
        """0 or 1 for each label, [B, L]; thresholds are 0.5 without a rule."""
        thresholds = np.asarray((rule or {}).get("thresholds", 0.5))
        return (prediction.value >= thresholds).astype(np.int64)

    def to_columns(
        self, name: str, prediction: Prediction, rule: Rule | None = None
    ) -> dict[str, NDArray[Any]]:
        """The decided labels joined by the separator, and ``name_probability_LABEL`` of each.

        With ``top_k`` (of the kind, or in the rule) also ``name_top``: the likeliest labels, joined.
        """
        labels, p = np.array(self.labels, dtype=object), prediction.value
        join = self._options["separator"].join
        said = self.decide(prediction, rule).astype(bool)
        columns = {name: np.array([join(labels[row]) for row in said], dtype=object)}
        top = min(check_top((rule or {}).get("top_k", self._options["top_k"])), len(labels))
        if top:
            order = np.argsort(-p, axis=1, kind="stable")[:, :top]
            columns[f"{name}_top"] = np.array([join(labels[row]) for row in order], dtype=object)
        return columns | {f"{name}_probability_{label}": p[:, i] for i, label in enumerate(labels)}

    def start(self) -> NDArray[np.float64]:
        """Logits of the label rates, [L], held within +-5."""
        return np.clip(logit(np.array(self._got("rates"))), -5.0, 5.0)

    @classmethod
    def example(cls) -> tuple[dict[str, Any], pd.Series]:
        """Options and a small column, for the contract suite."""
        return {}, pd.Series(["war, love", "love", None, "war", "crime, love", "crime"], name="genres")
