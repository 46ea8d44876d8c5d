"""Task gradients for tests of balancers, some of them hostile, and what holds for every balancer."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from umbel.balancing.balancer import Balancer, Seen

__all__ = ["HOSTILE", "absent_takes_no_part", "identical_are_equal", "jacobian", "shown", "state_brings_back"]


def jacobian(seed: int, count: int = 4, width: int = 12) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def shown(rows: Tensor, *, other: Tensor | None = None, present: list[bool] | None = None) -> Seen:
    """All that any balancer needs of these gradients; ``other`` are those of a second half."""
    second = rows if other is None else other
    return Seen(
        losses=torch.linspace(0.5, 2.0, len(rows), dtype=torch.float64),
        present=torch.ones(len(rows), dtype=torch.bool) if present is None else torch.tensor(present),
        gram=rows @ rows.T,
        jacobian=rows,
        cross=rows @ second.T,
    )


def _hostile() -> dict[str, Tensor]:
    rows = jacobian(0)
    line = torch.tensor([[1.0], [2.0], [-3.0], [0.5]], dtype=torch.float64) @ jacobian(1, 1)
    thin = (jacobian(2, 4, 2) @ jacobian(3, 2, 500)).float()
    zero_row = rows.clone()
    zero_row[1] = 0
    return {
        "zero": torch.zeros(4, 12, dtype=torch.float64),
        "one zero": zero_row,
        "rank 1": line,
        "rank 1, huge": line * 1e15**0.5,
        "rank 2 in float32": thin,
        "huge": rows * 1e15**0.5,
        "tiny": rows * 1e-15,
        "identical": rows[:1].repeat(4, 1),
        "opposed": torch.cat([rows[:2], -rows[:2]]),
        "lengths from 1e-6 to 1e6": rows * torch.logspace(-6, 6, 4, dtype=torch.float64)[:, None],
    }


HOSTILE = _hostile()


def absent_takes_no_part(make: Callable[[int], Balancer]) -> None:
    """The weights of the present tasks are those of a balancer of these tasks alone."""
    rows, second, present = jacobian(4), jacobian(5), [True, False, True, True]
    one, alone = make(4), make(3)
    one.start(3)
    alone.start(3)
    for _ in range(3):
        weights = one(shown(rows, other=second, present=present))
        assert weights[1] == 0
        expected = alone(shown(rows[present], other=second[present]))
        torch.testing.assert_close(weights[present], expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(one(shown(rows, present=[False] * 4)), torch.zeros(4, dtype=torch.float64))


def identical_are_equal(make: Callable[[int], Balancer], weight: float) -> None:
    rows, balancer = jacobian(6, 1).repeat(4, 1), make(4)
    for _ in range(5):
        weights = balancer(shown(rows))
        torch.testing.assert_close(weights, torch.full((4,), weight, dtype=torch.float64))


def state_brings_back(make: Callable[[int], Balancer]) -> None:
    """A fresh balancer with the state of another goes on as the other does."""
    one, fresh = make(4), make(4)
    one.start(11)
    for seed in range(3):
        _step(one, seed)
    fresh.load_state_dict(one.state_dict())
    for seed in range(3, 6):
        for mine, theirs in zip(_step(one, seed), _step(fresh, seed), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=0, atol=0)


def _step(balancer: Balancer, seed: int) -> tuple[Tensor, Tensor]:
    seen = shown(jacobian(seed), other=jacobian(seed + 100))
    weights = balancer(seen)
    direction = balancer.direction(seen, weights)
    return weights, torch.zeros(1) if direction is None else direction
