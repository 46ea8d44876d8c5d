"""Products and sums of large matrices: of task gradients, or of what they are made of."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["BLOCK", "choosable", "fast_products", "gram_of", "mixed", "pieces", "product", "scatter_rows"]

BLOCK = 16384
"""So many products of float32 are added up before the sum goes on in float64: one sum of some 100,000
would lose three digits."""

_CACHED = 2**17
"""Numbers that stay in a processor's cache while a few operations pass over them."""

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
    """left @ right.T; large matrices are left to oneDNN where torch has it.

    MKL, which torch asks for products, is made for processors of Intel; oneDNN goes by what a processor can
    do, whoever made it. It is asked where the numbers lie without gaps.

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


class _FastProducts(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch tells no types of it
    """Hands products of two plain matrices to :func:`product`."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is torch.ops.aten.mm.default and all(type(x) is Tensor for x in args):
            return product(args[0], args[1].T)
        return func(*args, **(kwargs or {}))


fast_products: Callable[[], AbstractContextManager[object]] = _FastProducts
"""Within such a block products of large matrices are made by :func:`product`, autograd's own, too."""


def pieces(width: int, rows: int, device: torch.device) -> Iterator[slice]:
    """The columns of a matrix [P, W], so many at a time that they stay in a processor's cache.

    Several operations over a whole matrix write and read it from memory each time.

    :param width: W.
    :param rows: how many rows are passed over at a time, at least 1, with those that are made.
    """
    size = max(_CACHED // rows, 1024) if device.type == "cpu" else max(width, 1)
    for begin in range(0, width, size):
        yield slice(begin, min(begin + size, width))


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
