"""One contract for every registered sharing architecture."""

from __future__ import annotations

import pytest
import torch

from umbel.sharing.model import initialise
from umbel.sharing.sharing import SHARINGS, Sharing

TARGETS = ("one", "two", "three")


def made(name: str, targets: tuple[str, ...] = TARGETS) -> Sharing:
    sharing: Sharing = SHARINGS.get(name)(5, targets)
    initialise(sharing, 3)
    return sharing.double().eval()


@pytest.mark.parametrize("name", SHARINGS.names())
class TestSharing:
    def test_it_tells_its_paper_and_one_line(self, name: str) -> None:
        entry = next(e for e in SHARINGS if e.name == name)
        assert entry.source
        assert entry.summary.endswith(".")

    def test_one_representation_per_task(self, name: str) -> None:
        sharing = made(name)
        found = sharing(torch.randn(4, 5).double())
        assert set(found) == set(TARGETS)
        assert all(h.shape == (4, sharing.out) for h in found.values())

    def test_the_order_of_tasks_changes_nothing(self, name: str) -> None:
        x = torch.randn(4, 5).double()
        one, other = made(name)(x), made(name, TARGETS[::-1])(x)
        for target in TARGETS:
            torch.testing.assert_close(one[target], other[target], rtol=0, atol=1e-12)

    def test_rows_do_not_see_each_other(self, name: str) -> None:
        sharing, x = made(name), torch.randn(6, 5).double()
        whole, part = sharing(x), sharing(x[2:4])
        for target in TARGETS:
            torch.testing.assert_close(whole[target][2:4], part[target], rtol=0, atol=1e-12)

    def test_every_parameter_learns(self, name: str) -> None:
        sharing = made(name)
        with torch.no_grad():  # away from the zeros some layers start at
            for parameter in sharing.parameters():
                parameter += 0.1 * torch.randn_like(parameter)
        loss = sum(h.square().sum() for h in sharing(torch.randn(9, 5).double()).values())
        assert isinstance(loss, torch.Tensor)
        grads = torch.autograd.grad(loss, list(sharing.parameters()))
        assert all(grad.abs().sum() > 0 for grad in grads)
