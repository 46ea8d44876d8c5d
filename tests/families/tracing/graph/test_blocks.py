from __future__ import annotations

import numpy as np
from sklearn.metrics import adjusted_rand_score

from umbel.families.tracing.graph.blocks import block_model, joined

SIZES = (9, 6, 5, 4)
TRUTH = np.repeat(np.arange(4), SIZES)


def noisy(seed: int, within: float, count: int = 24) -> np.ndarray:
    """Chance everywhere, and so much more within the groups."""
    chance = np.random.default_rng(seed).standard_normal((count, count))
    same = (TRUTH[:, None] == TRUTH)[:count, :count]
    return (chance + chance.T) / 2**0.5 + within * same


def test_groups_and_their_number_are_found() -> None:
    for seed in range(8):
        found = block_model(noisy(seed, 3.0), most=10)
        assert adjusted_rand_score(TRUTH, found.groups) == 1.0
        assert found.groups[0] == 0
        assert min(found.losses, key=lambda k: found.losses[k]) == 4
        assert list(found.losses) == list(range(1, 11))


def test_chance_alone_is_one_group() -> None:
    for count in (6, 12, 24):
        several = sum(block_model(noisy(s, 0.0, count), most=count // 3).groups.max() > 0 for s in range(20))
        assert several <= 1


def test_numbers_of_groups_do_not_depend_on_the_order() -> None:
    matrix, order = noisy(1, 3.0), np.random.default_rng(0).permutation(24)
    found = block_model(matrix[np.ix_(order, order)], most=8).groups
    assert adjusted_rand_score(TRUTH[order], found) == 1.0
    assert np.unique(found, return_index=True)[1].tolist() == sorted(np.unique(found, return_index=True)[1])


def test_parts_of_one_group_are_joined() -> None:
    strength = np.array([3.0, 3.0, 3.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0])  # of showing what one belongs to
    truth = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])
    affinity = np.outer(strength, strength) * (truth[:, None] == truth)
    parts = np.array([4, 4, 4, 2, 2, 2, 7, 7, 7])
    assert joined(affinity, parts, share=1 / 3).tolist() == truth.tolist()
    assert joined(affinity, parts, share=1.01).tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert joined(affinity, np.arange(9), share=1 / 3).tolist() == list(range(9))  # nothing is within
    assert joined(np.ones((4, 4)), np.array([0, 0, 1, 1]), share=1 / 3).tolist() == [0] * 4


def test_few_members_and_equal_ones_are_no_trouble() -> None:
    assert block_model(np.zeros((1, 1)), most=1).groups.tolist() == [0]
    assert block_model(np.zeros((5, 5)), most=3).groups.tolist() == [0] * 5
    assert len(block_model(noisy(0, 1.0, 4), most=9).losses) == 4
