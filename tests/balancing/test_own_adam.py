"""The small Adam against torch's."""

from __future__ import annotations

import torch

from umbel.balancing.own_adam import OwnAdam

GRADIENTS = torch.randn(12, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
EVERYBODY = torch.ones(3, dtype=torch.bool)


def test_it_steps_as_torchs_adam() -> None:
    parameter = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))
    optimizer = torch.optim.Adam([parameter], lr=0.02, eps=1e-8)
    own, place = OwnAdam(3, lr=0.02, epsilon=1e-8), torch.zeros(3, dtype=torch.float64)
    for gradient in GRADIENTS:
        parameter.grad = gradient.clone()
        optimizer.step()
        place -= own(gradient, EVERYBODY)
        torch.testing.assert_close(place, parameter.detach(), rtol=1e-12, atol=1e-15)


def test_an_absent_entry_goes_on_as_if_nothing_had_been() -> None:
    whole, gaps = OwnAdam(3, lr=0.02), OwnAdam(3, lr=0.02)
    without = torch.tensor([True, False, True])
    for step, gradient in enumerate(GRADIENTS):
        if step % 3 == 1:
            other = gaps(torch.full((3,), torch.nan), torch.tensor([False, False, False]))
            assert other.tolist() == [0.0, 0.0, 0.0]
            memory = gaps.first[1].clone()
            missed = gaps(torch.where(without, gradient, torch.nan), without)
            assert missed[1] == 0
            assert gaps.first[1] == memory
            continue
        moved = gaps(gradient, EVERYBODY)
        torch.testing.assert_close(moved[1], whole(gradient, EVERYBODY)[1], rtol=0, atol=0)
    assert gaps.steps.tolist() == [12, 8, 12]


def test_the_scale_of_the_gradient_does_not_matter() -> None:
    steps = []
    for scale in (1e-16, 1.0, 1e16):
        own = OwnAdam(3, lr=0.1)
        steps.append(torch.stack([own(gradient * scale, EVERYBODY) for gradient in GRADIENTS]))
    torch.testing.assert_close(steps[0], steps[1], rtol=1e-9, atol=0)
    torch.testing.assert_close(steps[2], steps[1], rtol=1e-9, atol=0)
