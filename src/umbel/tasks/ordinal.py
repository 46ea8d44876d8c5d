"""Grades: classes in an order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from umbel.errors import ConfigError, KindError, near
from umbel.tasks.base import (
    ClassWeights,
    KeptKind,
    check_choice,
    check_costs,
    check_metric,
    decided,
    label_weights,
    plain_weights,
    raw_numbers,
)
from umbel.tasks.cells import Label, as_labels, check_variety, find_classes, key_of, read_classes, sort_labels
from umbel.tasks.cuts import CUT_METRICS, choose_cuts, decide_by_cuts
from umbel.tasks.kind import KINDS, Response, Rule
from umbel.tasks.links import cumulative_logits, from_cumulative_logits
from umbel.tasks.losses import ordered_log_probabilities, widen
from umbel.tasks.prediction import Encoded, Prediction
from umbel.tasks.rules import least_cost

__all__ = ["Ordinal"]

LEAST_GAP = 1e-4
"""Cut points stay at least this far apart."""


@KINDS.register("ordinal", source="McCullagh 1980, Regression models for ordinal data")
class Ordinal(KeptKind):
    """Grades: proportional odds, P(y <= k) = sigmoid(cut_k - score).

    The score is the row's; the C - 1 cut points are learned scalars of the task, the first as it is and
    each further one as a softplus step, counted from those that give the shares of the training rows:
    raw 0 is the constant prediction.

    :param order: the grades, low to high; inferred for numbers.
    :param merge: other names of grades, ``{"GP": "PG"}``.
    :param others: ``"error"`` or ``"missing"``: what a value that is no grade becomes.
    :param class_weights: weight of each grade in the loss, or ``"balanced"``.
    """

    name = "ordinal"
    metrics = ("quadratic_kappa", "accuracy", "grade_mae", "log_loss")
    response: ClassVar[Response] = "ordered"

    def __init__(
        self,
        *,
        order: Sequence[Label] | None = None,
        merge: Mapping[Any, Label] | None = None,
        others: str = "error",
        class_weights: ClassWeights = None,
    ) -> None:
        grades = None if order is None else list(order)
        if grades is not None and len(set(map(key_of, grades))) < max(2, len(grades)):
            raise ConfigError(
                "order must be a list of two or more different grades",
                found=str(grades),
                remedy="order: [low, middle, high]",
            )
        super().__init__(
            order=grades,
            merge={key_of(alias): grade for alias, grade in (merge or {}).items()},
            others=check_choice("others", others, ("error", "missing")),
            class_weights=plain_weights(class_weights),
        )

    @property
    def grades(self) -> list[Label]:
        """The grades, low to high, in the user's own terms."""
        found: list[Label] = self._got("grades")
        return found

    @property
    def width(self) -> int:
        """One score."""
        return 1

    def _places_of(self, grades: Sequence[Label]) -> dict[str, int]:
        places = {key_of(grade): i for i, grade in enumerate(grades)}
        for alias, grade in self._options["merge"].items():
            if key_of(grade) not in places:
                raise ConfigError(
                    "merge must lead to a grade", found=f"{alias}: {grade}", remedy=near(grade, places)
                )
            places[alias] = places[key_of(grade)]
        return places

    def fit(self, column: pd.Series) -> None:
        """Learn the order (of numbers) and the shares of the grades."""
        grades = self._options["order"] or self._infer(column)
        found = find_classes(column, self._places_of(grades), kind=self.name, others=self._options["others"])
        known = found[found >= 0]
        distinct = np.unique(known)
        check_variety(column, len(known), len(distinct), grades[distinct[0]] if len(distinct) else None)
        counts = np.bincount(known, minlength=len(grades)).astype(np.float64)
        self._keep(grades=grades, shares=(counts / counts.sum()).tolist())

    def _infer(self, column: pd.Series) -> list[Label]:
        _, seen = read_classes(column)
        aliases = self._options["merge"]
        kept = [label for label in seen if key_of(label) not in aliases]
        if not all(isinstance(label, int | float) for label in kept):
            shown = ", ".join(map(repr, kept[:8]))
            raise KindError(
                "the order of grades that are no numbers must be said",
                found=f"column '{column.name}': {shown}",
                remedy="say order: [low, ..., high]",
            )
        return sort_labels(kept)

    def _ready(self) -> None:
        grades = self._fitted["grades"]
        # a grade that training never saw gets half a label, so that every cut is finite
        shares = np.maximum(np.asarray(self._fitted["shares"]), 1e-3)
        shares = shares / shares.sum()
        self._places = self._places_of(grades)
        self._class_weights = label_weights(self._options["class_weights"], grades, shares.tolist())
        cuts = -cumulative_logits(shares[None])[0]
        gaps = np.maximum(np.diff(cuts) - LEAST_GAP, 1e-3)
        self._first_cut, self._steps = float(cuts[0]), np.log(np.expm1(gaps)).tolist()
        self.free = len(grades) - 1

    def encode(self, column: pd.Series) -> Encoded:
        """Grade indices, [B]."""
        self._got("grades")
        found = find_classes(column, self._places, kind=self.name, others=self._options["others"])
        return Encoded(np.maximum(found, 0), (found >= 0).astype(np.float32))

    def _log_probabilities(self, raw: Tensor) -> Tensor:
        self._got("grades")
        first = raw[:, 1] + self._first_cut
        steps = functional.softplus(raw[:, 2:] + raw.new_tensor(self._steps)) + LEAST_GAP
        return ordered_log_probabilities(raw[:, 0], first, steps)

    def nll(self, raw: Tensor, target: Tensor) -> Tensor:
        """Negative log probability of the grade, [B]."""
        index = target.long()
        loss = -self._log_probabilities(widen(raw)).gather(1, index[:, None])[:, 0]
        if self._class_weights is not None:
            loss = loss * loss.new_tensor(self._class_weights)[index]
        return loss

    def predict(self, raw: Tensor) -> Prediction:
        """Grade probabilities, [B, C]."""
        p = self._log_probabilities(raw_numbers(raw)).exp()
        return Prediction((p / p.sum(dim=1, keepdim=True)).numpy())

    def constant(self, values: NDArray[Any], weights: NDArray[Any]) -> Prediction:
        """Shares of the grades, each counted a hundredth more; those of training where none is known."""
        counts: NDArray[Any] = np.bincount(
            values.astype(np.int64), weights=weights, minlength=len(self.grades)
        )
        if counts.sum() <= 0:
            return Prediction(np.array([self._got("shares")]))
        counts = np.maximum(counts, 0) + 0.01
        return Prediction((counts / counts.sum())[None])

    def link(self, value: NDArray[Any]) -> NDArray[np.float64]:
        """Logits of P(y > k), [B, C - 1]."""
        return cumulative_logits(value)

    def unlink(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """Probabilities, [B, C]."""
        return from_cumulative_logits(scores)

    def fit_rule(
        self,
        prediction: Prediction,
        values: NDArray[Any],
        weights: NDArray[Any],
        *,
        metric: str | None = None,
        costs: Sequence[Sequence[float]] | None = None,
    ) -> Rule:
        """Cut points on the expected grade for quadratic_kappa (or accuracy, grade_mae), or the costs.

        Plain rounding, rounding after matching the moments of the training grades, and tuned cuts are
        compared by cross-fitting; see :func:`umbel.tasks.cuts.choose_cuts`.
        """
        size = len(self.grades)
        if costs is not None:
            return {"costs": check_costs(self.name, costs, size).tolist()}
        chosen = metric or "quadratic_kappa"
        check_metric(self.name, chosen, CUT_METRICS)
        shares, grade = np.asarray(self._got("shares")), np.arange(size)
        mean = float(shares @ grade)
        known = decided(weights)
        cuts, way, scores = choose_cuts(
            self._expected(prediction)[known],
            values[known],
            weights[known],
            mean=mean,
            sd=float(np.sqrt(shares @ (grade - mean) ** 2)),
            size=size,
            metric=chosen,
        )
        return {"cuts": cuts.tolist(), "metric": chosen, "way": way, "cross_fitted": scores}

    @staticmethod
    def _expected(prediction: Prediction) -> NDArray[np.float64]:
        """The expected grade, [B]."""
        result: NDArray[np.float64] = prediction.value @ np.arange(prediction.value.shape[1])
        return result

    def decide(self, prediction: Prediction, rule: Rule | None = None) -> NDArray[Any]:
        """Grade indices, [B]; the rounded expected grade without a rule."""
        rule = rule or {}
        if "costs" in rule:
            return least_cost(prediction.value, np.asarray(rule["costs"]))
        cuts = rule.get("cuts", np.arange(prediction.value.shape[1] - 1) + 0.5)
        return decide_by_cuts(self._expected(prediction), np.asarray(cuts))

    def to_columns(
        self, name: str, prediction: Prediction, rule: Rule | None = None
    ) -> dict[str, NDArray[Any]]:
        """The decided grade, ``name_mean`` (the expected grade, counted from 0), and
        ``name_probability_GRADE`` of each."""
        grades, p = self.grades, prediction.value
        columns = {
            name: as_labels(grades, self.decide(prediction, rule)),
            f"{name}_mean": self._expected(prediction),
        }
        return columns | {f"{name}_probability_{grade}": p[:, i] for i, grade in enumerate(grades)}

    @classmethod
    def example(cls) -> tuple[dict[str, Any], pd.Series]:
        """Options and a small column, for the contract suite."""
        return {"order": ["low", "mid", "high"]}, pd.Series(
            ["low", "high", None, "mid", "mid", "low", "mid"], name="grade"
        )
