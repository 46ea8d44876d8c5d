"""Whether the answers of each task are distributed alike on the sides of a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.audit_tasks import Part, TaskTable
from umbel.data.split import SIDES
from umbel.seeding import numpy_generator

__all__ = ["Drift", "find_drifts", "holm", "measure_classes", "measure_numbers"]

LEAST = 20
"""Known answers on each side, below which nothing is tested."""
LEVEL = 0.01
SMALL = 0.1
"""Cramer's V, and distance of Kolmogorov and Smirnov, up to which a drift is small."""

EXACT = 500

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Drift:
    """Answers of one task on one side, held against those of training.

    :param task: its name.
    :param side: ``valid`` or ``test``.
    :param part: the label it is about, of a target with several; the one that differs most.
    :param test: ``chi-square`` or ``Kolmogorov-Smirnov``.
    :param p: its p-value; of several labels, Holm's of the smallest.
    :param adjusted: Holm's p-value over the tasks of the side.
    :param effect: Cramer's V, or the largest distance of the two distribution functions; 0 to 1.
    :param shift: difference of means in units of the common standard deviation (numbers only).
    :param counts: known answers that were used, in training and on the side.
    """

    task: str
    side: str
    part: str
    test: str
    p: float
    adjusted: float
    effect: float
    shift: float | None
    counts: tuple[int, int]

    @property
    def warns(self) -> bool:
        """Significant at 0.01 and not small (above 0.1)."""
        return self.adjusted < LEVEL and self.effect > SMALL

    @property
    def words(self) -> str:
        """One sentence."""
        what = f"'{self.task}'" + (f" ({self.part})" if self.part else "")
        name = "Cramer's V" if self.test == "chi-square" else "distance"
        shift = "" if self.shift is None else f", means {self.shift:+.2f} standard deviations apart"
        return (
            f"Answers of {what} differ between training and {self.side}: {name} {self.effect:.2f}{shift} "
            f"({self.test}, p {self.adjusted:.1e} after Holm)."
        )


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down p-values: the chance of any false alarm among all tests is held.

    :param p: [P] in [0, 1].
    :returns: [P], in the same order.

    Source: Holm 1979.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    found = np.empty(len(p))
    worst = 0.0
    for rank, place in enumerate(order):
        worst = max(worst, min(1.0, (len(p) - rank) * p[place]))
        found[place] = worst
    return [float(value) for value in found]


def measure_classes(one: pd.Series, other: pd.Series) -> tuple[float, float]:
    """p-value of the chi-square test of two samples of classes, and Cramer's V.

    Classes expected fewer than five times on a side are taken together, the rarest first, so that the
    test's approximation holds; where they stay too rare, the next is joined to them.

    :param one, other: known classes.

    Source: Pearson 1900; Cramer 1946, ch. 21.

    >>> p, v = measure_classes(pd.Series(["a", "b"] * 50), pd.Series(["a", "b"] * 20))
    >>> round(p, 6), round(v, 6)
    (1.0, 0.0)
    """
    from scipy.stats import chi2_contingency

    codes = pd.factorize(pd.concat([one, other], ignore_index=True))[0]
    width = int(codes.max(initial=-1)) + 1
    table = np.stack([np.bincount(part, minlength=width) for part in (codes[: len(one)], codes[len(one) :])])
    need = 5 * table.sum() / table.sum(axis=1).min()
    kept: list[NDArray[np.int64]] = []
    rest = np.zeros(2, dtype=np.int64)
    for column in table.T[np.argsort(table.sum(axis=0), kind="stable")]:
        if column.sum() < need or 0 < rest.sum() < need:
            rest = rest + column
        else:
            kept.append(column)
    if rest.sum():
        kept.append(rest)
    if len(kept) < 2:
        return 1.0, 0.0
    counts = np.stack(kept, axis=1)
    found = chi2_contingency(counts, correction=False)
    return float(found.pvalue), float(np.sqrt(found.statistic / counts.sum()))


