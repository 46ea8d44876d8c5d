"""Weighted average of all members, their weights chosen greedily on held-out rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.tasks import Kind, TaskSet
from umbel.training.held import Held
from umbel.training.learner import LEARNERS, Predictions, State
from umbel.training.learners.ensemble import Ensemble
from umbel.training.skill import losses

__all__ = ["Average", "greedy_weights"]


def greedy_weights(
    kind: Kind,
    scores: Sequence[NDArray[np.float64]],
    target: NDArray[Any],
    weights: NDArray[Any],
    *,
    steps: int = 25,
    prior: float = 100.0,
) -> NDArray[np.float64]:
    """Weights of an average in the link space, by greedy selection with replacement.

    :param scores: of each member, [B, K], as ``kind.link`` gives them; rows with a known label.
    :param target: encoded answers, [B, ...].
    :param weights: label weights; 0 is unknown.
    :param steps: how many times a member is added.
    :param prior: with N known rows the result is (N * greedy + prior * uniform) / (N + prior), since
        weights chosen on few labels are mostly noise.
    :returns: [members], non-negative, summing to 1.

    Source: Caruana et al. 2004, Ensemble selection from libraries of models.
    """
    share = np.abs(np.asarray(weights, dtype=float))
    known = weights != 0

    def loss(score: NDArray[np.float64]) -> float:
        value = kind.unlink(score)
        return float((losses(kind, value, target) * share)[known].sum())

    counts = np.zeros(len(scores))
    total = np.zeros_like(scores[0])
    best = (np.inf, counts)
    for step in range(1, steps + 1):
        trials = [loss((total + score) / step) for score in scores]
        pick = int(np.argmin(trials))
        total = total + scores[pick]
        counts = counts + np.eye(len(scores))[pick]
        if trials[pick] < best[0]:
            best = (trials[pick], counts)
    chosen = best[1] / best[1].sum()
    rows = float(known.sum() if known.ndim == 1 else known.any(axis=1).sum())
    return np.asarray((rows * chosen + prior / len(scores)) / (rows + prior))


@LEARNERS.register("average", source="Caruana et al. 2004, Ensemble selection")
class Average(Ensemble):
    """The members' weighted average, per target column, in the space that suits its kind."""

    name: ClassVar[str] = "average"

    def mix(self, held: Mapping[str, Held]) -> None:
        """See :class:`Ensemble`."""
        rows = next(iter(held.values())).rows
        self.weights: dict[str, dict[str, float]] = {}
        for target in rows.tasks.targets:
            known = np.flatnonzero(rows.known(target.name))
            found = greedy_weights(
                target.kind,
                [target.kind.link(h.predictions[target.name].value[known]) for h in held.values()],
                rows.values(target.name)[known],
                rows.weights(target.name)[known],
            )
            self.weights[target.name] = dict(zip(held, map(float, found), strict=True))

    @property
    def used(self) -> list[str]:
        """Members whose weight is not negligible for some target."""
        return [n for n in self.members if any(w[n] > 0 for w in self.weights.values())]

    def combine(self, rows: Dataset, answers: Mapping[str, Predictions]) -> Predictions:
        """See :class:`Ensemble`."""
        found: Predictions = {}
        for target in rows.tasks.targets:
            share = {n: self.weights[target.name][n] for n in answers}
            total = sum(share.values())
            found[target.name] = target.kind.mix(
                [answers[n][target.name] for n in share], [w / total for w in share.values()]
            )
        return found

    @property
    def notes(self) -> Mapping[str, Any]:
        """The weights, by target and member."""
        return {"weights": self.weights}

    def mixing(self) -> State:
        """See :class:`Ensemble`."""
        return {"weights": self.weights}

    def remix(self, state: State, tasks: TaskSet, schema: Schema) -> None:
        """See :class:`Ensemble`."""
        self.weights = {t: dict(w) for t, w in state["weights"].items()}
