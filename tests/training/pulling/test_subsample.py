"""The Gramian of a few rows of each task against the gradients of their mean losses by plain autograd."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from umbel.balancing.balancer import Balancer
from umbel.balancing.gramian import GramBalancer
from umbel.data.batch import Batch
from umbel.errors import BalancingError, ConfigError
from umbel.tasks import KINDS, Target, TaskSet
from umbel.training.pulling import subsample
from umbel.training.step import step

ROWS = 24


class Spy(GramBalancer):
    """Keeps what it sees."""

    name: ClassVar[str] = "spy"
    seen: Tensor

    def solve(self, gram: Tensor) -> Tensor:
        self.seen = gram
        return torch.ones(len(gram), dtype=torch.float64)


class Net(nn.Module):
    """Two convolutions, of which one has channels that take the faster kernels, and two linear layers."""

    mixes = False

    def __init__(self, count: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            *(nn.Conv2d(1, 5, 3), nn.ReLU(), nn.Conv2d(5, 3, 3, bias=False), nn.Tanh(), nn.Flatten()),
            *(nn.Linear(48, 6), nn.Tanh(), nn.Linear(6, 4, bias=False)),
        )
        self.heads = nn.ModuleList(nn.Linear(4, 1) for _ in range(count))
        self.targets = {f"t{p}": str(p) for p in range(count)}

    def shared(self, batch: Batch) -> tuple[Tensor, ...]:
        return (self.trunk(batch.inputs["x"]),)

    def answer(self, batch: Batch, shared: Mapping[str, tuple[Tensor, ...]]) -> dict[str, Tensor]:
        return {t: h(shared[t][0])[:, 0] for t, h in zip(self.targets, self.heads, strict=True)}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return self.answer(batch, dict.fromkeys(self.targets, self.shared(batch)))


def losses(model: nn.Module, batch: Batch, tasks: TaskSet, counts: Tensor) -> list[Tensor]:
    raw = model(batch)
    return [
        (batch.weights[t] * (raw[t] - batch.targets[t]) ** 2).sum().view(1) / n.clamp(min=1)
        for t, n in zip(raw, counts, strict=True)
    ]


def scene(count: int) -> tuple[Net, Batch, TaskSet]:
    torch.manual_seed(2)
    kind = KINDS.get("regression")()
    kind.fit(pd.Series([0.0, 1.0]))
    names = [f"t{p}" for p in range(count)]
    known = torch.ones(ROWS, dtype=torch.float64)
    batch = Batch(
        {"x": torch.randn(ROWS, 1, 8, 8, dtype=torch.float64)},
        {t: torch.randn(ROWS, dtype=torch.float64) for t in names},
        {t: known.clone() for t in names},
        torch.arange(ROWS),
    )
    return Net(count).double(), batch, TaskSet(tuple(Target(t, kind) for t in names))


def taken(net: Net, batch: Batch, tasks: TaskSet, form: Balancer, pieces: int = 1) -> None:
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
    step(net, batch, tasks, form, None, optimizer, losses=losses, gradients="subsample", pieces=pieces)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_gramian_of_the_rows_drawn(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 5 tasks 4 rows each, of 24: tasks may share rows; one of them knows fewer."""
    net, batch, tasks = scene(count)
    batch.weights["t1"][2:] = 0
    draws: list[tuple[Tensor, Tensor]] = []
    draw = subsample._drawn

    def spied(*about: object) -> tuple[Tensor, Tensor]:
        draws.append(draw(*about))
        return draws[-1]

    monkeypatch.setattr(subsample, "_drawn", spied)
    form = Spy(count)
    taken(net, batch, tasks, form)
    ((rows, owner),) = draws
    assert torch.bincount(owner).tolist() == [2 if p == 1 else ROWS // count for p in range(count)]
    trunk, gradients = list(net.trunk.parameters()), []
    for p, name in enumerate(net.targets):
        mine = batch.take(rows[owner == p])
        assert len(set(mine.rows.tolist())) == len(mine)
        loss = ((net(mine)[name] - mine.targets[name]) ** 2).mean()
        gradients.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, trunk)]))
    jacobian = torch.stack(gradients)
    torch.testing.assert_close(form.seen, jacobian @ jacobian.T, rtol=1e-9, atol=1e-14)


def test_the_update_is_that_of_the_whole_batch() -> None:
    net, batch, tasks = scene(3)
    taken(net, batch, tasks, Spy(3))
    every = list(net.parameters())
    found = [p.grad for p in every]
    total = torch.stack(losses(net, batch, tasks, torch.full((3,), ROWS))).mean()
    expected = torch.autograd.grad(total, every)
    torch.testing.assert_close(found, list(expected), rtol=1e-9, atol=1e-14)


def test_what_it_cannot_do_is_said() -> None:
    net, batch, tasks = scene(2)
    with pytest.raises(ConfigError, match="pieces: 2"):
        taken(net, batch, tasks, Spy(2), pieces=2)
    net.trunk = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.LayerNorm(4)).double()
    with pytest.raises(BalancingError, match="neither"):
        taken(net, batch, tasks, Spy(2))
