"""One contract for every registered balancer."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Seen
from umbel.balancing.gramian import GramBalancer
from umbel.errors import BalancingError

LOSSES = torch.tensor([0.3, 2.0, 0.7, 1.1], dtype=torch.float64)
PRESENT = torch.tensor([True, True, False, True])
ALL = torch.ones(4, dtype=torch.bool)
# of either sign: weights of a plane or a cone that are no shares of the whole
SIGNED = {"imtl_g", "aligned_mtl", "config"}
# they draw, learn their weights apart from the gradients, or let the user say
APART = {"rlw", "imtl_l"}


def seen(
    scale: float = 1.0, present: Tensor = PRESENT, *, seed: int = 0, jacobian: Tensor | None = None
) -> Seen:
    """What a step would show: losses and gradients of the same scale."""
    chance = torch.Generator().manual_seed(seed)
    rows = [torch.randn(4, 9, generator=chance, dtype=torch.float64) for _ in range(3)]
    one, half, other = (
        scale * torch.where(present[:, None], r if jacobian is None else jacobian, 0.0) for r in rows
    )
    losses = torch.where(present, LOSSES, 0.0) * scale
    return Seen(
        losses=losses,
        present=present,
        gram=one @ one.T,
        jacobian=one,
        cross=(one + 0.1 * half) @ (one - 0.1 * half).T,
        validation=one @ (one + 0.1 * other).T,
    )


def made(name: str, *, moved: bool = True) -> Balancer:
    torch.manual_seed(0)
    balancer: Balancer = BALANCERS.get(name)(len(LOSSES)).double()
    balancer.start(7)
    with torch.no_grad():
        for parameter in balancer.parameters() if moved else ():
            parameter += 0.3 * torch.randn_like(parameter)
    return balancer


def weighted(balancer: Balancer, shown: Seen) -> Tensor:
    found: Tensor = balancer(shown)
    return found.detach().masked_fill(~shown.present, 0.0)


def steps(balancer: Balancer, *shown: Seen) -> Tensor:
    """The weights of the last of some steps; after each the losses have fallen a little."""
    for one in shown:
        weights = weighted(balancer, one)
        balancer.after(dataclasses.replace(one, losses=one.losses * 0.9))
        balancer.epoch(torch.where(one.present, one.losses, torch.nan))
    return weights


@pytest.mark.parametrize("name", BALANCERS.names())
class TestBalancer:
    def test_it_tells_its_paper_one_line_and_its_cost(self, name: str) -> None:
        entry = next(e for e in BALANCERS if e.name == name)
        assert entry.source
        assert entry.summary.endswith(".")
        assert entry.item.name == name
        assert entry.item.cost()
        assert entry.item.places

    def test_weights_are_finite_and_one_per_loss(self, name: str) -> None:
        for scale in (1e-8, 1.0, 1e8):
            weights = steps(made(name), seen(scale), seen(scale, seed=1), seen(scale, ALL, seed=2))
            assert weights.shape == LOSSES.shape
            assert torch.isfinite(weights).all()
            assert weights.abs().sum() > 0
            assert name in SIGNED or (weights >= 0).all()

    def test_absent_losses_do_not_matter(self, name: str) -> None:
        one, other = seen(), seen()
        other.losses[2] = 77.0
        for found in (other.gram, other.cross, other.validation):
            assert found is not None
            found[2], found[:, 2] = 5.0, 5.0
        assert other.jacobian is not None
        other.jacobian[2] = 3.0
        torch.testing.assert_close(weighted(made(name), one), weighted(made(name), other), rtol=0, atol=0)

    def test_an_absent_task_has_no_penalty(self, name: str) -> None:
        penalty = made(name).penalty(PRESENT)
        assert penalty.shape == LOSSES.shape
        assert penalty[2] == 0

    def test_the_state_brings_it_back(self, name: str) -> None:
        one = made(name)
        steps(one, seen(), seen(seed=1))
        other: Balancer = BALANCERS.get(name)(len(LOSSES)).double()
        other.load_state_dict(one.state_dict())
        for shown in (seen(seed=2), seen(present=ALL, seed=3)):
            torch.testing.assert_close(steps(one, shown), steps(other, shown), rtol=0, atol=0)

    def test_weights_scale_with_all_losses_as_the_paper_says(self, name: str) -> None:
        degree = BALANCERS.get(name).degree
        if degree is None:
            return
        one, other = (weighted(made(name, moved=False), seen(scale)) for scale in (1.0, 100.0))
        torch.testing.assert_close(other, one * 100.0**degree, rtol=1e-6, atol=1e-12)

    def test_tasks_that_are_alike_get_equal_weights(self, name: str) -> None:
        if name in APART:
            return
        row = torch.randn(9, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        alike = seen(present=ALL, jacobian=row.expand(4, 9).clone())
        alike = dataclasses.replace(alike, losses=torch.full_like(LOSSES, 0.8))
        weights = steps(made(name, moved=False), alike)
        torch.testing.assert_close(weights, weights.mean().expand(4), rtol=1e-6, atol=1e-9)

    def test_the_order_of_tasks_changes_the_order_of_weights(self, name: str) -> None:
        if name in ("rlw", "pcgrad", "gradvac"):  # what they draw belongs to a place
            return
        order = torch.tensor([3, 0, 2, 1])
        one = seen(present=ALL)
        turned = Seen(
            losses=one.losses[order],
            present=ALL,
            **{k: _turned(getattr(one, k), order) for k in ("gram", "cross", "validation")},
            jacobian=None if one.jacobian is None else one.jacobian[order],
        )
        found = weighted(made(name, moved=False), turned)
        torch.testing.assert_close(found, weighted(made(name, moved=False), one)[order], rtol=1e-6, atol=1e-9)

    def test_neutral_weights_are_what_it_says(self, name: str) -> None:
        """Tasks of one size without conflict: the weights are 1 each, or add up to 1.

        CAGrad's add up to 1 + c: its step is longer than the mean gradient's, as in the paper.
        """
        form = BALANCERS.get(name)
        if name in {*APART, "cagrad"} or form.degree is None or name == "auto_lambda":
            return
        alike = seen(present=ALL, jacobian=torch.eye(4, 9, dtype=torch.float64))
        alike = dataclasses.replace(alike, losses=torch.ones(4, dtype=torch.float64))
        total = float(weighted(made(name, moved=False), alike).sum())
        assert total == pytest.approx(4.0 if form.neutral == "sum" else 1.0, rel=1e-4)

    def test_hostile_gradients_give_finite_weights_or_an_error(self, name: str) -> None:
        row = torch.randn(9, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
        hostile = {
            "zero": torch.zeros(4, 9, dtype=torch.float64),
            "one is zero": torch.eye(4, 9, dtype=torch.float64) * torch.tensor([1.0, 1, 0, 1])[:, None],
            "rank 1": torch.outer(torch.tensor([1.0, 2, 3, 4], dtype=torch.float64), row),
            "opposite": torch.outer(torch.tensor([1.0, -1, 1, -1], dtype=torch.float64), row),
            "huge": torch.eye(4, 9, dtype=torch.float64) * 1e15,
        }
        for what, jacobian in hostile.items():
            shown = seen(present=ALL, jacobian=jacobian)
            try:
                weights = weighted(made(name), shown)
            except BalancingError as error:
                told = error.found
            else:
                told = "finite" if torch.isfinite(weights).all() else ""
            assert told, what

    def test_one_present_task_has_a_weight(self, name: str) -> None:
        lone = torch.tensor([False, True, False, False])
        weights = weighted(made(name), seen(present=lone))
        assert weights[1] > 0
        assert issubclass(BALANCERS.get(name), GramBalancer) is False or weights[1] == 1


def _turned(square: Tensor | None, order: Tensor) -> Tensor | None:
    return None if square is None else square[order][:, order]
