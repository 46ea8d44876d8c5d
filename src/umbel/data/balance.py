"""A split whose sides have their shares of every task, class, label, quantile and group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.balance_codes import quantile_codes, strata_of
from umbel.data.balance_strata import GROUPS, KNOWN, LABELLED, Strata, columns_of
from umbel.data.balance_ways import CORE, RANDOM, large, largest_of, random_sides, small
from umbel.errors import ConfigError, DataError, ShapeError

__all__ = ["RANDOM", "Balanced", "quantile_codes", "random_sides", "split_balanced", "strata_of"]

SIDES = ("train", "valid", "test")


@dataclass(frozen=True)
class Balanced:
    """A split and how near it has come to its wish.

    :param sides: the side of each row, [B], numbers from 0 in the order of the shares.
    :param deviations: one line per task, class and side of a share above 0: ``task``, ``class``, ``side``,
        ``wished`` and ``reached`` (parts of the rows with this class), ``deviation`` (their difference) and
        ``entities`` (how many carry it). ``(labelled)`` is every labelled row of a task, ``(groups)`` the
        groups of the rows layout, ``(rows)`` every row where no task is complete, and ``0 (known)`` the
        rows where label 0 is known where labels are missing apart.
    :param largest: the largest deviation over tasks, classes and sides, in [0, 1]; not of all rows or of
        known cells.
    """

    sides: NDArray[np.int64]
    deviations: pd.DataFrame
    largest: float


def split_balanced(
    entities: NDArray[np.int64],
    labels: Mapping[str, NDArray[Any]],
    shares: Sequence[float],
    *,
    seed: int,
    groups: NDArray[np.int64] | None = None,
    exact: bool | Literal["auto"] = "auto",
    names: Sequence[str] = (),
    classes: Mapping[str, Sequence[str]] | None = None,
) -> Balanced:
    """Sides for the entities so that each has its share of all labels, as near as entities allow.

    A split keeps three promises, where there is one that keeps all of them:

    1. each task has a label on each side whose share is above 0 (else it is an error);
    2. the largest deviation is at most that of the best of 20 random splits that keep the first;
    3. a class, label, quantile or group none of whose entities weighs more than 1 / entities of its rows
       deviates by at most 1 / entities on every side.

    Where no split keeps all three they go before one another in this order: a task in three entities has one
    on each of three sides, whatever their shares. In a small table (entities with unlike counts times sides
    up to 240) an integer program looks for one, up to 20,000 entities a search does; in a larger table the
    third is aimed at, not promised.

    Rare strata are dealt first, then entities are moved and swapped; a small table is split exactly. In a
    large one most entities are dealt by chance, those with the same labels evenly, and what is rare or
    heavy, and a reserve of 4,000, is dealt afterwards to where it lacks.

    :param entities: [B], numbers from 0; rows of one entity stay together.
    :param labels: by task, codes [B] of class or quantile from 0 (-1 missing), or 0/1 [B, L] (NaN missing).
    :param shares: [S], each >= 0, they sum to 1; the first is training.
    :param seed: of all chance. The same seed gives the same split.
    :param groups: [B], group of the rows layout, -1 unknown; each is balanced and stands in training.
    :param exact: whether to solve the mixed-integer program; ``auto``: where it is small.
    :param names: of the sides, for the table and errors.
    :param classes: by task, the names of its classes or labels in the order of their numbers, and under
        ``(groups)`` those of the groups; for the table and errors, which have the numbers where None.
    :returns: the side of each row and the deviations reached.
    :raises DataError: a task has no label on a side whose share is above 0 (task, side and the smallest
        share that would work are named).
    :raises ConfigError: the shares do not sum to 1.
    :raises ShapeError: labels, groups or entities have another shape.

    Source: Sechidis et al. 2011 (iterative stratification) for the order; the program is solved by HiGHS.

    >>> found = split_balanced(np.arange(10), {"y": np.array([0] * 8 + [1] * 2)}, (0.5, 0.5), seed=0)
    >>> np.bincount(found.sides[:8]), np.bincount(found.sides[8:]), round(found.largest, 6)
    (array([4, 4]), array([1, 1]), 0.0)
    """
    wished = _shares(shares)
    names = _names(names, len(wished))
    if exact not in (True, False, "auto"):
        raise ConfigError("exact is true, false or auto", found=repr(exact))
    entities = np.asarray(entities)
    if entities.ndim != 1 or not len(entities) or entities.dtype.kind not in "iu" or int(entities.min()) < 0:
        raise ShapeError("entities are numbers from 0, one per row", found=str(list(entities.shape)))
    if int(entities.max()) >= len(entities) or not np.bincount(entities).all():
        entities = pd.factorize(entities)[0].astype(np.int64)
    strata = Strata(columns_of(labels, groups, len(entities)), entities)
    used = np.flatnonzero(wished > 0)
    wished = wished[used]
    required = _required(strata, labels, wished, [names[side] for side in used], training=bool(used[0] == 0))
    if strata.count <= CORE:
        found, excess, missing = small(strata, wished, required, seed=seed, exact=exact)
    elif exact is True:
        raise ConfigError(
            f"an exact split has at most {CORE:,} entities", found=f"{strata.count:,}", remedy="exact: auto"
        )
    else:
        found, excess, missing = large(strata, wished, required, seed=seed)
    told = [(task, _class_name(name, (classes or {}).get(task, ()))) for task, name in strata.names]
    if missing.any():
        stratum, side = np.argwhere(missing)[0]
        raise _absent(strata, int(stratum), names[used[side]], len(used), told[stratum][1])
    table = _table(strata, excess, wished, [names[side] for side in used], told)
    return Balanced(used[found[entities]], table, largest_of(strata, excess))


def _class_name(name: str, classes: Sequence[str]) -> str:
    """The name of a stratum with the class's own name for its number, where there is one."""
    code = name.removesuffix(KNOWN)
    return classes[int(code)] + name[len(code) :] if code.isdigit() and int(code) < len(classes) else name


