"""What a balanced split shall reach: its floor against all splits there are, and what counts before what."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import sparse

from umbel.data.balance_goal import Goal


def goal(counts: np.ndarray, shares: tuple[float, ...], **more: np.ndarray | float) -> Goal:
    """Nothing is placed yet; every stratum is judged and may be absent anywhere."""
    strata, sides = counts.shape[1], len(shares)
    given = {
        "required": np.zeros((strata, sides), dtype=bool),
        "placed": np.zeros((strata, sides)),
        "judged": np.ones(strata, dtype=bool),
        **more,
    }
    total, carriers = counts.sum(0).astype(float), (counts > 0).sum(0).astype(float)
    heaviest = counts.max(0).astype(float)
    return Goal(sparse.csr_matrix(counts.astype(float)), total, carriers, heaviest, np.array(shares), **given)


def largest(one: Goal, sides: np.ndarray) -> float:
    return float((np.abs(one.excess(sides)) / one.total[:, None]).max())


@pytest.mark.parametrize("number", [1, 2, 5, 7])
@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.7, 0.1, 0.2), (0.6, 0.25, 0.15)])
def test_the_floor_of_equal_entities_is_reached_by_one_split_and_by_none_below(
    number: int, shares: tuple[float, ...]
) -> None:
    one = goal(np.full((number, 1), 3), shares)
    every = (np.array(sides) for sides in itertools.product(range(len(shares)), repeat=number))
    assert one.floor == pytest.approx(min(largest(one, sides) for sides in every), abs=1e-12)


def test_a_stratum_with_a_heavy_entity_promises_nothing() -> None:
    one = goal(np.array([[1, 9], [1, 1], [1, 1]]), (0.5, 0.5))
    assert one.promised.tolist() == [True, False]
    assert one.floor == pytest.approx(0.5 - 1 / 3)


def test_what_is_absent_counts_before_what_deviates() -> None:
    counts = np.array([[1, 1], [1, 0], [1, 0], [1, 1]])
    one = goal(counts, (0.5, 0.5), required=np.array([[False, False], [True, True]]))
    whole, torn = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 0])
    assert one.missing(torn).tolist() == [[False, False], [False, True]]
    assert one.key(whole) == (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    uneven = np.array([0, 1, 1, 1])
    assert one.key(whole) < one.key(uneven) < one.key(torn)
    brought = goal(
        counts, (0.5, 0.5), required=one.required, placed=np.array([[0.0, 0.0], [0.0, 2.0]])
    )  # others stand there already
    assert not brought.missing(torn).any()


def test_a_bound_counts_before_promises() -> None:
    one = goal(np.ones((4, 1)), (0.5, 0.5), bound=0.1)
    assert one.key(np.array([0, 0, 0, 1]))[1] == pytest.approx(0.15)
    assert one.key(np.array([0, 0, 1, 1]))[1] == 0.0
