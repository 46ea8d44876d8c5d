"""Tensor fusion of low rank: every product of features across the modalities, in factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from umbel.encoders.fusion import FUSIONS, Fusion

__all__ = ["LowRankTensor"]


@FUSIONS.register("tensor", source="low-rank multimodal fusion, Liu et al. 2018, equation 6")
class LowRankTensor(Fusion):
    """Linear in the outer product of all [x_m, 1], its weight a sum of ``rank`` products of factors.

    h = sum over r of a_r times the product over m of W_rm [x_m, 1], elementwise, plus a bias: features of one
    modality alone, of each pair, and so on up to all of them, without writing the outer product down. A
    modality that a row lacks is [0, 1].

    :param width: features of the representation, >= 1.
    :param rank: products, >= 1.
    """

    name: ClassVar[str] = "tensor"

    def __init__(self, widths: Mapping[str, int], *, width: int = 128, rank: int = 4) -> None:
        super().__init__(widths)
        self.width, self.rank = width, rank
        self.factors = nn.ParameterList(
            nn.Parameter(torch.empty(rank, size + 1, width)) for size in self.widths.values()
        )
        self.mix = nn.Parameter(torch.empty(rank))
        self.bias = nn.Parameter(torch.empty(width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Each factor begins near 1, so that the product of many is neither 0 nor large."""
        for factor in self.factors:
            nn.init.normal_(factor[:, :-1], std=factor.shape[1] ** -0.5)
            nn.init.ones_(factor[:, -1])
        nn.init.constant_(self.mix, 1 / self.rank)
        nn.init.zeros_(self.bias)

    @property
    def out(self) -> int:
        """The width."""
        return self.width

    def forward(self, parts: Sequence[Tensor], present: Tensor) -> Tensor:
        """See :class:`Fusion`."""
        product: Tensor | None = None
        for m, (part, factor) in enumerate(zip(parts, self.factors, strict=True)):
            x = torch.where(present[:, m, None], part.to(factor.dtype), 0.0)
            # [B, D] x [R, D, H] -> [R, B, H], the 1 at the end of [x, 1] as a bias
            one = torch.matmul(x, factor[:, :-1]) + factor[:, -1:]
            product = one if product is None else product * one
        assert product is not None
        fused: Tensor = torch.tensordot(self.mix, product, dims=1) + self.bias
        return fused
