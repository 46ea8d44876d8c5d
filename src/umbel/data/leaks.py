"""Likely leaks: input columns that tell an answer all by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import as_number
from umbel.data.marks import comparable
from umbel.seeding import numpy_generator

__all__ = ["Leak", "area", "find_leaks", "levels_r2", "levels_skill"]

ROWS = 20_000
"""Rows looked at: a leak shows in few."""
LEAST = 30
"""Rows where both are known, below which nothing is said."""
SUSPECT = 0.95
TWIN = 0.9999
BINS = 64

Numbers = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Leak:
    """An input that tells a target too well.

    :param column: the input.
    :param target: the target.
    :param measure: what was measured.
    :param value: its value, 1 is perfect.
    :param twin: True when it is the target in other words.
    """

    column: str
    target: str
    measure: str
    value: float
    twin: bool = False

    @property
    def words(self) -> str:
        """One sentence."""
        if self.twin:
            return f"'{self.column}' is '{self.target}' in other words ({self.measure} {self.value:.4f})."
        return (
            f"'{self.column}' alone tells '{self.target}' ({self.measure} {self.value:.3f}): "
            "is it known before the answer is?"
        )


def area(scores: Numbers, positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve of one column, ties at one half; the better of both directions.

    >>> area(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, False, True, True]))
    1.0
    """
    ranks = pd.Series(scores).rank().to_numpy()
    ones = int(positive.sum())
    zeros = len(positive) - ones
    if ones == 0 or zeros == 0:
        return 0.5
    found = (ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros)
    return float(max(found, 1 - found))


def _halves(count: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    order = numpy_generator(0, "leaks", count).permutation(count)
    return [(order[::2], order[1::2]), (order[1::2], order[::2])]


def levels_r2(levels: Codes, values: Numbers) -> float:
    """R2 of the mean per level, each half of the rows predicted from the other.

    :param levels: [B] numbers from 0.
    :param values: [B].

    >>> levels_r2(np.array([0, 1] * 50), np.array([1.0, 5.0] * 50))
    1.0
    """
    error = 0.0
    width = int(levels.max()) + 1
    for fit, held in _halves(len(levels)):
        mean = values[fit].mean()
        counts = np.bincount(levels[fit], minlength=width)
        sums = np.bincount(levels[fit], values[fit], minlength=width)
        means = np.where(counts > 0, sums / np.maximum(counts, 1), mean)
        error += float(((values[held] - means[levels[held]]) ** 2).sum())
    total = float(((values - values.mean()) ** 2).sum())
    return 1 - error / total if total > 0 else 0.0


def levels_skill(levels: Codes, classes: Codes) -> float:
    """How much better the commonest class per level guesses than the commonest class of all, 0 to 1.

    Each half of the rows is guessed from the other.

    :param levels: [B] numbers from 0.
    :param classes: [B] numbers from 0.

    >>> levels_skill(np.array([0, 1] * 50), np.array([1, 0] * 50))
    1.0
    """
    right = 0
    width = int(classes.max()) + 1
    common = int(np.bincount(classes).argmax())
    for fit, held in _halves(len(levels)):
        pairs, counts = np.unique(levels[fit] * width + classes[fit], return_counts=True)
        order = np.argsort(counts, kind="stable")  # the commonest comes last and stays
        guess = np.full(int(levels.max()) + 1, common)
        guess[pairs[order] // width] = pairs[order] % width
        right += int((guess[levels[held]] == classes[held]).sum())
    base = float((classes == common).mean())
    return (right / len(levels) - base) / (1 - base) if base < 1 else 0.0


@dataclass(frozen=True)
class _View:
    """A column as numbers (None where it has none) and as levels, -1 where missing."""

    numbers: Numbers | None
    levels: Codes
    distinct: int

    @property
    def known(self) -> NDArray[np.bool_]:
        return self.levels >= 0


def _view(column: pd.Series) -> _View:
    column = comparable(column)
    numbers = None
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype):
        if column.dtype.kind == "f":
            column = column.replace([np.inf, -np.inf], np.nan)
        numbers = as_number(column).to_numpy(np.float64)
    codes, levels = pd.factorize(column)
    return _View(numbers, codes.astype(np.int64), len(levels))


def _binned(view: _View, known: NDArray[np.bool_]) -> Codes:
    """Levels of an input; numbers with many values are cut at their quantiles."""
    if view.numbers is None or view.distinct <= BINS:
        return view.levels[known]
    values = view.numbers[known]
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.searchsorted(edges, values).astype(np.int64)


def _measure(given: _View, asked: _View) -> tuple[str, float] | None:
    """How well one column tells another; None where too few rows know both."""
    known = given.known & asked.known
    if known.sum() < LEAST or asked.distinct < 2:
        return None
    answers = asked.levels[known]
    if asked.distinct == 2:
        if given.numbers is not None:
            return "AUC", area(given.numbers[known], answers == answers.max())
        return "skill of guessing", levels_skill(given.levels[known], answers)
    if asked.numbers is None:
        return "skill of guessing", levels_skill(_binned(given, known), answers)
    if given.numbers is not None and given.distinct > 2:
        ranks = [
            pd.Series(v.numbers[known]).rank().to_numpy() for v in (given, asked) if v.numbers is not None
        ]
        spread = min(float(r.std()) for r in ranks)
        rho = abs(float(np.corrcoef(ranks[0], ranks[1])[0, 1])) if spread > 0 else 0.0
        return "rank correlation", rho
    return "R2", levels_r2(given.levels[known], asked.numbers[known])


def _is_twin(given: _View, asked: _View, value: float) -> bool:
    """True when each tells the other without a fault."""
    if value < TWIN:
        return False
    known = given.known & asked.known
    pairs = len(np.unique(given.levels[known] * (asked.distinct + 1) + asked.levels[known]))
    return pairs == len(np.unique(given.levels[known])) == len(np.unique(asked.levels[known]))


def find_leaks(frame: pd.DataFrame, inputs: Sequence[str], targets: Mapping[str, pd.Series]) -> list[Leak]:
    """Inputs that tell a target by themselves, or by whether their cell is filled.

    Numbers are held against numbers by rank correlation and against two classes by AUC; all else by a
    guess per level, cross-fitted over two halves of the rows, so that many levels do not pass for skill.

    :param frame: the table; at most 20,000 of its rows are looked at.
    :param inputs: names of input columns.
    :param targets: answers by target name, the frame's length.
    :returns: the strongest first.
    """
    rows = np.arange(len(frame))
    if len(frame) > ROWS:
        rows = np.sort(numpy_generator(0, "leaks").choice(len(frame), ROWS, replace=False))
    asked = {name: _view(column.iloc[rows]) for name, column in targets.items()}
    found = []
    for name in inputs:
        given = _view(frame[name].iloc[rows])
        filled = given.known.astype(np.int64)
        for target, answer in asked.items():
            best = _measure(given, answer)
            if best is not None and best[1] >= SUSPECT:
                found.append(Leak(name, target, *best, twin=_is_twin(given, answer, best[1])))
            elif LEAST <= filled.sum() <= len(rows) - LEAST:
                presence = _measure(_View(None, filled, 2), answer)
                if presence is not None and presence[1] >= SUSPECT:
                    found.append(Leak(name, target, f"{presence[0]} by whether it is filled,", presence[1]))
    return sorted(found, key=lambda leak: (-leak.twin, -leak.value))
