"""How many rows know the answers of two tasks at once: what sharing and comparison can build on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from umbel.judging.section import Figure, Section, TableData
from umbel.judging.truth import Truth

__all__ = ["overlap", "overlap_section"]

_MOST_GROUPS = 60


def overlap(known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rows known for both tasks of each pair.

    :param known: [B, P].
    :returns: [P, P], the diagonal counting each task's own rows.

    >>> overlap(np.array([[True, True], [True, False]])).tolist()
    [[2, 1], [1, 1]]
    """
    there = known.astype(np.float64)  # a BLAS product; counts are exact below 2**53
    return np.rint(there.T @ there).astype(np.int64)


def overlap_section(truth: Truth) -> Section:
    """Known labels of each target and of each pair; in the rows layout also the sizes of the groups."""
    names = [t.name for t in truth.tasks.targets]
    known = np.stack([truth.known(name) for name in names], axis=1)
    both = overlap(known)
    tables, figures, text = [], [], []
    rows = [
        [name, int(both[i, i]), f"{1 - both[i, i] / max(1, len(truth)):.0%}"] for i, name in enumerate(names)
    ]
    tables.append(TableData(["target", "known rows", "missing"], list(rows), "Known labels by target."))
    if len(names) > 1:
        figures.append(
            Figure(
                "heat",
                "Rows that know both targets",
                matrix=both.astype(np.float64),
                labels=(names, names),
                caption="Rows whose labels of both targets are known; the diagonal counts each target's own.",
            )
        )
        apart = [
            f"{names[i]} and {names[j]}"
            for i in range(len(names))
            for j in range(i)
            if both[i, j] == 0 and both[i, i] and both[j, j]
        ]
        if apart:
            text.append(f"No row knows both of: {'; '.join(apart[:12])}.")
    if truth.tasks.by_rows and truth.group is not None:
        sizes = np.bincount(
            truth.group[known.any(axis=1) & (truth.group >= 0)], minlength=len(truth.tasks.groups)
        )
        unseen = int((known.any(axis=1) & (truth.group < 0)).sum())
        text.append(
            f"Each row belongs to one of {len(sizes)} groups of '{truth.tasks.by}', which have "
            f"{sizes.min()} to {sizes.max()} known rows here (median {np.median(sizes):g})."
        )
        if unseen:
            text.append(f"{unseen} known rows belong to groups that training never saw.")
        if len(sizes) <= _MOST_GROUPS:
            by_group = [[g, int(n)] for g, n in zip(truth.tasks.groups, sizes, strict=True)]
            tables.append(
                TableData([truth.tasks.by or "group", "known rows"], by_group, "Known rows by group.")
            )
    return Section("Label overlap", text, tables, figures)
