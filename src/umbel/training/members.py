"""Members of a comparison: fitted one after another, with their cost, and held-out predictions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from umbel.data.dataset import Dataset
from umbel.training.build import Plan
from umbel.training.held import Held, held_out
from umbel.training.learner import Learner
from umbel.training.learners.ensemble import Ensemble
from umbel.training.search import Search

__all__ = ["Cost", "Members"]


@dataclass(frozen=True)
class Cost:
    """What a model cost.

    :param cpu_seconds: of fitting it, its tuning included; of an ensemble, its members included.
    :param parameters: learned numbers.
    """

    cpu_seconds: float
    parameters: int


def _quiet(text: str) -> None:
    """Say nothing."""


@dataclass
class Members:
    """Fitted learners by name.

    :param train, valid: rows they are fitted and chosen on.
    :param note: told what begins, e.g. for a progress line.
    """

    train: Dataset
    valid: Dataset
    seed: int = 0
    search: Search | None = None
    note: Callable[[str], None] = _quiet
    learners: dict[str, Learner] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    costs: dict[str, Cost] = field(default_factory=dict)

    def fit(self, name: str, plan: Plan) -> Learner:
        """Fit a member, unless it is there."""
        if name not in self.learners:
            self.note(name)
            begin = time.process_time()
            fitted = plan.fit(self.train, self.valid, seed=self.seed, search=self.search)
            spent = time.process_time() - begin
            self.keep(name, fitted, held_out(fitted, self.valid), spent)
        return self.learners[name]

    def combine(self, name: str, ensemble: Ensemble, members: list[str]) -> Learner:
        """Build an ensemble of members that are fitted; its cost counts theirs."""
        self.note(name)
        begin = time.process_time()
        ensemble.of(self.pick(members), {m: self.held[m] for m in members})
        rows = self.held[members[0]].rows
        answers = {m: self.held[m].predictions for m in ensemble.used}
        spent = time.process_time() - begin + sum(self.costs[m].cpu_seconds for m in members)
        self.keep(name, ensemble, Held(rows, ensemble.combine(rows, answers)), spent)
        return ensemble

    def keep(self, name: str, learner: Learner, held: Held, cpu_seconds: float) -> None:
        """Take a fitted learner as a member."""
        self.learners[name], self.held[name] = learner, held
        self.costs[name] = Cost(cpu_seconds, learner.parameters)

    def rename(self, name: str, source: str) -> None:
        """Let a member be known under a second name too."""
        self.learners[name], self.held[name] = self.learners[source], self.held[source]
        self.costs[name] = self.costs[source]

    def pick(self, names: list[str]) -> Mapping[str, Learner]:
        """Some of the learners."""
        return {name: self.learners[name] for name in names}
