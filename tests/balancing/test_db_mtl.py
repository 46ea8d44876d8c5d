"""DB-MTL against algorithm 1 on a small model, and its averages by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from umbel.balancing.balancer import Seen
from umbel.balancing.db_mtl import DualBalancing
from umbel.errors import BalancingError

EVERYBODY = torch.ones(3, dtype=torch.bool)


def losses_of(theta: Tensor) -> Tensor:
    return torch.stack([(theta**2).sum(), 30 * (theta[0] - 2).exp(), 0.01 * (theta[1] * theta[2]).cosh()])


def gradients(of: Tensor, theta: Tensor) -> Tensor:
    return torch.stack([torch.autograd.grad(part, theta, retain_graph=True)[0] for part in of])


def test_without_smoothing_the_update_is_the_papers() -> None:
    """sum_p (max_q |grad log L_q| / |grad log L_p|) grad log L_p, by autograd."""
    theta = torch.tensor([0.3, -1.2, 0.7], dtype=torch.float64, requires_grad=True)
    losses = losses_of(theta)
    of_logs = gradients(losses.log(), theta)
    sizes = of_logs.norm(dim=1)
    expected = (sizes.max() / sizes) @ of_logs
    jacobian = gradients(losses, theta)
    seen = Seen(losses=losses.detach(), present=EVERYBODY, gram=jacobian @ jacobian.T)
    weights = DualBalancing(3, beta=0.0)(seen)
    torch.testing.assert_close(weights @ jacobian, expected)
    parts = (weights[:, None] * jacobian).norm(dim=1)
    torch.testing.assert_close(parts, sizes.max().expand(3))


def seen_of(norms: list[float], losses: list[float], present: Tensor = EVERYBODY) -> Seen:
    size = torch.tensor(norms, dtype=torch.float64)
    return Seen(losses=torch.tensor(losses, dtype=torch.float64), present=present, gram=torch.diag(size**2))


def test_norms_are_averaged_over_the_steps() -> None:
    """Norms of log losses 1, 2 then 4, 2: with beta = 0.9 / 2 ** 0.5 at the second step."""
    db = DualBalancing(2, beta=0.9, sigma=0.5)
    first = db(seen_of([2.0, 2.0], [2.0, 1.0], EVERYBODY[:2]))
    torch.testing.assert_close(first, torch.tensor([2.0 / 2, 1.0], dtype=torch.float64))
    second = db(seen_of([4.0, 1.0], [1.0, 0.5], EVERYBODY[:2]))
    past = 0.9 / 2**0.5
    n = past * 1 + (1 - past) * 4
    torch.testing.assert_close(
        second, torch.tensor([max(n, 2) / n, max(n, 2) / 2 / 0.5], dtype=torch.float64)
    )


def test_an_absent_task_has_no_say_and_keeps_its_memory() -> None:
    db, pair = DualBalancing(3), DualBalancing(2)
    present, ends = torch.tensor([True, False, True]), torch.tensor([0, 2])
    for step in (1.0, 2.0, 0.3):
        found = db(seen_of([step, float("nan"), 2.0], [1.0, -8.0, step], present))
        assert found[1] == 0
        among = pair(seen_of([step, 2.0], [1.0, step], EVERYBODY[:2]))
        torch.testing.assert_close(found[ends], among, rtol=0, atol=0)
    assert (db.norms[1], db.steps[1]) == (0, 0)
    db(seen_of([1.0, 5.0, 2.0], [1.0, 1.0, 1.0]))
    assert db.norms[1] == 5.0


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_losses_and_gradients_scaled(scale: float) -> None:
    one = DualBalancing(3)(seen_of([1.0, 4.0, 2.0], [0.3, 2.0, 1.1]))
    found = DualBalancing(3)(seen_of([scale, 4 * scale, 2 * scale], [0.3 * scale, 2 * scale, 1.1 * scale]))
    torch.testing.assert_close(found * scale, one)


def test_a_gradient_of_0_is_not_enlarged() -> None:
    found = DualBalancing(3)(seen_of([0.0, 4.0, 2.0], [0.5, 1.0, 1.0]))
    torch.testing.assert_close(found, torch.tensor([2.0, 1.0, 2.0], dtype=torch.float64))
    none = DualBalancing(3)(seen_of([0.0, 0.0, 0.0], [0.5, 1.0, 1.0]))
    torch.testing.assert_close(none, torch.tensor([2.0, 1.0, 1.0], dtype=torch.float64))


def test_the_state_brings_it_back() -> None:
    one, other = DualBalancing(3).double(), DualBalancing(3).double()
    one(seen_of([1.0, 4.0, 2.0], [0.3, 2.0, 1.1]))
    one(seen_of([3.0, 1.0, 2.0], [0.3, 2.0, 1.1]))
    other.load_state_dict(one.state_dict())
    later = seen_of([1.0, 1.0, 1.0], [0.2, 1.0, 1.0])
    assert torch.equal(one(later), other(later))


def test_a_negative_loss_is_refused() -> None:
    with pytest.raises(BalancingError, match="'db_mtl' needs losses above 0"):
        DualBalancing(3)(seen_of([1.0, 1.0, 1.0], [1.0, -0.1, 1.0]))
