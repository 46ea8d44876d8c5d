"""Adversarial validation: how well a cheap classifier tells training rows from test rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.dealing import folds
from umbel.seeding import derive, numpy_generator

__all__ = ["Adversary", "clustered_auc", "tell_apart"]

FOLDS = 4
LEAST = 10
"""Entities on each side, below which nothing can be said."""
ABOVE = 0.6
"""AUC from which a warning is given, where its interval is above one half."""
COLUMNS = 40
"""Columns whose part is measured: those that tell most by themselves."""
TOLD = 5
DRAWS = 4_000

Numbers = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Adversary:
    """How well the inputs tell training rows from those of another side.

    :param side: the other side.
    :param auc: area under the ROC curve, cross-validated by entity; 0.5 is not at all.
    :param low, high: ends of its 95 % interval.
    :param columns: the most telling columns, and by how much the area falls without each (its cells
        exchanged between rows); measured only where there is a warning.
    :param rows: number of rows that were used.
    """

    side: str
    auc: float
    low: float
    high: float
    columns: tuple[tuple[str, float], ...]
    rows: int

    @property
    def warns(self) -> bool:
        """At least 0.6, and surely above one half."""
        return self.auc >= ABOVE and self.low > 0.5

    @property
    def words(self) -> str:
        """One sentence."""
        area = f"AUC {self.auc:.2f} [{self.low:.2f}, {self.high:.2f}]"
        if not self.warns:
            return f"The inputs hardly tell training from {self.side} ({area})."
        told = ", ".join(f"'{name}' ({fall:.2f})" for name, fall in self.columns)
        return f"The inputs tell training from {self.side} ({area}); most telling: {told or 'none alone'}."


def clustered_auc(scores: Numbers, positive: NDArray[np.bool_], clusters: Codes) -> tuple[float, float]:
    """Area under the ROC curve and its standard error, rows of one cluster not independent.

    :param scores: [B].
    :param positive: [B], both values are there.
    :param clusters: [B], any numbers.

    Source: Obuchowski 1997; with one row per cluster, DeLong et al. 1988.

    >>> auc, error = clustered_auc(np.arange(4.0), np.array([0, 1, 0, 1], bool), np.arange(4))
    >>> auc, round(error, 4)
    (0.75, 0.3536)
    """
    clusters = pd.factorize(clusters)[0]
    ranks = pd.Series(scores).rank().to_numpy()
    m, n = int(positive.sum()), int((~positive).sum())
    placed = np.empty(len(scores))
    # share of the other kind that a row stands on the right side of, ties one half
    within = pd.Series(scores[positive]).rank().to_numpy(), pd.Series(scores[~positive]).rank().to_numpy()
    placed[positive] = (ranks[positive] - within[0]) / n
    placed[~positive] = 1 - (ranks[~positive] - within[1]) / m
    auc = float(placed[positive].mean())
    count = int(clusters.max()) + 1
    sums = [np.bincount(clusters[side], placed[side], count) for side in (positive, ~positive)]
    sizes = [np.bincount(clusters[side], minlength=count) for side in (positive, ~positive)]
    off = [s - k * auc for s, k in zip(sums, sizes, strict=True)]
    groups = [int((k > 0).sum()) for k in sizes]
    spread = [
        g / max(g - 1, 1) * float((o**2).sum()) / k for g, o, k in zip(groups, off, (m, n), strict=True)
    ]
    cross = count / max(count - 1, 1) * float((off[0] * off[1]).sum())
    return auc, float(np.sqrt(max(spread[0] / m + spread[1] / n + 2 * cross / (m * n), 0.0)))


def _fit(X: Numbers, y: NDArray[np.bool_], codes: NDArray[np.bool_], seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=30,
        max_leaf_nodes=8,
        learning_rate=0.2,
        min_samples_leaf=20,
        l2_regularization=1.0,
        max_bins=64,
        categorical_features=codes if codes.any() else None,
        early_stopping=False,
        random_state=derive(seed, "adversary") % 2**32,
    )
    return model.fit(X, y)


def _scores(model: Any, X: Numbers) -> Numbers:
    found: Numbers = model.decision_function(X)
    return found


def tell_apart(
    X: Numbers,
    owners: list[str],
    codes: NDArray[np.bool_],
    other: NDArray[np.bool_],
    entities: Codes,
    side: str,
    *,
    seed: int = 0,
) -> Adversary | None:
    """Cross-validate a boosted classifier of training rows against those of another side.

    All rows of an entity are in one fold, folds are even on both sides, and the interval (normal, on the
    logarithm of the odds) knows that rows of one entity are not independent.

    :param X: [B, D] encoded inputs, NaN where missing.
    :param owners: the input column of each of the D.
    :param codes: [D], True where numbers are codes of levels, from 0 to 62.
    :param other: [B], True for rows of the other side.
    :param entities: [B].
    :param side: name of the other side.
    :param seed: of folds and classifier.
    :returns: None where a side has fewer than ten entities.
    """
    entities = pd.factorize(entities)[0].astype(np.int64)
    if min(len(np.unique(entities[other])), len(np.unique(entities[~other]))) < LEAST:
        return None
    fold = folds(entities, FOLDS, derive(seed, "adversary"), other.astype(np.int64))
    scores = np.zeros(len(X))
    models = []
    for k in range(FOLDS):
        held = fold == k
        models.append(_fit(X[~held], other[~held], codes, seed))
        scores[held] = _scores(models[-1], X[held])
    auc, error = clustered_auc(scores, other, entities)
    low, high = _interval(auc, error)
    found = Adversary(side, auc, low, high, (), len(X))
    if not found.warns:
        return found
    parts = _parts(models[0], X, owners, other, fold == 0, seed)
    return Adversary(side, auc, low, high, parts, len(X))


def _interval(auc: float, error: float) -> tuple[float, float]:
    """95 % on the logarithm of the odds, so that it stays within 0 and 1."""
    if not 0 < auc < 1:
        return auc, auc
    middle, half = np.log(auc / (1 - auc)), 1.96 * error / (auc * (1 - auc))
    low, high = (1 / (1 + np.exp(-np.clip(middle + s * half, -500, 500))) for s in (-1, 1))
    return float(low), float(high)


def _parts(
    model: Any, X: Numbers, owners: list[str], other: NDArray[np.bool_], held: NDArray[np.bool_], seed: int
) -> tuple[tuple[str, float], ...]:
    """How much the area falls when one column's cells are exchanged between held-out rows."""
    draw = numpy_generator(seed, "adversary", "columns")
    rows = draw.permutation(np.flatnonzero(held))[:DRAWS]
    X, other = X[rows].copy(), other[rows]
    if other.all() or not other.any():
        return ()
    alone = np.arange(len(rows))
    whole = clustered_auc(_scores(model, X), other, alone)[0]
    names = list(dict.fromkeys(owners))
    if len(names) > COLUMNS:
        strength = dict.fromkeys(names, 0.0)
        for j, owner in enumerate(owners):
            column = np.nan_to_num(X[:, j], nan=-1e300)
            strength[owner] = max(strength[owner], abs(clustered_auc(column, other, alone)[0] - 0.5))
        names = sorted(names, key=lambda name: -strength[name])[:COLUMNS]
    falls = []
    for name in names:
        mine = [j for j, owner in enumerate(owners) if owner == name]
        changed = X.copy()
        changed[:, mine] = X[draw.permutation(len(rows))][:, mine]
        falls.append((name, whole - clustered_auc(_scores(model, changed), other, alone)[0]))
    best = sorted(falls, key=lambda pair: -pair[1])[:TOLD]
    return tuple((name, round(fall, 4)) for name, fall in best if fall > 0.005)
