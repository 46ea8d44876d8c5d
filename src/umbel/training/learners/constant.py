"""The baseline without inputs: what everyone is measured against."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.tasks import Prediction
from umbel.training.learner import LEARNERS, Predictions, State
from umbel.training.learners.classic import Classic, answers, by_group, negative_weights

__all__ = ["Constant"]


@LEARNERS.register("constant", source="maximum likelihood without inputs")
class Constant(Classic):
    """The mean, class shares, label rates or token shares of each task; of all groups for an unseen group."""

    name: ClassVar[str] = "constant"

    def __init__(self) -> None:
        super().__init__()
        self._pooled: dict[str, Prediction] = {}
        self._groups: dict[str, dict[int, Prediction]] = {}

    @staticmethod
    def serves(train: Dataset) -> str:
        """Every kind; see :class:`Learner`."""
        return negative_weights(train)

    def _fit(self, train: Dataset, valid: Dataset) -> None:
        self._pooled, self._groups = {}, {}
        for target in train.tasks.targets:
            self._pooled[target.name] = answers(train, target.name).constant()
            if train.tasks.by_rows:
                found = self._groups[target.name] = {}
                for group in range(len(train.tasks.groups)):
                    own = answers(train, target.name, group)
                    if len(own):
                        found[group] = own.constant()
        self._notes = {"parameters": "one answer per task"}

    def predict(self, rows: Dataset) -> Predictions:
        """See :class:`Learner`."""
        found: Predictions = {}
        for target in rows.tasks.targets:
            values = rows.values(target.name)
            answer = target.kind.at(self._pooled[target.name], values)
            for group, at in by_group(rows):
                own = None if group is None else self._groups.get(target.name, {}).get(group)
                if own is not None:
                    answer = answer.put(at, target.kind.at(own, values[at]))
            found[target.name] = answer
        return found

    @property
    def parameters(self) -> int:
        """See :class:`Learner`."""
        groups = [p for found in self._groups.values() for p in found.values()]
        return sum(p.value.size for p in groups or self._pooled.values())

    def state(self) -> State:
        """See :class:`Learner`."""
        return {
            "pooled": {name: _pack(p) for name, p in self._pooled.items()},
            "groups": {
                name: {str(g): _pack(p) for g, p in found.items()} for name, found in self._groups.items()
            },
        }

    def _restore(self, state: State, schema: Schema) -> None:
        self._pooled = {name: _unpack(p) for name, p in state["pooled"].items()}
        self._groups = {
            name: {int(g): _unpack(p) for g, p in found.items()} for name, found in state["groups"].items()
        }


def _pack(prediction: Prediction) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {"value": prediction.value}
    if prediction.spread is not None:
        found["spread"] = prediction.spread
    return found


def _unpack(state: dict[str, NDArray[Any]]) -> Prediction:
    spread = state.get("spread")
    return Prediction(np.asarray(state["value"]), None if spread is None else np.asarray(spread))
