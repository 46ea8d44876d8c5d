"""Predictions for rows that a learner was not fitted on: what choosing, mixing and deciding rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from umbel.data.dataset import Dataset
from umbel.tasks import Rule
from umbel.training.learner import Learner, Predictions

__all__ = ["Held", "KeepsHeld", "fit_rules", "held_out"]


@dataclass(frozen=True)
class Held:
    """Rows with known answers and out-of-sample predictions of them."""

    rows: Dataset
    predictions: Predictions


@runtime_checkable
class KeepsHeld(Protocol):
    """A learner that has kept its own out-of-fold predictions (see ``CrossFit``)."""

    held: Held


def held_out(learner: Learner, valid: Dataset) -> Held:
    """Out-of-fold predictions where the learner keeps them, else its predictions of ``valid``."""
    if isinstance(learner, KeepsHeld):
        return learner.held
    return Held(valid, learner.predict(valid))


def fit_rules(held: Held) -> dict[str, Rule]:
    """How decisions are taken, per target column, chosen on held-out rows."""
    rules: dict[str, Rule] = {}
    for target in held.rows.tasks.targets:
        known = held.rows.known(target.name)
        rules[target.name] = target.kind.fit_rule(
            held.predictions[target.name].take(known),
            held.rows.values(target.name)[known],
            held.rows.weights(target.name)[known],
            metric=target.decide_by,
            costs=target.costs,
        )
    return rules
