"""Room for large matrices, in large pages of memory where the system has them."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable
from functools import cache

from torch import Tensor

__all__ = ["in_large_pages"]

_LARGE = 2**25
"""Bytes from which the C library asks the system for fresh memory each time, whatever was freed before."""


@cache
def _advise() -> Callable[[int, int], object] | None:
    """Asks the system for large pages from an address on, so many bytes; None where there is no such call."""
    kind = getattr(mmap, "MADV_HUGEPAGE", None)  # of Linux
    if kind is None:
        return None
    try:
        call = ctypes.CDLL(None).madvise
    except (OSError, AttributeError):
        return None
    call.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return lambda begin, size: call(begin, size, kind)


def in_large_pages(matrix: Tensor) -> Tensor:
    """A matrix that was just made, before anything is written to it.

    Fresh memory comes page by page, as it is first written to, and each page takes the system's time: the
    fewer and larger, the less. This is a wish: where the system has no large pages, or the matrix is small,
    nothing changes.

    :param matrix: any shape.
    :returns: the same.

    >>> import torch
    >>> in_large_pages(torch.empty(2, 3)).shape
    torch.Size([2, 3])
    """
    if matrix.device.type == "cpu" and matrix.nbytes >= _LARGE and (advise := _advise()) is not None:
        begin = -(-matrix.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
        advise(begin, matrix.data_ptr() + matrix.nbytes - begin)
    return matrix
