"""The temporal convolutional network: its convolution, and how far it sees."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.parametrizations import weight_norm

from series_tables import WALK, made, table
from umbel.encoders.tcn import CausalConv, Tcn, field_of, levels_for


def test_the_convolution_is_the_sum_over_steps_before() -> None:
    torch.manual_seed(0)
    conv = CausalConv(2, 3, kernel=3, dilation=2).double()
    x = torch.randn(4, 2, 9, dtype=torch.float64)
    weight = conv.direction * conv.length / conv.direction.flatten(1).norm(dim=1)[:, None, None]
    want = torch.zeros(4, 3, 9, dtype=torch.float64) + conv.bias[:, None]
    for t in range(9):
        for j in range(3):
            if (step := t - 2 * (2 - j)) >= 0:
                want[:, :, t] += x[:, :, step] @ weight[:, :, j].T
    torch.testing.assert_close(conv(x), want)


def test_the_weights_are_those_of_torch_weight_norm() -> None:
    torch.manual_seed(0)
    conv = CausalConv(2, 3, kernel=2, dilation=1).double()
    with torch.no_grad():
        conv.length.mul_(1.7)
        conv.bias.normal_()
    plain = weight_norm(torch.nn.Conv1d(2, 3, 2)).double()
    with torch.no_grad():
        plain.bias.copy_(conv.bias)
        plain.parametrizations.weight.original0.copy_(conv.length)
        plain.parametrizations.weight.original1.copy_(conv.direction)
    x = torch.randn(2, 2, 5, dtype=torch.float64)
    torch.testing.assert_close(conv(x)[..., 1:], plain(x))


@pytest.mark.parametrize(("kernel", "levels"), [(2, 1), (2, 3), (3, 2), (5, 1)])
def test_it_sees_as_far_as_its_field_and_no_further(kernel: int, levels: int) -> None:
    encoder = made("tcn", table(), WALK, kernel=kernel, levels=levels)
    assert isinstance(encoder, Tcn)
    field = encoder.field
    x = torch.randn(40, field + 6, encoder.channels, dtype=torch.float64)
    before = encoder.steps(x)[:, -1]
    past = x.clone()
    past[:, :-field] = 1e3
    torch.testing.assert_close(encoder.steps(past)[:, -1], before, rtol=0, atol=0)
    x.requires_grad_()
    (slope,) = torch.autograd.grad(encoder.steps(x)[:, -1].sum(), x)
    reached = slope.abs().amax(dim=(0, 2)) > 0
    assert reached.tolist() == [False] * 6 + [True] * field


def test_by_default_it_sees_all_of_the_longest_training_series() -> None:
    encoder = made("tcn", table(), WALK)
    assert isinstance(encoder, Tcn)
    assert encoder.longest == 11
    assert encoder.field == 13
    assert [levels_for(3, steps) for steps in (1, 2, 5, 6, 13, 14)] == [1, 1, 1, 2, 2, 3]
    for kernel in (2, 3, 7):
        for steps in range(1, 200):
            levels = levels_for(kernel, steps)
            assert field_of(kernel, levels) >= steps
            assert levels == 1 or field_of(kernel, levels - 1) < steps
