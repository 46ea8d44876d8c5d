"""What is computed among the present tasks alone."""

from __future__ import annotations

import pytest
import torch

from umbel.balancing.present import norms_among, softmax_among
from umbel.errors import BalancingError

PRESENT = torch.tensor([True, False, True])


def test_softmax_is_that_of_the_present_entries() -> None:
    logits = torch.tensor([0.2, float("nan"), 900.0], dtype=torch.float64)
    found = softmax_among(logits, PRESENT)
    assert found[1] == 0
    torch.testing.assert_close(found[PRESENT], torch.softmax(logits[PRESENT], dim=0))


def test_nobody_present() -> None:
    nobody = torch.zeros(3, dtype=torch.bool)
    assert softmax_among(torch.ones(3), nobody).tolist() == [0.0, 0.0, 0.0]
    assert norms_among(torch.eye(3), nobody).tolist() == [0.0, 0.0, 0.0]


def test_norms_are_those_of_the_gradients() -> None:
    gradients = torch.randn(3, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    gram = gradients @ gradients.T
    gram[1, 0] = torch.nan
    expected = gradients.norm(dim=1) * PRESENT
    torch.testing.assert_close(norms_among(gram, PRESENT), expected)


def test_a_present_gradient_that_is_not_finite() -> None:
    gram = torch.eye(3)
    gram[2, 2] = torch.inf
    with pytest.raises(BalancingError, match="finite"):
        norms_among(gram, PRESENT)
