"""Gated fusion against the equations of its paper."""

from __future__ import annotations

import torch

from umbel.encoders.fusion_gated import Gated


def test_two_modalities_are_the_bimodal_unit() -> None:
    fusion = Gated({"a": 3, "b": 2}, width=4).double()
    one, two = torch.randn(5, 3).double(), torch.randn(5, 2).double()
    there = torch.ones(5, 2, dtype=torch.bool)
    # a softmax over two scores is a sigmoid of their difference
    scores = fusion.gate(torch.cat([one, two], dim=1))
    z = torch.sigmoid(scores[:, :1] - scores[:, 1:])
    hidden = [torch.tanh(layer(part)) for layer, part in zip(fusion.hidden, (one, two), strict=True)]
    torch.testing.assert_close(fusion([one, two], there), z * hidden[0] + (1 - z) * hidden[1])


def test_what_is_lacking_has_no_share() -> None:
    fusion = Gated({"a": 3, "b": 2, "c": 2}, width=4)
    x = [torch.randn(4, 3), torch.randn(4, 2), torch.randn(4, 2)]
    present = torch.tensor([[True, True, False]]).expand(4, -1)
    shares = fusion.shares(x, present)
    assert (shares[:, 2] == 0).all()
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(4))
