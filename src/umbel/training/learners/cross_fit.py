"""Cross-fitting: models on K folds; every row gets an out-of-fold prediction, new rows get the mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.data.split import folds as make_folds
from umbel.tasks import Prediction, TaskSet
from umbel.training.held import Held
from umbel.training.learner import LEARNERS, Learner, Predictions, State
from umbel.training.making import freeze, make, thaw

__all__ = ["CrossFit"]


@LEARNERS.register("cross_fit", source="Breiman 1996 (stacked regressions); Chernozhukov 2018")
class CrossFit:
    """K copies of a learner, each stopped and tuned on the fold it does not see.

    Training and validation rows are pooled and cut into folds by entity. Where few labels are known
    this lets all of them serve stopping, selection and calibration; nothing is fitted on a fold whose
    predictions are held out. A learner that stops early or calibrates itself (``stops``) is fitted
    twice per fold: stopped on one half of it, it answers the other, so that no held-out prediction
    owes anything to its own answer. Others only choose a strength on the fold.

    :param learner: name of the learner.
    :param options: its options.
    :param folds: K, at least 2.
    :param seed: which folds.
    """

    name: ClassVar[str] = "cross_fit"

    def __init__(
        self,
        *,
        learner: str = "linear",
        options: Mapping[str, Any] | None = None,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        self.learner, self.inner = learner, dict(options or {})
        self.folds, self.seed = folds, seed
        self.members: list[Learner] = []

    @property
    def joint(self) -> bool:
        """As the learner that is cross-fitted."""
        return (self.members[0] if self.members else make(self.learner, self.inner)).joint

    @staticmethod
    def serves(train: Dataset) -> str:
        """Needs as many entities as folds."""
        return "" if len(np.unique(train.entity)) >= 5 else "fewer entities than folds"

    @property
    def options(self) -> dict[str, Any]:
        """See :class:`Learner`."""
        return {
            "learner": self.learner,
            "options": self.inner,
            "folds": self.folds,
            "seed": self.seed,
        }

    @property
    def parameters(self) -> int:
        """Sum over the folds' models."""
        return sum(member.parameters for member in self.members)

    @property
    def notes(self) -> Mapping[str, Any]:
        """What each fold's model chose."""
        return {"folds": [dict(member.notes) for member in self.members]}

    def fit(self, train: Dataset, valid: Dataset) -> CrossFit:
        """Fit K models on the pooled rows; keeps ``held``, the out-of-fold predictions."""
        pool = train.join(valid)
        fold = make_folds(pool.entity, self.folds, seed=self.seed)
        self.members = []
        parts: list[tuple[np.ndarray[Any, Any], Predictions]] = []
        half = make_folds(pool.entity, 2, seed=self.seed + 1)
        stops = bool(getattr(make(self.learner, self.inner), "stops", False))
        options = self.inner
        for k in range(self.folds):
            both = [np.flatnonzero((fold == k) & (half == h)) for h in (0, 1)]
            held = np.flatnonzero(fold == k)
            for check, answered in (both, both[::-1]) if stops and all(map(len, both)) else ((held, held),):
                member = make(self.learner, options).fit(pool.take(fold != k), pool.take(check))
                if "diagnose" in member.options:  # the report shows that of the first one
                    options = {**self.inner, "diagnose": False}
                self.members.append(member)
                parts.append((answered, member.predict(pool.take(answered))))
        self.held = Held(
            pool,
            {t.name: _assemble([(h, p[t.name]) for h, p in parts]) for t in pool.tasks.targets},
        )
        return self

    def predict(self, rows: Dataset) -> Predictions:
        """The mean of the K models in each kind's link space."""
        answers = [member.predict(rows) for member in self.members]
        share = [1 / len(answers)] * len(answers)
        return {t.name: t.kind.mix([a[t.name] for a in answers], share) for t in rows.tasks.targets}

    def state(self) -> State:
        """See :class:`Learner`."""
        return {"members": [freeze(member) for member in self.members]}

    def restore(self, state: State, tasks: TaskSet, schema: Schema) -> None:
        """See :class:`Learner`; ``held`` is not kept on disk."""
        self.members = [thaw(member, tasks, schema) for member in state["members"]]


def _assemble(parts: list[tuple[np.ndarray[Any, Any], Prediction]]) -> Prediction:
    order = np.argsort(np.concatenate([held for held, _ in parts]), kind="stable")
    spreads = [p.spread for _, p in parts]
    return Prediction(
        np.concatenate([p.value for _, p in parts])[order],
        None
        if any(s is None for s in spreads)
        else np.concatenate([s for s in spreads if s is not None])[order],
    )
