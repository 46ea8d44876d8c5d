"""The nets, losses and steps that benchmarks/balancing.py times: umbel's, TorchJD's, and plain ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel import balancing
from umbel.balancing.balancer import BALANCERS, Balancer, Place
from umbel.data.batch import Batch
from umbel.tasks import KINDS, Target, TaskSet
from umbel.training.step import step

__all__ = ["BATCH", "NETS", "TWINS", "WAYS", "Setting", "Step", "halves", "own", "peer", "plain", "weighting"]

BATCH, CLASSES = 256, 10


def _perceptron() -> nn.Sequential:
    widths = [256, 512, 512, 512]
    layers = [(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(widths)]
    return nn.Sequential(*(part for pair in layers for part in pair))


def _lenet() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(1, 10, 5), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(10, 20, 5), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(320, 50), nn.ReLU()),
    )


NETS = {"perceptron": (_perceptron, 512, 1), "lenet": (_lenet, 50, CLASSES)}
"""By name: the trunk, its width, and the outputs of a head (one: squared error; ten: cross-entropy)."""


class Net(nn.Module):
    """A trunk and a linear head per task; in two halves for umbel's own step."""

    mixes = False

    def __init__(self, name: str, count: int) -> None:
        super().__init__()
        trunk, width, outputs = NETS[name]
        self.trunk = trunk()
        self.heads = nn.ModuleList(nn.Linear(width, outputs) for _ in range(count))
        self.targets = {f"t{p}": str(p) for p in range(count)}

    def shared(self, batch: Batch) -> tuple[Tensor, ...]:
        """What all tasks see."""
        return (self.trunk(batch.inputs["x"]),)

    def answer(self, batch: Batch, shared: Mapping[str, tuple[Tensor, ...]]) -> dict[str, Tensor]:
        """Outputs by task."""
        heads = zip(self.targets, self.heads, strict=True)
        return {target: head(shared[target][0]) for target, head in heads}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Outputs by task."""
        return self.answer(batch, dict.fromkeys(self.targets, self.shared(batch)))


@dataclass
class Setting:
    """A net, its optimiser and one batch.

    :param name: of the net.
    :param count: tasks, P.
    """

    name: str
    count: int
    net: Net = field(init=False)
    optimizer: torch.optim.Optimizer = field(init=False)

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        self.net = Net(self.name, self.count)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-4)
        if self.name == "perceptron":
            self.x = torch.randn(BATCH, 256)
            self.y = [torch.randn(BATCH, 1) for _ in range(self.count)]
        else:
            self.x = torch.randn(BATCH, 1, 28, 28)
            self.y = [torch.randint(CLASSES, (BATCH,)) for _ in range(self.count)]

    @property
    def shared(self) -> list[Tensor]:
        """The trunk's parameters."""
        return list(self.net.trunk.parameters())

    def losses(self, features: Tensor) -> list[Tensor]:
        """Mean losses of all tasks."""
        loss = functional.mse_loss if self.name == "perceptron" else functional.cross_entropy
        return [loss(head(features), y) for head, y in zip(self.net.heads, self.y, strict=True)]


Step = Callable[[], Any]


def plain(setting: Setting) -> Step:
    """A step by the plain sum of the losses."""

    def one() -> None:
        setting.optimizer.zero_grad()
        total: Any = sum(setting.losses(setting.net.trunk(setting.x)))
        total.backward()
        setting.optimizer.step()

    return one


def own(setting: Setting, method: str, place: Place) -> Step:
    """A step of a loop of one's own by ``umbel.balancing.backward``."""
    form = balancing.balancer(method, setting.count)
    optimizer = torch.optim.Adam([*setting.net.parameters(), *form.parameters()], lr=1e-4)

    def one() -> None:
        optimizer.zero_grad()
        features = setting.net.trunk(setting.x)
        shared = features if place == "features" else setting.shared
        balancing.backward(setting.losses(features), shared=shared, method=form)
        optimizer.step()

    return one


def _tasks(count: int) -> TaskSet:
    kind = KINDS.get("regression")()
    kind.fit(pd.Series([0.0, 1.0]))
    return TaskSet(tuple(Target(f"t{p}", kind) for p in range(count)))


