"""The interpolated Kneser-Ney bigram: how likely each token is after the one before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from umbel.tasks.vocabulary import END, UNKNOWN

__all__ = ["Bigram", "estimated_discount", "fit_bigram", "fit_chosen"]

Array = NDArray[np.float64]

DISCOUNTS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Discounts that validation may choose, beside the estimated one."""


@dataclass(frozen=True)
class Bigram:
    """p(w | v) = max(c(v w) - D, 0) / c(v) + D n(v) / c(v) * p(w), for V tokens.

    c counts, and n(v) is how many different tokens follow v. The lower order p(w) is the share of different
    tokens that w follows, discounted alike and interpolated with 1 / V, so that no token is impossible.

    :param counts: c(v w), [V, V] sparse; the end is also what comes before a text.
    :param lower: p(w), [V], sums to 1.
    :param discount: D, in [0, 1].

    Source: Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling",
    section 2.7 and eq. 18 to 20 (interpolated); Kneser & Ney 1995.
    """

    counts: sparse.csr_array
    lower: Array
    discount: float

    @property
    def parameters(self) -> int:
        """Counts kept, and the lower order."""
        return int(self.counts.nnz) + self.lower.size + 1

    def row(self, before: int) -> Array:
        """Probabilities of all tokens after one, [V]; they sum to 1.

        :param before: its number.
        """
        follow = self.counts[[before]].toarray()[0]
        total = float(follow.sum())
        if not total:
            return self.lower
        left = self.discount * float((follow > 0).sum()) / total
        found: Array = np.maximum(follow - self.discount, 0.0) / total + left * self.lower
        return found

    def chances(self, values: NDArray[np.int64]) -> Array:
        """The probability of each token after the true one before it, [B, T].

        :param values: token numbers, [B, T].
        """
        before = previous(values)
        total = np.asarray(self.counts.sum(axis=1)).ravel()
        kinds = np.diff(self.counts.indptr)
        seen = np.asarray(self.counts[before.ravel(), values.ravel()]).reshape(values.shape)
        size = np.maximum(total[before], 1e-300)
        own = np.maximum(seen - self.discount, 0.0) / size
        left = np.where(total[before] > 0, self.discount * kinds[before] / size, 1.0)
        found: Array = own + left * self.lower[values]
        return found

    def write(self, length: int) -> NDArray[np.int64]:
        """The likeliest next token, each time, [T]: the same text for every row, up to its end."""
        text = np.zeros(length, dtype=np.int64)
        before = END
        for step in range(length):
            chances = self.row(before).copy()
            chances[UNKNOWN] = 0.0
            if step == 0:
                chances[END] = 0.0
            before = int(chances.argmax())
            if before == END:
                break
            text[step] = before
        return text

    def state(self) -> dict[str, Any]:
        """All of it as JSON and arrays."""
        found = self.counts.tocoo()
        return {
            "before": np.asarray(found.coords[0], dtype=np.int64),
            "after": np.asarray(found.coords[1], dtype=np.int64),
            "counts": np.asarray(found.data, dtype=np.float64),
            "lower": self.lower,
            "discount": self.discount,
        }

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Bigram:
        """The bigram that :meth:`state` tells of."""
        lower = np.asarray(state["lower"], dtype=np.float64)
        places = (np.asarray(state["before"]), np.asarray(state["after"]))
        counts = sparse.coo_array((np.asarray(state["counts"]), places), shape=(len(lower), len(lower)))
        return Bigram(counts.tocsr(), lower, float(state["discount"]))


def previous(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The token before each, [B, T]; the end before a text.

    >>> previous(np.array([[5, 4, 0]])).tolist()
    [[0, 5, 4]]
    """
    begin = np.full((len(values), 1), END, dtype=np.int64)
    return np.hstack([begin, values[:, :-1]]).astype(np.int64)


def estimated_discount(counts: NDArray[Any]) -> float:
    """n1 / (n1 + 2 n2), n_k being how many counts are k; 0.75 where no count is 1 or none 2.

    :param counts: of any shape.

    Source: Ney, Essen & Kneser 1994, eq. 29.

    >>> estimated_discount(np.array([1, 1, 2, 5]))
    0.5
    """
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    return once / (once + 2 * twice) if once and twice else 0.75


def fit_bigram(
    values: NDArray[np.int64], weights: NDArray[Any], size: int, *, discount: float | None = None
) -> Bigram:
    """Count pairs of tokens.

    :param values: token numbers, [B, T].
    :param weights: [B, T]; a token counts where its weight is not 0. Importances are not looked at: the
        discounts are those of whole counts.
    :param size: V.
    :param discount: D; :func:`estimated_discount` where None.
    """
    known = np.asarray(weights) != 0
    pairs = (previous(values)[known], values[known])
    ones = np.ones(int(known.sum()))
    counts = sparse.coo_array((ones, pairs), shape=(size, size)).tocsr()
    counts.sum_duplicates()
    different = np.bincount(counts.indices, minlength=size).astype(np.float64)  # tokens that w follows
    total = different.sum()
    if not total:
        return Bigram(counts, np.full(size, 1 / size), 0.75)
    lost = estimated_discount(different)
    kept = np.maximum(different - lost, 0.0)
    lower = (kept + (total - kept.sum()) / size) / total
    own = estimated_discount(counts.data) if discount is None else discount
    return Bigram(counts, lower, own)


def fit_chosen(
    train: tuple[NDArray[np.int64], NDArray[Any]],
    valid: Sequence[tuple[NDArray[np.int64], NDArray[Any]]],
    size: int,
) -> Bigram:
    """The bigram whose discount is the likeliest on validation; the estimated one where nothing is known.

    :param train: values and weights, [B, T] each.
    :param valid: the same of rows that choose; empty for the estimated discount.
    :param size: V.
    """
    first = fit_bigram(*train, size)
    tried = [first, *(Bigram(first.counts, first.lower, discount) for discount in DISCOUNTS)]
    known = [(values, np.asarray(weights) != 0) for values, weights in valid]
    if not any(mask.any() for _, mask in known):
        return first

    def lost(model: Bigram) -> float:
        return -sum(float(np.log(model.chances(values)[mask]).sum()) for values, mask in known)

    return min(tried, key=lost)