def measure_numbers(one: Numbers, other: Numbers) -> tuple[float, float, float]:
    """p-value and distance of the Kolmogorov-Smirnov test, and the standardised difference of means.

    :param one, other: known numbers.

    Source: Smirnov 1939; Cohen 1988, eq. 2.5.2 for the difference.
    """
    from scipy.stats import ks_2samp

    # the exact distribution is slow for large samples, and may fail there
    found = ks_2samp(one, other, method="exact" if max(len(one), len(other)) <= EXACT else "asymp")
    spread = float(np.sqrt((one.var() + other.var()) / 2))
    return (
        float(found.pvalue),
        float(found.statistic),
        float(other.mean() - one.mean()) / spread if spread else 0.0,
    )


def find_drifts(
    table: TaskTable,
    entities: NDArray[np.int64],
    rows: NDArray[np.int64],
    sides: NDArray[np.int8],
    *,
    seed: int = 0,
) -> list[Drift]:
    """Each task's answers on validation and test, held against those of training.

    Rows of one entity are no independent draws, so that each entity gives one known answer per task and
    side, drawn by chance; the p-values would else be far too small. Tasks with fewer than 20 of them on a
    side are left out.

    :param table: the tasks.
    :param entities: [B], of all rows of the table.
    :param rows: the rows that are looked at.
    :param sides: [B], of all rows.
    :param seed: of the rows that speak for their entity.
    """
    rows = numpy_generator(seed, "drift").permutation(rows)
    found: list[Drift] = []
    parts = {target: table.parts(target, rows) for target in table.targets}
    groups: Sequence[int | None] = [None] if table.groups is None else range(len(table.labels))
    names = iter(table.names)
    tasks = [(next(names), target, group) for target in table.targets for group in groups]
    sizes = [_sizes(table, rows[sides[rows] == number]) for number in range(len(SIDES))]
    for number, side in enumerate(SIDES[1:], start=1):
        tested = []
        for name, target, group in tasks:
            here = np.ones(len(rows), dtype=bool)
            if group is not None and table.groups is not None:
                if min(sizes[0][group], sizes[number][group]) < LEAST:
                    continue
                here = table.groups[rows] == group
            one = _measure(name, side, number, parts[target], here, entities[rows], sides[rows])
            tested += [one] if one is not None else []
        adjusted = holm([one.p for one in tested])
        found += [
            Drift(d.task, d.side, d.part, d.test, d.p, a, d.effect, d.shift, d.counts)
            for d, a in zip(tested, adjusted, strict=True)
        ]
    return found


def _sizes(table: TaskTable, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of each group (rows layout)."""
    groups = np.zeros(0, dtype=np.int64) if table.groups is None else table.groups[rows]
    return np.bincount(groups[groups >= 0], minlength=len(table.labels)).astype(np.int64)


def _measure(
    task: str,
    side: str,
    number: int,
    parts: Sequence[Part],
    here: NDArray[np.bool_],
    entities: NDArray[np.int64],
    sides: NDArray[np.int8],
) -> Drift | None:
    """One task on one side; the label that differs most stands for a target with several."""
    found: list[Drift] = []
    for part in parts:
        known = here & part.cells.notna().to_numpy()
        samples = []
        for each in (0, number):
            mine = np.flatnonzero(known & (sides == each))
            mine = mine[~pd.Series(entities[mine]).duplicated().to_numpy()]
            samples.append(part.cells.iloc[mine])
        counts = (len(samples[0]), len(samples[1]))
        if min(counts) < LEAST:
            continue
        shift = None
        if part.numeric:
            one, other = (s.to_numpy(dtype=np.float64) for s in samples)
            p, effect, shift = measure_numbers(one, other)
        else:
            p, effect = measure_classes(*samples)
        test = "Kolmogorov-Smirnov" if part.numeric else "chi-square"
        found.append(Drift(task, side, part.label, test, p, p, effect, shift, counts))
    if not found:
        return None
    best = int(np.argmin([d.p for d in found]))
    p = holm([d.p for d in found])[best]
    d = found[best]
    return Drift(task, side, d.part, d.test, p, p, d.effect, d.shift, d.counts)
