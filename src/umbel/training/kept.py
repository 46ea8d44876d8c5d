"""What a learner has kept of its fit, however deep it stands in cross-fits and ensembles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from umbel.training.learner import Learner
from umbel.training.learners.cross_fit import CrossFit
from umbel.training.learners.ensemble import Ensemble

__all__ = ["kept"]


def kept(learner: Learner, note: str) -> Mapping[str, Any]:
    """A note of a learner, or of the first of its members that has it.

    :param note: ``curves`` or ``gradients``, see the notes of a net.
    :returns: empty where none has it.
    """
    found: Mapping[str, Any] | None = learner.notes.get(note)
    if found or not isinstance(learner, CrossFit | Ensemble):
        return found or {}
    members = learner.members if isinstance(learner, CrossFit) else learner.members.values()
    return next((told for told in (kept(member, note) for member in members) if told), {})
