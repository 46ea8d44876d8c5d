"""The baseline of texts: a bigram, which is the linear model of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.tasks import Prediction
from umbel.training.learner import LEARNERS, Predictions, State
from umbel.training.learners.classic import Classic, negative_weights
from umbel.training.solvers.kneser_ney import Bigram, fit_chosen

__all__ = ["BigramMember", "KneserNey", "fit_texts"]


@dataclass(frozen=True)
class BigramMember:
    """What a bigram says of a target of tokens: of all rows, and of each group in the rows layout.

    :param pooled: of all rows.
    :param groups: by group; an unseen group gets the pooled one.
    """

    pooled: Bigram
    groups: Mapping[int, Bigram]

    @property
    def parameters(self) -> int:
        """Counts kept, of the models that answer seen rows."""
        return sum(m.parameters for m in self.groups.values()) or self.pooled.parameters

    def predict(self, rows: Dataset, target: str) -> Prediction:
        """The probability of each true token, and a text that is the same for all rows of a group."""
        values = rows.values(target)
        value = self.pooled.chances(values)
        tokens = np.repeat(self.pooled.write(values.shape[1])[None], len(rows), axis=0)
        if rows.group is not None:
            for group, model in self.groups.items():
                mine = np.flatnonzero(rows.group == group)
                if len(mine):
                    value[mine] = model.chances(values[mine])
                    tokens[mine] = model.write(values.shape[1])
        return Prediction(value, tokens=tokens)

    def state(self) -> dict[str, Any]:
        """All of it as JSON and arrays."""
        groups = {str(group): model.state() for group, model in self.groups.items()}
        return {"pooled": self.pooled.state(), "by_group": groups}

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> BigramMember:
        """The member that :meth:`state` tells of."""
        groups = {int(group): Bigram.from_state(model) for group, model in state["by_group"].items()}
        return BigramMember(Bigram.from_state(state["pooled"]), groups)


def fit_texts(train: Dataset, valid: Dataset, target: str) -> tuple[BigramMember, dict[str, Any]]:
    """The bigram of a target of tokens, its discount chosen on validation, and what was chosen.

    :param train, valid: rows; a group's own bigram has the estimated discount.
    """
    size = train.tasks.target(target).kind.width
    seen = (train.values(target), train.weights(target))
    pooled = fit_chosen(seen, [(valid.values(target), valid.weights(target))], size)
    groups: dict[int, Bigram] = {}
    if train.group is not None:
        for group in range(len(train.tasks.groups)):
            mine = train.group == group
            if (seen[1][mine] != 0).any():
                groups[group] = fit_chosen((seen[0][mine], seen[1][mine]), [], size)
    return BigramMember(pooled, groups), {"discount": pooled.discount, "chosen_on": "validation"}


@LEARNERS.register("kneser_ney", source="Kneser & Ney 1995; Chen & Goodman 1999 (interpolated)")
class KneserNey(Classic):
    """An interpolated Kneser-Ney bigram per target of tokens; it looks at no input.

    Its prediction is the probability of each true token after the true one before it, so it reads the
    answers it is asked about, as every model of tokens does (see :class:`~umbel.tasks.tokens.Tokens`).
    """

    name: ClassVar[str] = "kneser_ney"

    def __init__(self) -> None:
        super().__init__()
        self._members: dict[str, BigramMember] = {}

    @staticmethod
    def serves(train: Dataset) -> str:
        """Targets of tokens alone; see :class:`Learner`."""
        for target in train.tasks.targets:
            if target.kind.response != "sequence":
                return f"'{target.name}' is {target.kind.name}: only tokens"
        return negative_weights(train)

    def _fit(self, train: Dataset, valid: Dataset) -> None:
        self._members = {}
        for target in train.tasks.targets:
            found = fit_texts(train, valid, target.name)
            self._members[target.name], self._notes[target.name] = found

    def predict(self, rows: Dataset) -> Predictions:
        """See :class:`Learner`."""
        return {t.name: self._members[t.name].predict(rows, t.name) for t in rows.tasks.targets}

    @property
    def parameters(self) -> int:
        """See :class:`Learner`."""
        return sum(member.parameters for member in self._members.values())

    def state(self) -> State:
        """See :class:`Learner`."""
        return {"members": {name: member.state() for name, member in self._members.items()}}

    def _restore(self, state: State, schema: Schema) -> None:
        self._members = {n: BigramMember.from_state(s) for n, s in state["members"].items()}
