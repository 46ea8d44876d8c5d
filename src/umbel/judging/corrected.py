"""Intervals over several splits: splits share rows, so their differences vary less than they should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from umbel.errors import ConfigError
from umbel.judging.bootstrap import Interval
from umbel.judging.metrics import METRICS
from umbel.judging.scores import Score, Scorecard
from umbel.judging.verdict import NO_EVIDENCE, UNDEFINED, verdict

__all__ = ["Corrected", "combine", "corrected_interval"]


def corrected_interval(
    differences: NDArray[np.float64], train: float, test: float, *, level: float = 0.95
) -> Interval:
    """Confidence interval of a mean over random splits of the same rows.

    The variance of the mean is taken as ``s**2 * (1/n + test/train)`` instead of ``s**2 / n``, with
    Student's t of n - 1 degrees of freedom.

    :param differences: one number per split, [n], n >= 2.
    :param train, test: how many rows each side of a split has; only their ratio counts.
    :param level: confidence, in (0, 1).
    :raises ConfigError: there are fewer than two splits, or no training rows.

    Source: Nadeau & Bengio 2003, "Inference for the generalization error", eq. 9.

    >>> low, high = corrected_interval(np.array([0.01, 0.02, 0.03]), train=90, test=10)
    >>> round(low, 4), round(high, 4)
    (-0.0087, 0.0487)
    """
    from scipy.special import stdtrit

    n = len(differences)
    if n < 2 or train <= 0 or test <= 0:
        raise ConfigError(
            "an interval over splits needs two splits or more, each with training and test rows",
            found=f"{n} splits, {train} training and {test} test rows",
            remedy="ask for more splits, e.g. --splits 10",
        )
    middle, variance = float(np.mean(differences)), float(np.var(differences, ddof=1))
    half = float(stdtrit(n - 1, 0.5 + level / 2)) * np.sqrt(variance * (1 / n + test / train))
    return middle - float(half), middle + float(half)


@dataclass(frozen=True)
class Corrected:
    """The interval rule of several splits (see :func:`corrected_interval`)."""

    train: float
    test: float
    level: float = 0.95

    def __call__(self, replicates: NDArray[np.float64], units: int) -> Interval | None:
        """:param replicates: one value per split; those that are NaN are left out."""
        found = replicates[np.isfinite(replicates)]
        if len(found) < 2:
            return None
        return corrected_interval(found, self.train, self.test, level=self.level)

    def point(self, value: float, replicates: NDArray[np.float64]) -> float:
        """The mean over the splits."""
        found = replicates[np.isfinite(replicates)]
        return float(found.mean()) if len(found) else value


def combine(scorecards: Sequence[Scorecard], train: float, test: float, *, level: float = 0.95) -> Scorecard:
    """One scorecard of several splits (or seeds): means, and corrected intervals of values and gains.

    A score that is undefined in some splits is the mean over the others, and says so.

    :param scorecards: one per split, of the same tasks, with the same reference.
    :param train, test: rows on each side of a split.
    :raises ConfigError: there are fewer than two scorecards, or their references differ.
    """
    references = {card.reference for card in scorecards}
    if len(scorecards) < 2 or len(references) != 1:
        raise ConfigError(
            "scores are combined over two splits or more with one reference",
            found=f"{len(scorecards)} splits, references {sorted(references)}",
            remedy="ask for more splits, e.g. --splits 10",
        )
    first, rule = scorecards[0], Corrected(train, test, level)
    tables = [{(s.task, s.metric, s.model): s for s in card.scores} for card in scorecards]
    keys = list(dict.fromkeys(key for table in tables for key in table))
    scores: list[Score] = []
    replicates = {}
    for key in keys:
        found = [table.get(key) for table in tables]
        values = np.array([np.nan if s is None or s.value is None else s.value for s in found])
        base_key = (key[0], key[1], first.reference)
        bases = [table.get(base_key) for table in tables]
        base = np.array([np.nan if s is None or s.value is None else s.value for s in bases])
        scores.append(_over_splits(key, values, base, first.reference, rule, found))
        replicates[key] = values
    primary = {task: metric for card in scorecards for task, metric in card.primary.items()}
    return replace(
        first,
        scores=tuple(scores),
        primary=primary,
        pooled={name: parts for card in scorecards for name, parts in card.pooled.items()},
        units={task: min(card.units.get(task, 0) for card in scorecards) for task in primary},
        rows={task: min(card.rows.get(task, 0) for card in scorecards) for task in primary},
        rule=rule,
        replicates=replicates,
    )


def _over_splits(
    key: tuple[str, str, str],
    values: NDArray[np.float64],
    base: NDArray[np.float64],
    reference: str,
    rule: Corrected,
    found: Sequence[Score | None],
) -> Score:
    """One score from its values [n] over the splits."""
    task, metric, model = key
    judged = model != reference
    defined = np.isfinite(values)
    notes = dict.fromkeys(s.note for s in found if s is not None and s.note and s.value is not None)
    if not defined.any():
        reasons = [s.note for s in found if s is not None and s.note] or [f"{UNDEFINED}: no value"]
        return Score(task, metric, model, None, verdict=reasons[0] if judged else "", note=reasons[0])
    lost = int((~defined).sum())
    if lost:
        notes[f"undefined in {lost} of {len(values)} splits"] = None
    low, high = rule(values, 0) or (None, None)
    score = Score(task, metric, model, float(values[defined].mean()), low, high, note="; ".join(notes))
    if not judged:
        return score
    gain = METRICS.get(metric).gain(values, base)
    there = np.isfinite(gain)
    if not there.any():
        why = f"{UNDEFINED}: the {reference} model has no value to compare with"
        return replace(score, verdict=why)
    score = replace(score, gain=float(gain[there].mean()))
    within = rule(gain, 0)
    if within is None:
        return replace(score, verdict=NO_EVIDENCE)
    return replace(score, gain_low=within[0], gain_high=within[1], verdict=verdict(*within))
