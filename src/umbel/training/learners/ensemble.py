"""What the ensembles share: members by name, fitted here or taken as they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.errors import DataError
from umbel.tasks import TaskSet
from umbel.training.held import Held, held_out
from umbel.training.learner import Learner, Predictions, State
from umbel.training.making import freeze, make, thaw

__all__ = ["Ensemble", "MemberSpec"]

MemberSpec = Mapping[str, Any]
"""``{"learner": name, "options": {...}}``."""


class Ensemble(ABC):
    """Several fitted learners that answer together; how they do is chosen on held-out rows.

    :param members: by the name they have in reports, what they are.
    """

    name: ClassVar[str]

    def __init__(self, *, members: Mapping[str, MemberSpec] | None = None) -> None:
        self.specs = {k: dict(v) for k, v in (members or {}).items()}
        self.members: dict[str, Learner] = {}

    @property
    def joint(self) -> bool:
        """True when a member shares parameters between tasks."""
        return any(member.joint for member in self.members.values())

    @staticmethod
    def serves(train: Dataset) -> str:
        """Always; the members say for themselves."""
        return ""

    @property
    def options(self) -> dict[str, Any]:
        """See :class:`Learner`."""
        return {"members": self.specs}

    @property
    def parameters(self) -> int:
        """Sum over the members that are used."""
        return sum(self.members[name].parameters for name in self.used)

    @property
    @abstractmethod
    def used(self) -> list[str]:
        """Members that have a say."""

    @abstractmethod
    def mix(self, held: Mapping[str, Held]) -> None:
        """Choose how the members answer together.

        :param held: out-of-sample predictions of each member, all of the same rows.
        """

    @abstractmethod
    def combine(self, rows: Dataset, answers: Mapping[str, Predictions]) -> Predictions:
        """The common answer; ``answers`` holds those of the members that are used."""

    @abstractmethod
    def mixing(self) -> State:
        """What :meth:`mix` learned."""

    @abstractmethod
    def remix(self, state: State, tasks: TaskSet, schema: Schema) -> None:
        """Take back what :meth:`mixing` gave."""

    @property
    @abstractmethod
    def notes(self) -> Mapping[str, Any]:
        """See :class:`Learner`."""

    def fit(self, train: Dataset, valid: Dataset) -> Self:
        """Fit the members, then choose how they answer together on held-out rows."""
        fitted = {
            name: make(spec["learner"], spec.get("options")).fit(train, valid)
            for name, spec in self.specs.items()
        }
        return self.of(fitted, {name: held_out(member, valid) for name, member in fitted.items()})

    def of(self, members: Mapping[str, Learner], held: Mapping[str, Held]) -> Self:
        """Use members that are fitted already.

        :param members: fitted on the same rows.
        :param held: their out-of-sample predictions, all of the same rows.
        :raises DataError: there is no member.
        """
        if not members:
            raise DataError(
                "an ensemble has at least one member",
                found=f"'{self.name}' without any",
                remedy="options: {members: {a: {learner: linear}, b: {learner: net}}}; or take auto",
            )
        self.members = dict(members)
        self.specs = {k: {"learner": m.name, "options": m.options} for k, m in members.items()}
        self.mix(held)
        return self

    def predict(self, rows: Dataset) -> Predictions:
        """The members' common answer; see :class:`Learner`."""
        return self.combine(rows, {name: self.members[name].predict(rows) for name in self.used})

    def state(self) -> State:
        """See :class:`Learner`. Only the members that have a say are kept."""
        return {"members": {n: freeze(self.members[n]) for n in self.used}, "mixing": self.mixing()}

    def restore(self, state: State, tasks: TaskSet, schema: Schema) -> None:
        """See :class:`Learner`."""
        self.members = {n: thaw(m, tasks, schema) for n, m in state["members"].items()}
        self.remix(state["mixing"], tasks, schema)
