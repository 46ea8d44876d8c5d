"""Independent training: one model per task, each tuned for its task alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.tasks import Prediction, TaskSet
from umbel.training.learner import LEARNERS, Learner, Predictions, State
from umbel.training.making import freeze, make, thaw
from umbel.training.search import EachInTurn, Search

__all__ = ["Independent"]


@LEARNERS.register("independent", source="the single-task reference of Caruana 1997")
class Independent:
    """One learner per task, fitted on that task's labels only, with the same space of options each.

    :param learner: name of the learner that is fitted per task.
    :param space: sets of options to try per task (see ``training.search``); the joint model is given
        the same space, so that neither has the better tuning.
    :param keep: of the sets of options the best on validation, or the average of all.
    :param search: how the space is searched.
    """

    name: ClassVar[str] = "independent"
    joint: ClassVar[bool] = False

    def __init__(
        self,
        *,
        learner: str = "net",
        space: Sequence[Mapping[str, Any]] = ({},),
        keep: Literal["best", "average"] = "best",
        search: Search | None = None,
    ) -> None:
        self.learner, self.space, self.keep = learner, [dict(options) for options in space], keep
        self.search: Search = search or EachInTurn(keep)
        self.members: dict[str, Learner] = {}

    @property
    def stops(self) -> bool:
        """As the learner that is fitted per task."""
        return bool(getattr(make(self.learner, self.space[0]), "stops", False))

    @staticmethod
    def serves(train: Dataset) -> str:
        """Always: what it holds per task says for itself whether it serves."""
        return ""

    @property
    def options(self) -> dict[str, Any]:
        """See :class:`Learner`."""
        return {"learner": self.learner, "space": self.space, "keep": self.keep}

    @property
    def parameters(self) -> int:
        """Sum over the tasks' models."""
        return sum(member.parameters for member in self.members.values())

    @property
    def notes(self) -> Mapping[str, Any]:
        """What each task's model chose."""
        return {
            "tasks": {
                task: {"options": member.options, **member.notes} for task, member in self.members.items()
            }
        }

    def fit(self, train: Dataset, valid: Dataset) -> Independent:
        """Fit one model per task; see :class:`Learner`."""
        self.members = {}
        for task in train.tasks.tasks:
            if task.group is None:
                # the rows' encoded inputs are shared; the learner leaves out rows without a label
                mine, check = train.only(task.target), valid.only(task.target)
            else:
                mine, check = train.alone(task), valid.alone(task)
                if len(check) == 0:  # a small group may have no validation row: a fifth of its own
                    every = np.arange(len(mine))
                    mine, check = mine.take(every % 5 != 0), mine.take(every % 5 == 0)
            self.members[task.name] = self.search.choose(self.learner, self.space, mine, check)
        return self

    def predict(self, rows: Dataset) -> Predictions:
        """Each task's own model answers for its rows; see :class:`Learner`.

        :raises KindError: never; rows of a group that training did not see get the mean answer of
            all groups' models.
        """
        if not rows.tasks.by_rows:
            return {
                target.name: self.members[target.name].predict(rows.only(target.name))[target.name]
                for target in rows.tasks.targets
            }
        return {target.name: self._by_group(rows, target.name) for target in rows.tasks.targets}

    def _by_group(self, rows: Dataset, target: str) -> Prediction:
        assert rows.group is not None, "the rows layout has groups"
        answer: Prediction | None = None
        alone = TaskSet((rows.tasks.target(target),))
        for task in rows.tasks.tasks:
            if task.target != target:
                continue
            mine = np.flatnonzero(rows.group == task.group)
            if len(mine):
                part = self.members[task.name].predict(rows.take(mine).under(alone))[target]
                if answer is None:
                    answer = part.take(np.zeros(len(rows), dtype=int))
                answer = answer.put(mine, part)
        unseen = np.flatnonzero(rows.group < 0)
        if len(unseen):
            view = rows.take(unseen).under(alone)
            parts = [
                self.members[t.name].predict(view)[target] for t in rows.tasks.tasks if t.target == target
            ]
            mixed = alone.targets[0].kind.mix(parts, [1 / len(parts)] * len(parts))
            answer = (answer or mixed.take(np.zeros(len(rows), dtype=int))).put(unseen, mixed)
        assert answer is not None, "there is at least one row"
        return answer

    def state(self) -> State:
        """See :class:`Learner`."""
        return {"members": {task: freeze(member) for task, member in self.members.items()}}

    def restore(self, state: State, tasks: TaskSet, schema: Schema) -> None:
        """See :class:`Learner`."""
        self.members = {}
        for task in tasks.tasks:
            own = tasks.only(task.target)
            self.members[task.name] = thaw(
                state["members"][task.name], own if task.group is None else TaskSet(own.targets), schema
            )
