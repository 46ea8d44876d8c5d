"""Cross-validation without leaks, in scikit-learn's protocol: for ``cross_val_score`` and ``GridSearchCV``.

Each class has ``split(X, y=None, groups=None)`` and ``get_n_splits(X=None, y=None, groups=None)``. ``groups``
are the entities of the rows: no entity is in training and in test of one fold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import rows_named
from umbel.data.dealing import folds
from umbel.data.situations import leave_situation_out
from umbel.data.timeline import Duration, Horizon, Timeline
from umbel.data.windows import Fold, windows
from umbel.errors import ConfigError, DataError

__all__ = ["EntityKFold", "LeaveSituationOut", "PurgedKFold", "WindowSplit"]


@dataclass(frozen=True, eq=False)
class EntityKFold:
    """K folds of whole entities, given as ``groups``.

    :param n_splits: K, at least 2.
    :param seed: None: folds of even **rows**, the largest entity first, without chance (Graham 1969, as
        scikit-learn's GroupKFold); a number: folds of even numbers of **entities**, by chance.

    >>> [test.tolist() for _, test in EntityKFold(2).split(range(5), groups=["a", "b", "b", "c", "b"])]
    [[1, 2, 4], [0, 3]]
    """

    n_splits: int = 5
    seed: int | None = None

    def __post_init__(self) -> None:
        _check_count(self.n_splits)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """K."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Fold]:
        """Positions of training and of test rows, fold by fold.

        :param X: the rows, [B].
        :param groups: the entity of each row, [B].
        :raises DataError: no groups came, one is missing, or there are fewer than folds.
        """
        if groups is None:
            raise DataError(
                "folds of entities need the entities", found="no groups", remedy="groups=entities"
            )
        codes = _codes(groups, _rows_of(X))
        sizes = np.bincount(codes)
        if len(sizes) < self.n_splits:
            raise DataError(
                "there are at least as many entities as folds",
                found=f"{len(sizes)} entities in {len(codes)} rows, {self.n_splits} folds",
                remedy=f"ask for at most {len(sizes)} folds",
            )
        if self.seed is not None:
            fold = folds(codes, self.n_splits, self.seed)
        else:
            fold, loads = np.empty(len(sizes), dtype=np.int64), np.zeros(self.n_splits, dtype=np.int64)
            for entity in np.argsort(-sizes, kind="stable"):
                fold[entity] = loads.argmin()
                loads[fold[entity]] += sizes[entity]
            fold = fold[codes]
        return ((np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(self.n_splits))


@dataclass(frozen=True, eq=False)
class PurgedKFold:
    """K folds that follow one another in time; what overlaps a test fold is not trained on.

    Test folds are stretches of time of even numbers of rows, equal times together. A training row is left
    out if the span from its time to its label's end touches the span of the test fold (to the end of its
    last label), or if it begins within ``embargo`` after that. With ``groups``, training rows of
    entities of the test fold are left out too.

    :param n_splits: K, at least 2.
    :param times: [B] in any order, numbers or dates, or text of either.
    :param horizon: see :data:`~umbel.data.timeline.Horizon`; a label is known at its row's time where None.
    :param embargo: a duration. (The book counts it in rows.)

    Source: Lopez de Prado 2018, Advances in Financial Machine Learning, sections 7.4.1 and 7.4.2.

    >>> cv = PurgedKFold(3, pd.Series(range(9)), horizon=1, embargo=1)
    >>> for train, test in cv.split(range(9)):
    ...     print(train, test)
    [5 6 7 8] [0 1 2]
    [0 1 8] [3 4 5]
    [0 1 2 3 4] [6 7 8]
    """

    n_splits: int
    times: pd.Series
    horizon: Horizon | None = None
    embargo: Duration | None = None

    def __post_init__(self) -> None:
        _check_count(self.n_splits)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """K."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Fold]:
        """Positions of training and of test rows, fold by fold.

        :param X: the rows, [B].
        :param groups: the entity of each row, [B]; each row is one of its own where None.
        :raises DataError: a time does not parse or is missing, there are fewer times than folds, or a fold
            has no training row left.
        """
        line = Timeline.of(self.times, self.horizon)
        rest = line.length(self.embargo, "embargo")
        _rows_of(X, len(line), "times")
        fold = line.folds(self.n_splits)
        codes = None if groups is None else _codes(groups, len(line))
        return self._each(line, rest, fold, codes)

    def _each(
        self, line: Timeline, rest: Any, fold: NDArray[np.int64], codes: NDArray[np.int64] | None
    ) -> Iterator[Fold]:
        for k in range(self.n_splits):
            test = np.flatnonzero(fold == k)
            first, last = line.times[test].min(), line.ends[test].max()
            train = np.flatnonzero((line.ends < first) | (line.times > last + rest))
            train = _apart(train, test, codes)
            if not len(train):
                raise DataError(
                    "each fold keeps at least one training row",
                    found=f"none in fold {k} of {self.n_splits}; it tests {len(test)} of {len(line)} rows",
                    remedy="shorten horizon or embargo, or ask for other folds",
                )
            yield train, test


@dataclass(frozen=True, eq=False)
class WindowSplit:
    """Rolling or expanding windows (:func:`~umbel.data.windows.windows`); training is always before test.

    With ``groups``, training rows of entities of the test window are left out too.

    :param times, train, test, step, expanding, gap, horizon, embargo: as ``windows`` has them.

    >>> len(list(WindowSplit(pd.Series(range(8)), train=3, test=2).split(range(8))))
    3
    """

    times: pd.Series
    train: Duration
    test: Duration
    step: Duration | None = None
    expanding: bool = False
    gap: Duration | None = None
    horizon: Horizon | None = None
    embargo: Duration | None = None

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many windows there are; with ``groups``, those that keep a training row."""
        return sum(1 for _ in self.split(self.times if X is None else X, y, groups))

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Fold]:
        """Positions of training and of test rows, window by window.

        :param X: the rows, [B].
        :param groups: the entity of each row, [B]; a window is passed over where all its training rows
            are of entities of its test rows.
        :raises DataError: no window has rows.
        """
        rows = _rows_of(X, len(self.times), "times")
        codes = None if groups is None else _codes(groups, rows)
        found = windows(**vars(self))  # the fields are its options, by name
        pairs = ((_apart(train, test, codes), test) for train, test in found)
        return ((train, test) for train, test in pairs if len(train))


@dataclass(frozen=True, eq=False)
class LeaveSituationOut:
    """Each situation (domain, site, speaker) held out in turn.

    With ``groups``, situations that share an entity are held out together.

    :param situations: of each row, [B].

    >>> [test.tolist() for _, test in LeaveSituationOut(pd.Series(["b", "a", "b"])).split(range(3))]
    [[1], [0, 2]]
    """

    situations: pd.Series

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many there are that stand apart."""
        return sum(1 for _ in self.split(self.situations if X is None else X, y, groups))

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Fold]:
        """Positions of training and of test rows, situation by situation, sorted by name.

        :param X: the rows, [B].
        :param groups: the entity of each row, [B]; each row is one of its own where None.
        :raises DataError: a row has no situation, or there are not two that stand apart.
        """
        rows = _rows_of(X, len(self.situations), "situations")
        codes = None if groups is None else _codes(groups, rows)
        return ((train, test) for _, train, test in leave_situation_out(self.situations, codes))


def _check_count(n_splits: int) -> None:
    if isinstance(n_splits, bool) or not isinstance(n_splits, int) or n_splits < 2:
        raise ConfigError("n_splits is a whole number, 2 or more", found=f"{n_splits!r}", remedy="n_splits=5")


def _rows_of(X: Any, want: int | None = None, what: str = "") -> int:
    """How many rows there are; as many as the column that the folds are made of."""
    rows = int(X.shape[0]) if hasattr(X, "shape") else len(X)
    if want is not None and rows != want:
        raise DataError(
            f"folds are for the rows whose {what} were given",
            found=f"{rows} rows, {want} {what}",
            remedy=f"give the {what} of just these rows",
        )
    return rows


def _codes(groups: Any, rows: int) -> NDArray[np.int64]:
    """Entities numbered from 0 in order of first sight, [B]."""
    column = pd.Series(groups if isinstance(groups, pd.Series) else list(groups)).reset_index(drop=True)
    if len(column) != rows:
        raise DataError(
            "each row has an entity", found=f"{rows} rows, {len(column)} groups", remedy="give one per row"
        )
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        raise DataError("each row has an entity", found=f"none in {rows_named(missing)}", remedy="fill it in")
    return pd.factorize(column)[0].astype(np.int64)


def _apart(train: NDArray[np.int64], test: NDArray[np.int64], codes: NDArray[np.int64] | None) -> Any:
    """Training rows whose entity is not in test."""
    return train if codes is None else train[~np.isin(codes[train], codes[test])]
