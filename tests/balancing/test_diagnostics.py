"""Cosines, conflicts and lengths of a Gramian, against the gradients it is made of."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from umbel.balancing.diagnostics import conflict_share, cosine_matrix, gradient_norms
from umbel.errors import BalancingError

NAN = float("nan")


@given(
    seed=st.integers(0, 999), count=st.integers(2, 6), scale=st.sampled_from([1e-120, 1e-9, 1.0, 1e15, 1e120])
)
def test_all_is_that_of_the_gradients_of_any_scale(seed: int, count: int, scale: float) -> None:
    chance = np.random.default_rng(seed)
    gradients = chance.normal(size=(count, 8)) * 10.0 ** chance.integers(-3, 4, (count, 1))
    gram = torch.from_numpy(gradients @ gradients.T) * scale**2
    norms = np.linalg.norm(gradients, axis=1)
    expected = np.corrcoef(np.concatenate([gradients, -gradients], axis=1))  # of mean 0: no centre to take
    np.testing.assert_allclose(gradient_norms(gram), norms * scale, rtol=1e-12)
    np.testing.assert_allclose(cosine_matrix(gram), expected, rtol=0, atol=1e-12)
    below = [expected[i, j] < 0 for i in range(count) for j in range(i)]
    assert conflict_share(cosine_matrix(gram)) == pytest.approx(np.mean(below))


def test_gradients_that_are_alike_opposed_or_across() -> None:
    rows = torch.tensor([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [-3.0, -6.0, 0.0], [0.0, 0.0, 5.0]])
    found = cosine_matrix(rows @ rows.T)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found[0], torch.tensor([1.0, 1.0, -1.0, 0.0]).double(), rtol=0, atol=1e-7)
    assert found.diagonal().tolist() == [1.0] * 4
    assert found.abs().max() == 1.0
    assert conflict_share(found) == pytest.approx(2 / 6)  # two pairs oppose; across is no conflict


@pytest.mark.parametrize("bad", [0.0, NAN, float("inf")])
def test_a_gradient_without_a_direction_has_no_cosine(bad: float) -> None:
    gram = torch.tensor([[4.0, bad, -2.0], [bad, bad, bad], [-2.0, bad, 1.0]])
    found = cosine_matrix(gram)
    assert torch.isnan(found[1]).all()
    assert torch.isnan(found[:, 1]).all()
    assert found[0, 2] == found[2, 0] == -1.0
    assert conflict_share(found) == 1.0  # of the one pair there is
    norms = gradient_norms(gram)
    assert norms[0] == 2.0
    assert norms[1] == 0.0 if bad == 0.0 else torch.isnan(norms[1])


def test_without_a_pair_there_is_no_share() -> None:
    assert conflict_share(cosine_matrix(torch.ones(1, 1))) is None
    assert conflict_share(cosine_matrix(torch.zeros(3, 3))) is None
    assert conflict_share(cosine_matrix(torch.diag(torch.tensor([1.0, 0.0])))) is None


def test_the_gramian_is_left_as_it_is_and_must_be_square() -> None:
    gram = torch.tensor([[4.0, 1.0], [1.0, 1.0]])
    before = gram.clone()
    cosine_matrix(gram)
    assert torch.equal(gram, before)
    with pytest.raises(BalancingError, match=r"\[2, 3\]"):
        cosine_matrix(torch.ones(2, 3))
