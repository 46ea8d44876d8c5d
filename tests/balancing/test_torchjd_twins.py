"""The same weights as TorchJD for the methods that both have, on random gradients of full rank.

Orders and numbers that are drawn are the same in both: from the same seed where both draw alike, imposed
where they do not.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torchjd import aggregation as torchjd

from task_gradients import jacobian, shown
from umbel.balancing import solve
from umbel.balancing.aligned_mtl import Scale
from umbel.balancing.balancer import Balancer
from umbel.balancing.graddrop import GradDrop, drop_signs
from umbel.balancing.gradvac import GradVac, solve_gradvac
from umbel.balancing.modo import MoDo
from umbel.balancing.pcgrad import random_orders
from umbel.balancing.sdmgrad import SDMGrad

SEEDS, SIZES = range(5), [(2, 3), (3, 10), (6, 8), (10, 40)]
CLOSE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-8}
samples = pytest.mark.parametrize(
    "rows", [jacobian(seed, count, width) for seed in SEEDS for count, width in SIZES]
)


@samples
def test_imtl_g(rows: torch.Tensor) -> None:
    gram = rows @ rows.T
    torch.testing.assert_close(solve("imtl_g", gram), torchjd.IMTLGWeighting()(gram), **CLOSE)


@samples
@pytest.mark.parametrize("scale", ["min", "median", "rmse"])
def test_aligned_mtl(rows: torch.Tensor, scale: Scale) -> None:
    gram = rows @ rows.T
    theirs = torchjd.AlignedMTLWeighting(scale_mode=scale)(gram)
    torch.testing.assert_close(solve("aligned_mtl", gram, scale=scale), theirs, **CLOSE)


@samples
def test_config(rows: torch.Tensor) -> None:
    """TorchJD gives the update alone."""
    torch.testing.assert_close(solve("config", rows @ rows.T) @ rows, torchjd.ConFIG()(rows), **CLOSE)


@samples
def test_pcgrad(rows: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """TorchJD draws an order of all tasks and passes over the task itself."""
    gram, count = rows @ rows.T, len(rows)
    orders = random_orders(count, generator=torch.Generator().manual_seed(7))
    left = [torch.cat([order, torch.tensor([own])]) for own, order in enumerate(orders)]
    monkeypatch.setattr(torch, "randperm", lambda _: left.pop(0))
    theirs = torchjd.PCGradWeighting()(gram)
    monkeypatch.undo()
    torch.testing.assert_close(solve("pcgrad", gram, seed=7), theirs, **CLOSE)


@pytest.mark.parametrize(("count", "width"), SIZES)
def test_gradvac(count: int, width: int) -> None:
    """Over several steps, so that targets are remembered; TorchJD's eps is 0 here, as in the paper."""
    ours, theirs = GradVac(count, beta=0.3), torchjd.GradVacWeighting(beta=0.3, eps=0.0)
    ours.start(3)
    torch.manual_seed(3)
    for seed in range(6):
        rows = jacobian(seed, count, width)
        rows[: count // 2] += 1  # some that agree, so that targets rise above 0
        torch.testing.assert_close(ours(shown(rows)), theirs(rows @ rows.T), **CLOSE)


def test_gradvac_where_a_gradient_has_vanished() -> None:
    """TorchJD takes the cosine of a zero gradient as 0, and forgets by it; algorithm 1 divides 0 by 0.

    Such a pair has no cosine: here it takes no part and what is remembered of it stays.
    """
    gram = torch.diag(torch.tensor([1.0, 0.0], dtype=torch.float64))
    target = torch.full((2, 2), 0.5, dtype=torch.float64)
    weights, after = solve_gradvac(gram, target, beta=0.5, generator=torch.Generator())
    assert weights.tolist() == [1.0, 1.0]
    assert torch.equal(after, target)


@samples
@pytest.mark.parametrize("leak", [0.0, 0.4])
def test_graddrop(rows: torch.Tensor, leak: float) -> None:
    torch.manual_seed(5)
    theirs = torchjd.GradDrop(leak=torch.full((len(rows),), leak, dtype=torch.float64))(rows)
    ours = drop_signs(rows, leak=leak, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(ours, theirs, **CLOSE)
    balancer = GradDrop(len(rows), leak=leak)
    balancer.start(5)
    torch.testing.assert_close(balancer.direction(shown(rows), balancer(shown(rows))), theirs, **CLOSE)


def same_over_steps(ours: Balancer, theirs: Any, *, width: int) -> None:
    """Weights of several steps in a row, from gradients of two halves that share their mean."""
    for seed in range(6):
        mean = jacobian(seed, ours.count, width)
        first, second = (mean + 0.3 * jacobian(100 * k + seed, ours.count, width) for k in (1, 2))
        seen = shown(first, other=second)
        torch.testing.assert_close(ours(seen), theirs(first @ second.T), **CLOSE)


@pytest.mark.parametrize(("count", "width"), SIZES)
def test_modo(count: int, width: int) -> None:
    theirs = torchjd.MoDoWeighting(gamma=0.02, rho=0.1)
    same_over_steps(MoDo(count, gamma=0.02, rho=0.1), theirs, width=width)


@pytest.mark.parametrize(("count", "width"), SIZES)
def test_sdmgrad(count: int, width: int) -> None:
    theirs = torchjd.SDMGradWeighting(lr=0.2, momentum=0.5, n_iter=20, lambda_=0.3)
    ours = SDMGrad(count, rate=0.2, momentum=0.5, steps=20, pull=0.3)
    same_over_steps(ours, theirs, width=width)


def test_sdmgrad_at_another_scale() -> None:
    """TorchJD adds 1e-8 to the squared scale: gradients of 1e-6 then hardly move the weights.

    The objective |J' (w + lambda w0)|^2 of the paper has one minimiser at any scale, and so have
    the weights here.
    """
    rows = jacobian(0, 3, 8)
    ours = SDMGrad(3)(shown(rows * 1e-6))
    torch.testing.assert_close(ours, SDMGrad(3)(shown(rows)), **CLOSE)
    theirs = torchjd.SDMGradWeighting()(1e-12 * rows @ rows.T)
    assert (theirs - torchjd.SDMGradWeighting()(rows @ rows.T)).abs().max() > 1e-2
