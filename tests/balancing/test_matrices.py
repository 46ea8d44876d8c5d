"""Products of large matrices against float64, however they lie in memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from umbel.balancing.matrices import gram_of, mixed, product, scatter_rows


def drawn(*shape: int, kind: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=kind)


def close(found: Tensor, left: Tensor, right: Tensor) -> None:
    exact = left.double() @ right.double().T
    size = left.double().norm(dim=1)[:, None] * right.double().norm(dim=1)
    assert ((found - exact).abs() <= 1e-6 * size).all()


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize(("m", "k", "n"), [(3, 5, 2), (130, 150, 140), (128, 129, 127)])
def test_products(m: int, k: int, n: int, kind: torch.dtype) -> None:
    left, right = drawn(m, k, kind=kind), drawn(n, k, kind=kind)
    close(product(left, right), left, right)
    close(product(left.T.contiguous().T, right), left, right)
    close(product(left, right.T.contiguous().T), left, right)


def test_products_of_parts_of_larger_matrices() -> None:
    """Numbers that lie with gaps between them."""
    left, right = drawn(140, 4000), drawn(150, 4000)
    close(product(left[:, 100:250], right[:, 100:250]), left[:, 100:250], right[:, 100:250])
    close(product(left[10:, ::2], right[:, ::2]), left[10:, ::2], right[:, ::2])


def test_a_gramian_of_many_numbers_keeps_six_digits() -> None:
    """One sum of 400,000 products in float32 would lose three of them."""
    rows = 1 + drawn(3, 400_000)
    exact = rows.double() @ rows.double().T
    found = gram_of([rows])
    assert found.dtype == torch.float64
    assert ((found - exact).abs() / exact).max() < 1e-6


def test_parts_add_up_stacked_or_not() -> None:
    one, other = drawn(4, 3, 20_000), drawn(4, 7)
    expected = one.flatten(1).double() @ one.flatten(1).double().T + other.double() @ other.double().T
    for parts in ([one, other], [list(one), list(other)]):
        torch.testing.assert_close(gram_of(parts), expected, rtol=1e-5, atol=1e-2)
    assert torch.equal(gram_of([one]), gram_of([list(one)]))


def test_half_precision_is_multiplied_in_float32() -> None:
    rows = drawn(3, 5000).bfloat16()
    torch.testing.assert_close(gram_of([rows]), rows.double() @ rows.double().T, rtol=1e-5, atol=1e-3)


def test_sums_by_weights() -> None:
    rows, weights = drawn(4, 3, 5), torch.tensor([1.0, -2.0, 0.0, 0.5], dtype=torch.float64)
    expected = (weights.float() @ rows.flatten(1)).view(3, 5)
    torch.testing.assert_close(scatter_rows(weights, [rows])[0], expected)
    torch.testing.assert_close(mixed(weights.tolist(), list(rows)), expected)
