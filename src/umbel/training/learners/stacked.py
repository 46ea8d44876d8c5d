"""Stacking: what the members say of **all** tasks corrects their average of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.tasks import Prediction, TaskSet
from umbel.training.held import Held
from umbel.training.learner import LEARNERS, Predictions, State
from umbel.training.learners.average import Average
from umbel.training.learners.ensemble import Ensemble
from umbel.training.solvers.correction import fit_correction, working_residuals

__all__ = ["Stacked"]

Array = NDArray[np.float64]


@LEARNERS.register("stacked", source="Wolpert 1992; Breiman 1996, Stacked regressions")
class Stacked(Ensemble):
    """The weighted average of the members plus a linear correction per score.

    The correction's inputs are the members' scores of the same answer, and the average's scores of all
    other answers: ratings help the prizes, genres the takings. It is fitted on out-of-sample
    predictions (held-out or out-of-fold rows) with a strength chosen by leave-one-out, and left away
    where it is not worth it, so that with few labels the stack is the average. A target of tokens keeps the
    average, and corrects no other: what is said of it depends on its true answer.
    """

    name: ClassVar[str] = "stacked"

    def mix(self, held: Mapping[str, Held]) -> None:
        """See :class:`Ensemble`."""
        rows = next(iter(held.values())).rows
        self.average = Average().of(self.members, held)
        answers = {name: h.predictions for name, h in held.items()}
        base = self.average.combine(rows, answers)
        self.corrections: dict[str, list[dict[str, Any] | None]] = {}
        for target in rows.tasks.targets:
            if target.kind.response == "sequence":
                self.corrections[target.name] = []
                continue
            values, weights = rows.values(target.name), rows.weights(target.name)
            residual, size = working_residuals(
                target.kind.response,
                target.kind.link(base[target.name].value),
                np.asarray(values, dtype=float),
                np.asarray(weights, dtype=float),
            )
            found = []
            for k in range(residual.shape[1]):
                Z = self._inputs(rows, answers, base, target.name, k)
                found.append(_fit(Z, residual[:, k], np.abs(size[:, k])))
            self.corrections[target.name] = found

    def _inputs(
        self, rows: Dataset, answers: Mapping[str, Predictions], base: Predictions, name: str, k: int
    ) -> Array:
        """Members' scores of answer k of a target, and the average's scores of all others, [B, F]."""
        kind = rows.tasks.target(name).kind
        own = [kind.link(answers[member][name].value) for member in self.members]
        columns = [score[:, min(k, score.shape[1] - 1)] for score in own]
        for other in rows.tasks.targets:
            if other.kind.response == "sequence":
                continue
            scores = other.kind.link(base[other.name].value)
            if other.name == name:
                scores = np.delete(scores, k, axis=1) if kind.response == "bernoulli" else scores[:, :0]
            columns += list(scores.T)
        return np.column_stack(columns)

    @property
    def used(self) -> list[str]:
        """All members."""
        return list(self.members)

    def combine(self, rows: Dataset, answers: Mapping[str, Predictions]) -> Predictions:
        """See :class:`Ensemble`."""
        base = self.average.combine(rows, answers)
        found: Predictions = {}
        for target in rows.tasks.targets:
            parts = self.corrections[target.name]
            if all(part is None for part in parts):
                found[target.name] = base[target.name]
                continue
            scores = target.kind.link(base[target.name].value)
            for k, part in enumerate(parts):
                if part is not None:
                    shift = _shift(part, self._inputs(rows, answers, base, target.name, k))
                    if target.kind.response == "ordered":  # all cumulative scores of a row alike
                        scores = scores + shift[:, None]
                    else:
                        scores[:, k] += shift
            found[target.name] = Prediction(target.kind.unlink(scores), base[target.name].spread)
        return found

    @property
    def notes(self) -> Mapping[str, Any]:
        """Which targets were corrected, and the average beneath."""
        kept = {t: sum(part is not None for part in parts) for t, parts in self.corrections.items()}
        return {"corrected": kept, **self.average.notes}

    def mixing(self) -> State:
        """See :class:`Ensemble`."""
        return {
            "average": self.average.mixing(),
            "corrections": self.corrections,
            "members": list(self.members),
        }

    def remix(self, state: State, tasks: TaskSet, schema: Schema) -> None:
        """See :class:`Ensemble`."""
        self.members = {name: self.members[name] for name in state["members"]}  # the order of the inputs
        self.average = Average()
        self.average.members = self.members
        self.average.remix(state["average"], tasks, schema)
        self.corrections = state["corrections"]


def _fit(Z: Array, residual: Array, weights: Array) -> dict[str, Any] | None:
    known = weights > 0
    mean, spread = Z[known].mean(axis=0), Z[known].std(axis=0)
    spread = np.where(spread > 1e-9, spread, 1.0)
    found = fit_correction((Z[known] - mean) / spread, residual[known], weights[known])
    if found is None:
        return None
    return {"mean": mean, "spread": spread, "coefficients": found[0], "intercept": found[1]}


def _shift(part: Mapping[str, Any], Z: Array) -> Array:
    shift: Array = ((Z - part["mean"]) / part["spread"]) @ part["coefficients"] + part["intercept"]
    return shift
