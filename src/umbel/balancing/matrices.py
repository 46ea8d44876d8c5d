"""Products and sums of large matrices: of task gradients, or of what they are made of."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import cast

import torch
from torch import Tensor

__all__ = ["BLOCK", "choosable", "gram_of", "mixed", "product", "scatter_rows"]

BLOCK = 16384
"""So many products of float32 are added up before the sum goes on in float64: one sum of some 100,000
would lose three digits."""

_LARGE_PRODUCT = 2**21
"""Multiplications from which it pays to choose who makes a product of matrices."""


@cache
def _onednn() -> Callable[[Tensor, Tensor], Tensor] | None:
    """left @ right.T by oneDNN, where torch has it and it is compiled for the processor."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return None
    try:
        form = torch.ops.mkldnn._linear_pointwise
        left, right = torch.arange(6.0).view(2, 3), torch.arange(12.0).view(4, 3)
        if not torch.equal(form(left, right, None, "none", [], ""), left @ right.T):
            return None
    except (AttributeError, RuntimeError, TypeError):
        return None
    return lambda left, right: cast(Tensor, form(left, right, None, "none", [], ""))


def product(left: Tensor, right: Tensor) -> Tensor:
    """left @ right.T, for large matrices at a processor's full speed whoever made it.

    MKL, which torch asks for products, uses half of what a processor of AMD can do; oneDNN uses all of it,
    if the numbers lie without gaps.

    :param left: [M, K].
    :param right: [N, K].
    """
    chosen = choosable(left, len(right)) and left.dtype == right.dtype and _dense(left) and _dense(right)
    onednn = _onednn() if chosen else None
    return left @ right.T if onednn is None else onednn(left, right)


def choosable(left: Tensor, width: int) -> bool:
    """Whether a product with a matrix of so many rows is large enough to be left to the faster library."""
    large = left.numel() * width >= _LARGE_PRODUCT
    return large and left.device.type == "cpu" and left.dtype == torch.float32


def _dense(matrix: Tensor) -> bool:
    return matrix.is_contiguous() or matrix.T.is_contiguous()


def gram_of(parts: Iterable[Tensor | Sequence[Tensor]]) -> Tensor:
    """The Gramian [P, P] of gradients that are given in parts; float64.

    Products of float32 are summed in float64 block by block, see ``BLOCK``.

    :param parts: each [P, ...], or P tensors of one shape.
    """
    gram: Tensor | None = None
    for part in parts:
        for block in _blocks(part):
            exact = block if block.dtype in (torch.float32, torch.float64) else block.float()
            own = (exact @ exact.T).double()
            gram = own if gram is None else gram + own
    return cast(Tensor, gram)


def _blocks(part: Tensor | Sequence[Tensor]) -> Iterator[Tensor]:
    """Gradients [P, W] in blocks of columns; P tensors are stacked block by block, in the cache."""
    if isinstance(part, Tensor):
        yield from torch.split(part.flatten(1), BLOCK, dim=1)
    else:
        yield from map(torch.stack, zip(*(torch.split(one.flatten(), BLOCK) for one in part), strict=True))


def scatter_rows(weights: Tensor, parts: Sequence[Tensor]) -> list[Tensor]:
    """weights [P] times the gradients of P tasks, part by part."""
    return [torch.tensordot(weights.to(part), part, dims=1) for part in parts]


def mixed(weights: Sequence[float], grads: Sequence[Tensor]) -> Tensor:
    """The sum of P gradients by weights, where they do not lie beside each other."""
    total = weights[0] * grads[0]
    for weight, grad in zip(weights[1:], grads[1:], strict=True):
        total.add_(grad, alpha=weight)
    return total
