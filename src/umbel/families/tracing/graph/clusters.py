"""What belongs together: concepts, or questions of one concept, by what answers on them say of each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from umbel.errors import ShapeError
from umbel.families.tracing.graph.blocks import block_model, joined

__all__ = ["affinity", "clusters"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SHARE = 1 / 3
"""Two clusters are one when a pair between them has on average more than this share of what pairs within
have."""
MOST = 20
"""Clusters at most that are looked for, unless told otherwise."""


def clusters(*evidence: Floats, most: int | None = None, seed: int = 0) -> Ints:
    """The cluster of each concept; their number is found, not given.

    The evidence becomes one affinity (:func:`affinity`). A block model says how many clusters there are and
    who is in which (:func:`~umbel.families.tracing.graph.blocks.block_model`), and clusters that are parts
    of one are joined (:func:`~umbel.families.tracing.graph.blocks.joined`). To recover the concepts of
    questions, give the evidence of a log whose questions are its concepts
    (:func:`~umbel.families.tracing.graph.questions.questions_as_concepts`).

    :param evidence: matrices [C, C] in which a pair that belongs together stands out by a high number, each
        in a unit of its own: the influence of answers
        (:func:`~umbel.families.tracing.graph.influence.influence`), the z of practice
        (:func:`~umbel.families.tracing.graph.practice.before_after`); NaN where it says nothing.
    :param most: clusters at most; 20, or a third of the concepts, where None.
    :param seed: of the search.
    :returns: [C], numbers from 0 in the order of their first concepts.
    :raises ShapeError: no matrix, or matrices that are not square and of one size.
    """
    found = affinity(*evidence)
    count = len(found)
    groups = block_model(
        found, most=min(MOST, max(1, count // 3)) if most is None else most, seed=seed
    ).groups
    return joined(found, groups, share=SHARE)


def affinity(*evidence: Floats) -> Floats:
    """How much pairs belong together by all evidence, [C, C], symmetric, 0 for a usual pair.

    Both directions of a pair are averaged, the rest is told by robust units: most pairs do not belong
    together, so the median is a pair that shares nothing, and the median distance from it is chance
    (Rousseeuw & Croux 1993). Evidence is added up in these units; evidence that says nothing at all (practice
    where all students have one order) is left out. Last, each concept is brought to the same size: one whose
    answers show little belongs to its cluster no less.

    :raises ShapeError: as :func:`clusters`.
    """
    sizes = {one.shape for one in evidence}
    if len(sizes) != 1 or len(shape := next(iter(sizes))) != 2 or shape[0] != shape[1]:
        raise ShapeError(
            "evidence of what belongs together is a square matrix, concepts times concepts",
            found=", ".join(map(str, sizes)) or "none",
            remedy="give matrices [C, C] of the same concepts",
        )
    total = np.zeros(shape)
    for one in evidence:
        pair = np.stack([one, one.T])
        known = np.isfinite(pair)
        mean = np.where(known, pair, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        there = known.any(axis=0) & ~np.eye(len(one), dtype=bool)
        if not there.any():
            continue
        left = _polished(np.where(there, mean, np.nan))
        usual = 1.4826 * np.median(np.abs(left[there]))
        if usual > 1e-12:
            total += np.where(there, left / usual, 0.0)
    return _levelled(total)


def _polished(matrix: Floats) -> Floats:
    """A symmetric matrix less what each row, and with it each column, shares with all others.

    First by least squares, which takes off exactly what is a sum of two concepts' own parts, then by medians,
    which the few pairs that belong together do not move (Tukey 1977).
    """
    known = np.isfinite(matrix)
    system = known + np.diag(known.sum(axis=1))
    own = np.linalg.lstsq(system, np.where(known, matrix, 0.0).sum(axis=1), rcond=None)[0]
    left = matrix - own[:, None] - own
    some = known.any(axis=1)
    for _ in range(20):
        middle = np.zeros(len(left))
        middle[some] = np.nanmedian(left[some], axis=1)
        left = left - (middle[:, None] + middle) / 2
    return np.asarray(left, dtype=np.float64)


def _levelled(matrix: Floats) -> Floats:
    """Rows and columns scaled so that each has the mean square 1 off the diagonal, the median taken off."""
    count = len(matrix)
    off = ~np.eye(count, dtype=bool)
    found = np.where(off, matrix, 0.0)
    for _ in range(50):
        size = np.sqrt((found**2).sum(axis=1) / max(1, count - 1))
        root = np.sqrt(np.where(size > 1e-9, size, 1.0))
        found = found / np.outer(root, root)
    if count > 1:
        found = np.where(off, found - np.median(found[off]), 0.0)
    return found