def halves(setting: Setting, method: str, place: Place, pieces: int = 1) -> Step:
    """A step by ``umbel.training.step.step`` of the same net, as a model in two halves.

    :param pieces: the batch goes through the net in so many parts.
    """
    tasks = _tasks(setting.count)
    names = list(setting.net.targets)
    known = torch.ones(BATCH)
    targets = dict(zip(names, setting.y, strict=True))
    batch = Batch({"x": setting.x}, targets, dict.fromkeys(names, known), torch.arange(BATCH))

    def losses(model: nn.Module, batch: Batch, tasks: TaskSet, counts: Tensor) -> list[Tensor]:
        raw, found = model(batch), []
        for name, n in zip(names, counts.clamp(min=1).unbind(), strict=True):
            out, y = raw[name], batch.targets[name]
            if setting.name == "perceptron":
                each = (out - y).squeeze(1) ** 2
            else:
                each = functional.cross_entropy(out, y, reduction="none")
            found.append(((each * batch.weights[name]).sum() / n.to(each.dtype)).view(1))
        return found

    form: Balancer = BALANCERS.get(method)(setting.count)
    form.start(0)

    def one() -> None:
        optimizer = setting.optimizer
        step(setting.net, batch, tasks, form, None, optimizer, losses=losses, gradients=place, pieces=pieces)

    return one


WAYS = ("one by one", "in one pass", "engine")
"""TorchJD's ways: a gradient at a time, all in one pass, and its engine that never has the Jacobian."""

TWINS: dict[str, tuple[str, dict[str, Any]]] = {
    "aligned_mtl": ("AlignedMTL", {}),
    "cagrad": ("CAGrad", {"c": 0.4}),
    "config": ("ConFIG", {}),
    "dualproj": ("DualProj", {}),
    "excess_mtl": ("ExcessMTL", {}),
    "fairgrad": ("FairGrad", {"alpha": 1.0}),
    "graddrop": ("GradDrop", {}),
    "gradvac": ("GradVac", {}),
    "imtl_g": ("IMTLG", {}),
    "mgda": ("MGDA", {}),
    "nash": ("NashMTL", {}),
    "pcgrad": ("PCGrad", {}),
    "upgrad": ("UPGrad", {}),
}
"""TorchJD's names of umbel's methods, and the options that it has no default for (those of its docs)."""


def aggregator(method: str, count: int) -> Any:
    """TorchJD's aggregator of a method.

    :raises ImportError: it needs a package that is not there.
    """
    from torchjd import aggregation

    name, options = TWINS[method]
    return getattr(aggregation, name)(**options, **({"n_tasks": count} if method == "nash" else {}))


def weighting(method: str, count: int) -> Callable[[Tensor], Tensor] | None:
    """TorchJD's weights of a Gramian; None where it has none for this method."""
    found: Callable[[Tensor], Tensor] | None = getattr(aggregator(method, count), "gramian_weighting", None)
    return found


def peer(setting: Setting, method: str, place: Place, way: str) -> Step:
    """A step by TorchJD.

    At the parameters as its documentation of multi-task learning has it. At the features the same pass
    ends at a detached copy of them, and one backward pass goes on.

    :param way: one of ``WAYS``.
    :raises ImportError: see :func:`aggregator`.
    :raises ValueError: the engine has no such method, or does not go to this place.
    """
    from torchjd.autogram import Engine
    from torchjd.autojac import jac_to_grad, mtl_backward

    form, products = aggregator(method, setting.count), weighting(method, setting.count)
    chunk, net = 1 if way == "one by one" else None, setting.net
    options = {} if products is None else {"optimize_gramian_computation": True}
    engine = Engine(net.trunk, batch_dim=None) if way == "engine" else None
    if engine is not None and (products is None or place != "parameters"):
        raise ValueError("the engine gives the Gramian at the parameters")

    def one() -> None:
        setting.optimizer.zero_grad()
        features = net.trunk(setting.x)
        if engine is not None:
            losses = torch.stack(setting.losses(features))
            losses.backward(products(engine.compute_gramian(losses)))
        elif place == "parameters":
            mtl_backward(setting.losses(features), features=features, parallel_chunk_size=chunk)
            jac_to_grad(setting.shared, form, **options)
        else:
            leaf = features.detach().requires_grad_()
            seen = leaf.view_as(leaf)
            found = setting.losses(seen)
            mtl_backward(found, features=seen, shared_params=[leaf], parallel_chunk_size=chunk)
            jac_to_grad([leaf], form, **options)
            features.backward(leaf.grad)
        setting.optimizer.step()

    return one
