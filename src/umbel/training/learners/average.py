"""Weighted average of all members, their weights chosen greedily on held-out rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.seeding import numpy_generator
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
    steps: int = 20,
    bags: int | None = None,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Weights of an average in the link space, by bagged greedy selection with replacement.

    Each bag draws the rows anew and adds, ``steps`` times, the member that lowers the loss of the
    average most; the weights are the mean over the bags. Members that are hardly told apart share their
    weight, and a bad one is left out, however few the rows.

    :param scores: of each member, [B, K], as ``kind.link`` gives them; rows with a known label.
    :param target: encoded answers, [B, ...].
    :param weights: label weights; 0 is unknown.
    :param bags: how many; by default 20 for up to 1,000 rows and 5 for more.
    :returns: [members], non-negative, summing to 1.

    Source: Caruana et al. 2004, Ensemble selection from libraries of models, section 2.3.
    """
    count = len(scores)
    share = np.abs(np.asarray(weights, dtype=float))
    if count == 1 or not share.any():
        return np.full(count, 1 / count)
    chance = numpy_generator(seed, "greedy")
    found = np.zeros(count)
    several = bags or (20 if len(target) <= 1000 else 5)
    for _ in range(several):
        drawn = np.bincount(chance.integers(0, len(target), len(target)), minlength=len(target))
        some = np.flatnonzero(drawn)
        size = share[some] * (drawn[some] if share.ndim == 1 else drawn[some, None])
        found += _greedy(kind, [score[some] for score in scores], target[some], size, steps)
    return np.asarray(found / found.sum())


def _greedy(
    kind: Kind,
    scores: Sequence[NDArray[np.float64]],
    target: NDArray[Any],
    size: NDArray[np.float64],
    steps: int,
) -> NDArray[np.float64]:
    """Shares of the best average that greedy selection meets."""
    total, counts = np.zeros_like(scores[0]), np.zeros(len(scores))
    best = (np.inf, counts)
    for step in range(1, steps + 1):
        trials = [
            float((losses(kind, kind.unlink((total + score) / step), target) * size).sum())
            for score in scores
        ]
        pick = int(np.argmin(trials))
        total = total + scores[pick]
        counts = counts + np.eye(len(scores))[pick]
        if trials[pick] < best[0]:
            best = (trials[pick], counts)
    return best[1] / best[1].sum() if best[1].any() else np.full(len(scores), 1 / len(scores))


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
