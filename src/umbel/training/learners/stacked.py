"""Stacking: a linear model over the members' out-of-sample predictions of **all** tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from umbel.data.dataset import Dataset
from umbel.data.schema import Column, Schema
from umbel.tasks import TaskSet
from umbel.training.held import Held
from umbel.training.learner import LEARNERS, Predictions, State
from umbel.training.learners.cross_fit import CrossFit
from umbel.training.learners.ensemble import Ensemble, MemberSpec

__all__ = ["Stacked"]


@LEARNERS.register("stacked", source="Wolpert 1992; Breiman 1996, Stacked regressions")
class Stacked(Ensemble):
    """What one task's members know serves the others: ratings help the prizes, genres the takings.

    The inputs are the link scores of every member and target; the model over them is cross-fitted, so
    that its strength is chosen on rows it does not see.

    :param meta: name of the learner over the scores.
    :param folds: folds of its cross-fitting.
    """

    name: ClassVar[str] = "stacked"

    def __init__(
        self,
        *,
        members: Mapping[str, MemberSpec] | None = None,
        meta: str = "linear",
        folds: int = 5,
    ) -> None:
        super().__init__(members=members)
        self.meta, self.folds = meta, folds

    @property
    def options(self) -> dict[str, Any]:
        """See :class:`Learner`."""
        return {"members": self.specs, "meta": self.meta, "folds": self.folds}

    def mix(self, held: Mapping[str, Held]) -> None:
        """See :class:`Ensemble`."""
        rows = next(iter(held.values())).rows
        view = _scores(rows, {name: h.predictions for name, h in held.items()})
        self.columns = view.schema.names
        self.top = CrossFit(learner=self.meta, folds=self.folds)
        self.top.fit(view, view.take(np.zeros(0, dtype=int)))

    @property
    def used(self) -> list[str]:
        """All members."""
        return list(self.members)

    def combine(self, rows: Dataset, answers: Mapping[str, Predictions]) -> Predictions:
        """See :class:`Ensemble`."""
        return self.top.predict(_scores(rows, answers))

    @property
    def notes(self) -> Mapping[str, Any]:
        """What the model over the scores chose."""
        return {"meta": self.meta, **self.top.notes}

    def mixing(self) -> State:
        """See :class:`Ensemble`."""
        return {"top": self.top.state(), "columns": self.columns}

    def remix(self, state: State, tasks: TaskSet, schema: Schema) -> None:
        """See :class:`Ensemble`."""
        self.columns = list(state["columns"])
        self.top = CrossFit(learner=self.meta, folds=self.folds)
        self.top.restore(state["top"], tasks, Schema(tuple(Column(name, "number") for name in self.columns)))


def _scores(rows: Dataset, answers: Mapping[str, Predictions]) -> Dataset:
    """The rows with the members' link scores as their only inputs."""
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for member, predictions in answers.items():
        for target in rows.tasks.targets:
            for k, score in enumerate(target.kind.link(predictions[target.name].value).T):
                columns[f"{member}: {target.name} {k}"] = score
    return Dataset(
        pd.DataFrame(columns),
        Schema(tuple(Column(name, "number") for name in columns)),
        rows.tasks,
        np.arange(len(rows)),
        {
            t.name: type(rows.answers[t.name])(rows.values(t.name), rows.weights(t.name))
            for t in rows.tasks.targets
        },
        rows.entity,
        rows.group,
    )
