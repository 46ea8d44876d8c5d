"""One member answers: the best on held-out rows, as a whole or target by target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.tasks import TaskSet
from umbel.training.held import Held
from umbel.training.learner import LEARNERS, Predictions, State
from umbel.training.learners.ensemble import Ensemble, MemberSpec
from umbel.training.skill import mean_skill, skill

__all__ = ["Chosen"]


@LEARNERS.register("chosen", source="selection by validation, Stone 1974")
class Chosen(Ensemble):
    """The best member by skill on held-out rows.

    :param whole: one member for all targets; else each target has its own.
    """

    name: ClassVar[str] = "chosen"

    def __init__(self, *, members: Mapping[str, MemberSpec] | None = None, whole: bool = False) -> None:
        super().__init__(members=members)
        self.whole = whole

    @property
    def options(self) -> dict[str, Any]:
        """See :class:`Learner`."""
        return {"members": self.specs, "whole": self.whole}

    def mix(self, held: Mapping[str, Held]) -> None:
        """See :class:`Ensemble`."""
        rows = next(iter(held.values())).rows
        self.skills: dict[str, dict[str, float | None]] = {
            t.name: {
                name: skill(t.kind, h.predictions[t.name], rows.values(t.name), rows.weights(t.name))
                for name, h in held.items()
            }
            for t in rows.tasks.targets
        }
        overall = {name: mean_skill(rows, h.predictions) for name, h in held.items()}
        best = max(overall, key=lambda name: overall[name])
        self.overall = overall
        self.choice = {
            t: best if self.whole else max(s, key=lambda name: _or_low(s[name]))
            for t, s in self.skills.items()
        }

    @property
    def used(self) -> list[str]:
        """The chosen members."""
        return [n for n in self.members if n in self.choice.values()]

    def combine(self, rows: Dataset, answers: Mapping[str, Predictions]) -> Predictions:
        """See :class:`Ensemble`."""
        return {t.name: answers[self.choice[t.name]][t.name] for t in rows.tasks.targets}

    @property
    def notes(self) -> Mapping[str, Any]:
        """The choice, and every candidate's skill on the held-out rows."""
        return {"choice": self.choice, "skill": self.skills, "mean_skill": self.overall}

    def mixing(self) -> State:
        """See :class:`Ensemble`."""
        return dict(self.notes)

    def remix(self, state: State, tasks: TaskSet, schema: Schema) -> None:
        """See :class:`Ensemble`."""
        self.choice = dict(state["choice"])
        self.skills, self.overall = state["skill"], state["mean_skill"]


def _or_low(value: float | None) -> float:
    return -float("inf") if value is None else value
