"""Known answers of some rows, as judging wants them."""

from __future__ import annotations

from umbel.data.dataset import Dataset
from umbel.judging.truth import Truth

__all__ = ["truth_of"]


def truth_of(rows: Dataset) -> Truth:
    """The known answers of some rows, as judging wants them."""
    names = [t.name for t in rows.tasks.targets]
    return Truth(
        rows.tasks,
        {n: rows.values(n) for n in names},
        {n: rows.weights(n) for n in names},
        rows.entity,
        rows.group,
    )
