"""Products of large matrices against float64, however they lie in memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from umbel.balancing import matrices
from umbel.balancing.matrices import fast_products, gram_of, mixed, pieces, product, scatter_rows


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


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_products_within_a_block_are_made_by_product(
    kind: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of autograd, too; and what comes out is the same."""
    asked: list[tuple[int, int]] = []

    def told(left: Tensor, right: Tensor) -> Tensor:
        asked.append((left.shape[0], right.shape[0]))
        return left @ right.T

    monkeypatch.setattr(matrices, "product", told)
    weight, x = drawn(5, 7, kind=kind).requires_grad_(), drawn(3, 7, kind=kind).requires_grad_()
    y = (x @ weight.T).relu()
    plain = torch.autograd.grad(y.sum(), [x, weight], retain_graph=True)
    with fast_products():
        found = torch.autograd.grad(y.sum(), [x, weight])
    assert sorted(asked) == [(3, 7), (7, 5)] or sorted(asked) == [(3, 7), (5, 7)]
    for one, other in zip(found, plain, strict=True):
        torch.testing.assert_close(one, other)
    assert (weight @ x.T).shape == (5, 3)
    assert len(asked) == 2  # after the block there is nothing of it left


def test_pieces_are_all_columns_once() -> None:
    for width, rows in ((1, 1), (5000, 3), (300_000, 2), (300_000, 40), (300_000, 10**6)):
        some = list(pieces(width, rows, torch.device("cpu")))
        assert [one.start for one in some] == [0, *(one.stop for one in some[:-1])]
        assert some[-1].stop == width
        assert all((one.stop - one.start) * rows <= 2**17 or one.stop - one.start <= 1024 for one in some)
    assert list(pieces(300_000, 2, torch.device("cuda"))) == [slice(0, 300_000)]


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
