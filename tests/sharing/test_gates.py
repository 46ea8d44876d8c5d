"""Gates and mixes against their sums."""

from __future__ import annotations

import torch
from torch import nn

from trunk_cases import same
from umbel.sharing.gates import Experts, Gate, mean_over, mix


def test_a_gate_is_a_softmax_and_starts_even() -> None:
    gate, x = Gate(3, 4).double(), torch.randn(5, 3).double()
    same(gate(x), torch.full((5, 4), 0.25).double())
    nn.init.normal_(gate.weight)
    nn.init.normal_(gate.bias)
    powers = torch.exp(x @ gate.weight.T + gate.bias)
    same(gate(x), powers / powers.sum(dim=1, keepdim=True))


def test_a_mix_is_a_weighted_sum() -> None:
    shares, experts = torch.rand(5, 3).double(), torch.randn(5, 3, 2, 4).double()
    for row in range(5):
        expected = sum(shares[row, e] * experts[row, e] for e in range(3))
        assert isinstance(expected, torch.Tensor)
        same(mix(shares, experts)[row], expected)
    same(mix(shares[:1], experts), mix(shares[:1].repeat(5, 1), experts))


def test_experts_are_stacked() -> None:
    experts, x = Experts(nn.Linear(3, 2) for _ in range(4)), torch.randn(5, 3)
    assert experts(x).shape == (5, 4, 2)
    same(experts(x)[:, 2], experts[2](x))


def test_means_over_all_axes_but_some() -> None:
    h = torch.randn(2, 3, 4, 5).double()
    same(mean_over(h, keep=(0, 2)), h.mean(3).mean(1))
    assert mean_over(h, keep=range(4)) is h