def _shares(shares: Sequence[float]) -> NDArray[np.float64]:
    wished = np.asarray(shares, dtype=np.float64)
    ok = wished.ndim == 1 and len(wished) > 0 and bool(np.isfinite(wished).all()) and wished.min() >= 0
    if not ok or abs(float(wished.sum()) - 1) > 1e-6:
        raise ConfigError(
            "shares are numbers >= 0 that sum to 1",
            found=f"{[float(s) for s in np.ravel(wished)]}, sum {float(wished.sum()):g}",
            remedy="e.g. 0.7, 0.1, 0.2",
        )
    return np.asarray(wished / wished.sum())


def _names(names: Sequence[str], count: int) -> list[str]:
    if names and len(names) != count:
        raise ConfigError("each side has one name", found=f"{len(names)} names, {count} shares")
    if names:
        return list(names)
    return list(SIDES) if count == len(SIDES) else [f"side {number}" for number in range(count)]


def _required(
    strata: Strata,
    labels: Mapping[str, Any],
    shares: NDArray[np.float64],
    names: list[str],
    *,
    training: bool,
) -> NDArray[np.bool_]:
    """Where a stratum has to be: each task's labels on each side, each group in training, [F, S]."""
    for task in labels:
        if (task, LABELLED) not in strata.names:
            raise DataError(
                "each task has a label on each side of the split whose share is above 0",
                found=f"task '{task}', side '{names[0]}': it has no label at all",
                remedy=f"no share would work: give '{task}' labels, or leave it out",
            )
    required = np.zeros((len(strata.names), len(shares)), dtype=bool)
    for stratum, (task, name) in enumerate(strata.names):
        required[stratum] = name == LABELLED
        if task == GROUPS and training:
            required[stratum, 0] = True
        if name == LABELLED and strata.carriers[stratum] < len(shares):
            raise _absent(strata, stratum, names[int(np.argmin(shares))], len(shares))
    return required


def _absent(strata: Strata, stratum: int, side: str, sides: int, name: str = LABELLED) -> DataError:
    task, entities = strata.names[stratum][0], int(strata.carriers[stratum])
    what = f"task '{task}'" if name == LABELLED else f"group '{name}'"
    return DataError(
        "each task has a label on each side of the split whose share is above 0",
        found=f"{what}, side '{side}': {int(strata.total[stratum])} labels in {entities} "
        f"{'entity' if entities == 1 else 'entities'}, and {sides} sides have a share",
        remedy=f"the smallest share of '{side}' that would work is {1 / entities:.3g} (one of {entities}), "
        "with the share of another side 0; or 0 for it, more labels, or the task left out",
    )


def _table(
    strata: Strata,
    excess: NDArray[np.float64],
    shares: NDArray[np.float64],
    names: list[str],
    told: list[tuple[str, str]],
) -> pd.DataFrame:
    """The deviations, one line per stratum and side.

    :param told: task and class of each stratum, as the table names them.
    """
    count, sides = excess.shape
    deviation = (excess / strata.total[:, None]).ravel()
    wished = np.tile(shares, count)
    return pd.DataFrame(
        {
            "task": np.repeat(np.array([task for task, _ in told], dtype=object), sides),
            "class": np.repeat(np.array([name for _, name in told], dtype=object), sides),
            "side": np.tile(np.array(names, dtype=object), count),
            "wished": wished,
            "reached": wished + deviation,
            "deviation": deviation,
            "entities": np.repeat(strata.carriers.astype(np.int64), sides),
        }
    )
