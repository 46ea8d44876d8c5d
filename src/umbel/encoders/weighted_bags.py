"""Bags whose things have a weight each, as TF-IDF has them: a sparse matrix, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch.nn import functional

from umbel.data.batch import Ragged

__all__ = ["WeightedBags", "join_weighted", "weighted_sums"]


@dataclass(frozen=True)
class WeightedBags(Ragged):
    """S weighted bags per row, all in one line, in one vocabulary.

    :param values: [total] long, places in the vocabulary of all bags.
    :param offsets: [B + 1] long, where each **row** starts.
    :param weights: [total] float32.
    :param lengths: [B, S] long, places per bag.
    :param full: [B, S] bool, whether there is a text at all (one of unknown terms only is one).
    """

    weights: Tensor
    lengths: Tensor
    full: Tensor

    def take(self, rows: Tensor) -> WeightedBags:
        """Some of the rows, in the order given ([B'] long)."""
        plain = Ragged(torch.arange(len(self.values), device=self.values.device), self.offsets).take(rows)
        places = plain.values
        return WeightedBags(
            self.values[places], plain.offsets, self.weights[places], self.lengths[rows], self.full[rows]
        )

    def to(self, device: torch.device | str) -> WeightedBags:
        """The same on a device."""
        parts = (self.values, self.offsets, self.weights, self.lengths, self.full)
        return WeightedBags(*(part.to(device) for part in parts))


def join_weighted(parts: Sequence[sparse.csr_matrix], full: np.ndarray) -> WeightedBags:
    """Several columns' sparse matrices [B, V_s] as weighted bags.

    :param full: [B, S] bool.

    >>> one, two = sparse.csr_matrix([[0.0, 2.0], [1.0, 0.0]]), sparse.csr_matrix([[0.5], [0.0]])
    >>> join_weighted([one, two], np.ones((2, 2), dtype=bool)).values
    tensor([1, 2, 0])
    """
    rows, columns = full.shape
    joined = sparse.csr_matrix(sparse.hstack(parts, format="csr"))
    joined.sort_indices()
    lengths = np.stack([np.diff(part.indptr) for part in parts], axis=1)
    return WeightedBags(
        torch.from_numpy(joined.indices.astype(np.int64)),
        torch.from_numpy(joined.indptr.astype(np.int64)),
        torch.from_numpy(joined.data.astype(np.float32)),
        torch.from_numpy(lengths.astype(np.int64).reshape(rows, columns)),
        torch.from_numpy(full),
    )


def weighted_sums(x: WeightedBags, table: Tensor) -> Tensor:
    """Each bag's weighted sum of the rows of a table; an empty bag is 0.

    :param table: [V, K].
    :returns: [B, S, K].
    """
    lengths = x.lengths.reshape(-1)
    rows, columns = x.lengths.shape
    if not len(x.values):
        return table.new_zeros(rows, columns, table.shape[1])
    starts = torch.cumsum(lengths, 0) - lengths
    sums = functional.embedding_bag(
        x.values, table, starts, mode="sum", per_sample_weights=x.weights.to(table.dtype)
    )
    return sums.view(rows, columns, table.shape[1])
