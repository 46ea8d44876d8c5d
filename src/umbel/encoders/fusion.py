"""Several encoders' features as one representation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["concatenate"]


def concatenate(parts: Sequence[Tensor]) -> Tensor:
    """Features [B, D_1], [B, D_2], ... side by side: [B, D], D the sum.

    Parts without parameters (numbers, one-hot levels) take the precision of the others.

    :param parts: at least one; of equal B.
    """
    if len(parts) == 1:
        return parts[0]
    dtype = parts[0].dtype
    for part in parts[1:]:
        dtype = torch.promote_types(dtype, part.dtype)
    return torch.cat([part.to(dtype) for part in parts], dim=1)
