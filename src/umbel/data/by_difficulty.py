"""Splits by difficulty: test harder than training, or all sides alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import rows_named
from umbel.data.dealing import counts_of, deal
from umbel.data.entities import first_rows
from umbel.data.keys import read_keys
from umbel.data.split_spec import SplitSpec, TestRows
from umbel.errors import ConfigError, DataError, near
from umbel.seeding import numpy_generator
from umbel.shapes import check_shape

__all__ = ["split_by_difficulty"]

WAYS = get_args(TestRows)
STRATUM = 20
"""Entities of like difficulty that are dealt together."""


def split_by_difficulty(
    difficulty: NDArray[Any],
    entities: NDArray[Any],
    shares: Sequence[float],
    *,
    test: TestRows = "hard",
    seed: int = 0,
) -> NDArray[np.int64]:
    """Sides by how hard the rows are to predict.

    An entity is as hard as the mean of its rows. ``hard``: the easiest entities train, the next ones
    validate, the hardest test; ``easy``: the other way round; ``stratified``: from the easiest to the
    hardest, every 20 entities are dealt to the sides by their shares. Entities of unknown difficulty
    (no label) can judge nothing: they train, or have a stratum of their own.

    :param difficulty: [B], any scale, larger is harder; NaN where unknown.
    :param entities: [B], any integers.
    :param shares: of entities of known difficulty; three that sum to 1.
    :param test: see above.
    :param seed: the order among entities that are equally hard, and the dealing.
    :returns: [B]: 0 training, 1 validation, 2 test.
    :raises ConfigError: ``test`` is none of the three, or the shares do not sum to 1.
    :raises DataError: no difficulty is known, or one is infinite (rows are named).

    Source: Hacohen & Weinshall 2019, section 3.1 (difficulty from another model's loss).

    >>> split_by_difficulty(np.array([0.9, 0.1, 0.5, 0.2, np.nan]), np.arange(5), (0.5, 0.25, 0.25)).tolist()
    [2, 0, 1, 0, 0]
    """
    if test not in WAYS:
        raise ConfigError(
            "a split by difficulty is hard, easy or stratified", found=f"{test!r}", remedy=near(test, WAYS)
        )
    parts = read_keys(SplitSpec, {"shares": list(shares)}, "split").shares
    hard = np.asarray(difficulty, dtype=np.float64)
    check_shape("difficulty", hard.shape, ("B",))
    check_shape("entities", np.shape(entities), hard.shape)
    endless = np.flatnonzero(np.isinf(hard))
    if len(endless):
        raise DataError(
            "a difficulty is finite, or unknown", found=rows_named(endless), remedy="NaN is unknown"
        )
    codes = pd.factorize(np.asarray(entities))[0].astype(np.int64)
    each = pd.Series(hard).groupby(codes).mean().to_numpy()  # of an entity's known rows
    known = np.flatnonzero(~np.isnan(each))
    if not len(known):
        raise DataError(
            "a split by difficulty needs rows of known difficulty",
            found=f"none of {len(hard)} rows",
            remedy="check that the tasks have labels",
        )
    chance = numpy_generator(seed, "difficulty")
    luck = chance.permutation(len(first_rows(codes)))[known]
    order = known[np.lexsort((luck, each[known]))]
    sides = np.zeros(len(each), dtype=np.int64)
    if test == "stratified":
        strata = np.full(len(each), -1)
        strata[order] = np.arange(len(order)) // STRATUM
        return deal(strata + 1, counts_of(len(each), parts), chance)[codes]
    if test == "easy":
        order = order[::-1]
    sides[order] = np.repeat(np.arange(3), counts_of(len(order), parts))
    return sides[codes]
