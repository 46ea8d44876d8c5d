"""Items dealt to sides or folds: exact totals, even within each stratum, by chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.entities import first_rows
from umbel.errors import DataError
from umbel.seeding import numpy_generator

__all__ = ["counts_of", "deal", "folds"]


def deal(strata: NDArray[np.int64], sizes: list[int], chance: np.random.Generator) -> NDArray[np.int64]:
    """A side for each item, exactly ``sizes`` of each in total and evenly within each stratum.

    Items stand in a row, stratum after stratum, in random order within; the k-th item of a side with n
    items stands nearest to place (k + 1/2) / n, so each stretch has its share of each side, give or take 1.
    """
    order = chance.permutation(len(strata))
    ranks = chance.permutation(int(strata.max(initial=0)) + 1)
    order = order[np.argsort(ranks[strata[order]], kind="stable")]
    places = np.concatenate([(np.arange(n) + 0.5) / n for n in sizes if n])
    labels = np.repeat(np.arange(len(sizes)), sizes)
    sides = np.empty(len(strata), dtype=np.int64)
    sides[order] = labels[np.argsort(places, kind="stable")]
    return sides


def counts_of(total: int, shares: tuple[float, ...]) -> list[int]:
    """Whole numbers near the shares that sum to the total; none is 0 whose share is not, if it can be."""
    ends = np.round(np.cumsum(shares) * total + 1e-9).astype(int)
    ends[-1] = total
    counts = np.diff(ends, prepend=0)
    for i, share in enumerate(shares):
        if share > 0 and counts[i] == 0 and counts.max() > 1:
            counts[np.argmax(counts)] -= 1
            counts[i] += 1
    return [int(c) for c in counts]


def folds(
    entities: NDArray[np.int64],
    count: int,
    seed: int,
    groups: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Folds for cross-fitting: rows of one entity share a fold.

    :param entities: [B], any numbers.
    :param count: number of folds, >= 2; fewer where there are fewer entities.
    :param seed: the draw.
    :param groups: [B]; folds are even within each group.
    :returns: [B], numbers of folds from 0; predict fold k from a fit on the others.
    :raises DataError: fewer than two entities.

    >>> fold = folds(np.array([0, 0, 1, 2]), 3, seed=0)
    >>> bool(fold[0] == fold[1]), sorted(set(fold.tolist()))
    (True, [0, 1, 2])
    """
    codes = pd.factorize(entities)[0].astype(np.int64)
    first = first_rows(codes)
    count = min(count, len(first))
    if count < 2:
        raise DataError(
            "cross-fitting needs at least two entities",
            found=f"{len(entities)} rows of {len(first)} entities",
            remedy="give more rows",
        )
    strata = np.zeros(len(first), dtype=np.int64) if groups is None else groups[first] + 1
    shares = tuple([1 / count] * count)
    dealt: NDArray[np.int64] = deal(strata, counts_of(len(first), shares), numpy_generator(seed, "folds"))
    return dealt[codes]
