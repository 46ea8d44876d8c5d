"""Batches of whatever gives them, over the ends of epochs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from torch import Tensor

__all__ = ["take", "take_rows"]

B = TypeVar("B")


def take(batches: Iterable[B], count: int) -> list[B]:
    """So many batches; where an epoch ends, the next one begins."""
    found: list[B] = []
    while len(found) < count:
        for batch in batches:
            found.append(batch)
            if len(found) == count:
                break
    return found


def take_rows(sampler: Iterable[Tensor], count: int) -> list[list[int]]:
    """The rows of so many batches of a sampler."""
    return [batch.tolist() for batch in take(sampler, count)]
