"""Groups in a symmetric matrix, and how many: a block model whose likelihood counts them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Blocks", "block_model", "joined"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

PRIOR = 2.0
"""Pairs of the average spread that stand beside those within groups, and those between."""
ROUNDS = 30
"""Passes over all members at most."""


@dataclass(frozen=True)
class Blocks:
    """The groups that were found.

    :param groups: of each member, [C], numbers from 0 in the order of their first members.
    :param losses: of each number of groups that was tried, the criterion; less is better.
    """

    groups: Ints
    losses: dict[int, float]


def block_model(affinity: Floats, *, most: int, seed: int = 0) -> Blocks:
    """The groups, and their number, under which a matrix of affinities is most likely.

    Every pair of groups (and each group with itself) has a mean of its own; pairs within groups spread
    around their means by one variance, pairs between by another. For each number k of groups, members begin
    where k-means puts them among the leading eigenvectors of the centred matrix, then move one by one as
    long as the squares get less. The number is the one of least

        -2 log likelihood + (k (k + 1) / 2 + 1) log(pairs) + 2 C log k,

    the integrated likelihood of a block model with its groups (Daudin, Picard & Robin 2008, eq. 9, here for
    normal affinities).

    :param affinity: [C, C], symmetric; the diagonal is not looked at.
    :param most: groups at most.
    :param seed: of k-means.

    >>> two = np.kron(np.eye(2), np.ones((4, 4)))
    >>> block_model(two + 0.1 * np.cos(np.add.outer(np.arange(8), np.arange(8)) ** 2), most=4).groups.tolist()
    [0, 0, 0, 0, 1, 1, 1, 1]
    """
    count = len(affinity)
    own = np.array(affinity, dtype=np.float64)
    np.fill_diagonal(own, 0.0)
    best, losses = np.zeros(count, dtype=np.int64), {1: _criterion(own, np.zeros(count, dtype=np.int64))}
    for k in range(2, min(most, count) + 1):
        groups = _moved(own, _start(own, k, seed), k)
        losses[k] = _criterion(own, groups)
        if losses[k] == min(losses.values()):
            best = groups
    return Blocks(_in_order(best), losses)


def joined(affinity: Floats, groups: Ints, *, share: float) -> Ints:
    """Groups between which there is as much as within them become one.

    Members of one group may differ in how strongly they show it, and a likelihood takes the strong and the
    weak ones for two groups. Then the affinity between the two is near the geometric mean of those within,
    as it is never where there are two things. The pair of the highest share is joined first.

    :param affinity: [C, C], symmetric; 0 is what two members have that share nothing.
    :param groups: of each member, [C].
    :param share: of the geometric mean above which two groups are one.
    """
    own = np.array(affinity, dtype=np.float64)
    np.fill_diagonal(own, 0.0)
    groups = _in_order(groups)
    while (k := int(groups.max()) + 1) > 1:
        mean, pairs = _means(own, groups, k)
        within = np.where(np.diag(pairs) > 0, np.diag(mean), np.nan)
        within = np.maximum(np.where(np.isnan(within), np.nanmax(np.append(within, 0.0)), within), 0.0)
        size = np.sqrt(np.outer(within, within))
        found = np.where(size > 0, mean / np.where(size > 0, size, 1.0), -np.inf)
        np.fill_diagonal(found, -np.inf)
        if found.max() <= share:
            break
        a, b = np.unravel_index(int(found.argmax()), found.shape)
        groups = _in_order(np.where(groups == a, b, groups))
    return groups


def _start(own: Floats, k: int, seed: int) -> Ints:
    """Groups by k-means in the leading k - 1 eigenvectors of the centred matrix."""
    from sklearn.cluster import KMeans

    count = len(own)
    filled = own + np.eye(count) * own.sum() / max(1, count * (count - 1))
    centred = filled - filled.mean(axis=0) - filled.mean(axis=1)[:, None] + filled.mean()
    values, vectors = np.linalg.eigh((centred + centred.T) / 2)
    places = vectors[:, ::-1][:, : k - 1] * values[::-1][: k - 1]
    if len(np.unique(places.round(12), axis=0)) < k:  # fewer different members than groups
        return np.arange(count, dtype=np.int64) % k
    return np.asarray(KMeans(k, n_init=10, random_state=seed).fit_predict(places), dtype=np.int64)


def _means(own: Floats, groups: Ints, k: int) -> tuple[Floats, Floats]:
    """Mean affinity of each pair of groups (0 where there is none), and its number of ordered pairs."""
    member = np.eye(k)[groups]
    size = member.sum(axis=0)
    pairs = np.outer(size, size) - np.diag(size)
    return member.T @ own @ member / np.maximum(pairs, 1.0), pairs


def _squares(own: Floats, groups: Ints, k: int) -> float:
    """Squares that the means do not explain, over ordered pairs."""
    mean, pairs = _means(own, groups, k)
    return float((own**2).sum() - (pairs * mean**2).sum())


def _moved(own: Floats, groups: Ints, k: int) -> Ints:
    """Members moved one by one, the most misplaced first, while the squares get less; no group gets empty."""
    groups, each = groups.copy(), np.arange(len(own))
    now = _squares(own, groups, k)
    for _ in range(ROUNDS):
        mean, _ = _means(own, groups, k)
        size = np.bincount(groups, minlength=k)
        cost = (mean**2 @ size) - 2 * own @ np.eye(k)[groups] @ mean.T - mean[:, groups].T ** 2
        gain = cost[each, groups] - cost.min(axis=1)
        better = cost.argmin(axis=1)
        moved = False
        for i in np.argsort(-gain)[: int((gain > 0).sum())]:
            if np.count_nonzero(groups == groups[i]) < 2:
                continue
            tried = groups.copy()
            tried[i] = better[i]
            squares = _squares(own, tried, k)
            if squares < now * (1 - 1e-9):
                groups, now, moved = tried, squares, True
        if not moved:
            break
    return groups


def _criterion(own: Floats, groups: Ints) -> float:
    """What :func:`block_model` makes least."""
    count, k = len(own), int(groups.max()) + 1
    mean, _ = _means(own, groups, k)
    upper = np.triu_indices(count, 1)
    squares = ((own - mean[np.ix_(groups, groups)]) ** 2)[upper]
    same = (groups[:, None] == groups)[upper]
    usual = squares.mean() if len(squares) else 0.0
    pairs = len(squares)
    loss = (k * (k + 1) / 2 + (k > 1)) * np.log(max(pairs, 1)) + 2 * count * np.log(k)
    for part in (squares[same], squares[~same]):
        if len(part):
            loss += len(part) * np.log(max((part.sum() + PRIOR * usual) / (len(part) + PRIOR), 1e-12))
    return float(loss)


def _in_order(groups: Ints) -> Ints:
    """The same groups, numbered from 0 by their first members."""
    _, first, back = np.unique(groups, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[back].astype(np.int64)
