"""Low-rank tensor fusion equals the full outer product with the weight its factors make."""

from __future__ import annotations

import torch

from umbel.encoders.fusion_tensor import LowRankTensor


def test_it_is_the_full_tensor_product() -> None:
    fusion = LowRankTensor({"a": 2, "b": 3, "c": 1}, width=4, rank=2).double()
    with torch.no_grad():
        for parameter in fusion.parameters():
            parameter.normal_()
    x = [torch.randn(5, width).double() for width in (2, 3, 1)]
    a, b, c = (torch.cat([part, torch.ones(5, 1).double()], dim=1) for part in x)
    outer = torch.einsum("ni,nj,nk->nijk", a, b, c)
    weight = torch.einsum("r,rih,rjh,rkh->ijkh", fusion.mix, *fusion.factors)
    full = torch.einsum("nijk,ijkh->nh", outer, weight) + fusion.bias
    torch.testing.assert_close(fusion(x, torch.ones(5, 3, dtype=torch.bool)), full)


def test_a_lacking_modality_is_a_zero_with_its_one() -> None:
    fusion = LowRankTensor({"a": 2, "b": 3}, width=4)
    x = [torch.randn(5, 2), torch.randn(5, 3)]
    present = torch.tensor([[True, False]]).expand(5, -1)
    zero = fusion([x[0], torch.zeros(5, 3)], torch.ones(5, 2, dtype=torch.bool))
    torch.testing.assert_close(fusion(x, present), zero)
