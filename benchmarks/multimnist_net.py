"""A net over pictures: umbel's sharing architectures, heads, loop and step; no feature space before them."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from multimnist_data import Pictures
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from umbel.data.batch import Batch
from umbel.data.sampler import Sampler
from umbel.seeding import derive
from umbel.sharing.heads import Head
from umbel.sharing.model import MultiTaskNet, initialise
from umbel.sharing.naming import module_name
from umbel.sharing.sharing import SHARINGS, Sharing, Tensors
from umbel.tasks import TaskSet
from umbel.training.distributed import Processes
from umbel.training.learners.net_member import chosen_of
from umbel.training.learners.net_options import NetOptions
from umbel.training.learners.net_parts import balancer_of, optimizer_of
from umbel.training.loop import Loop, raw_outputs
from umbel.training.losses import count_labels
from umbel.training.progress import Progress
from umbel.training.schedule import schedule
from umbel.training.stopping import Stopping

__all__ = ["Distortion", "Fitted", "PictureNet", "fit"]


@dataclass(frozen=True)
class Distortion:
    """How pictures are moved in training, each row anew, uniformly up to these bounds.

    :param shift: pixels in both directions.
    :param turn: degrees.
    :param scale: share of the size, both ways.
    """

    shift: float = 0.0
    turn: float = 0.0
    scale: float = 0.0

    def __call__(self, x: Tensor) -> Tensor:
        """[B, 1, H, W] to [B, 1, H, W]; draws from torch's global generator, as dropout does."""
        if not (self.shift or self.turn or self.scale):
            return x
        chance = 2 * torch.rand(4, len(x)) - 1
        angle = chance[0] * math.radians(self.turn)
        size = 1 + chance[1] * self.scale
        across, down = chance[2:] * (2 * self.shift / x.shape[-1])
        cos, sin = size * angle.cos(), size * angle.sin()
        places = torch.stack([cos, -sin, across, sin, cos, down], dim=1).view(-1, 2, 3)
        grid = functional.affine_grid(places, list(x.shape), align_corners=False)
        return functional.grid_sample(x, grid, align_corners=False)


class PictureNet(nn.Module):
    """Pictures to the raw outputs of every target, in two halves (see ``training.pulling.cut``).

    :param tasks: with fitted kinds.
    :param options: ``sharing``, and ``sharing_options`` with the blocks and the trunk.
    """

    def __init__(self, tasks: TaskSet, options: NetOptions, distort: Distortion) -> None:
        super().__init__()
        names = [target.name for target in tasks.targets]
        self.sharing: Sharing = SHARINGS.get(options.sharing)(
            (1, 28, 28), names, **(options.sharing_options or {})
        )
        self.distort = distort
        self.targets: Mapping[str, str] = {name: module_name(name) for name in names}
        self.heads = nn.ModuleDict(
            {self.targets[t.name]: Head(self.sharing.out, t.kind.width, t.kind.free) for t in tasks.targets}
        )

    @property
    def mixes(self) -> bool:
        """Whether a target's raw outputs depend on the heads of others."""
        return type(self.sharing).finish is not Sharing.finish

    def head(self, target: str) -> Head:
        """The head of a target."""
        return cast(Head, self.heads[self.targets[target]])

    def shared(self, batch: Batch) -> Tensors:
        """What all targets see; in training, of distorted pictures."""
        x = batch.inputs["image"]
        assert isinstance(x, Tensor)
        found: Tensors = self.sharing.shared(self.distort(x) if self.training else x)
        return found

    def answer(self, batch: Batch, shared: Mapping[str, Tensors]) -> dict[str, Tensor]:
        """Raw outputs by target of what :meth:`shared` gave."""
        return self.sharing.finish({t: self.head(t)(self.sharing.own(x, t)) for t, x in shared.items()})

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Raw outputs by target, [B, classes]."""
        return self.answer(batch, dict.fromkeys(self.targets, self.shared(batch)))


@dataclass(frozen=True)
class Fitted:
    """A net that has been fitted.

    :param valid: by target, its accuracy on validation pairs at the chosen epoch.
    :param correct: by target, whether each test pair is answered rightly, [N]; empty where not asked.
    :param epoch: the chosen one, the same for all targets.
    :param trunk: learned numbers of the sharing architecture, without heads.
    """

    valid: dict[str, float]
    correct: dict[str, NDArray[np.bool_]]
    epoch: int
    trunk: int
    cpu_seconds: float


def _right(model: PictureNet, pairs: Batch) -> dict[str, NDArray[np.bool_]]:
    raw = raw_outputs(cast(MultiTaskNet, model), pairs, rows=500)
    return {t: (r.argmax(dim=1) == pairs.targets[t]).numpy() for t, r in raw.items()}


def fit(
    data: Pictures,
    options: NetOptions,
    *,
    seed: int,
    distort: Distortion,
    targets: tuple[str, ...] = (),
    test: bool = True,
) -> Fitted:
    """Fit on training pairs; validation pairs choose the epoch; test pairs are then read once.

    :param options: of them count ``sharing``, ``balancing``, ``lr``, ``weight_decay``, ``schedule``,
        ``epochs``, ``batch_size``, ``average`` and what belongs to them.
    :param targets: some of the digits alone; all where empty.
    :param test: whether test pairs are read at all.
    """
    begin = time.process_time()
    tasks = data.tasks.only(*targets) if targets else data.tasks
    options = replace(options, seed=seed)
    model = PictureNet(tasks, options, distort)
    initialise(model, seed)
    for target in tasks.targets:
        model.head(target.name).start(torch.from_numpy(target.kind.start()).float())
    balancer = balancer_of(options, len(tasks), seed)
    torch.manual_seed(derive(seed, "dropout"))
    count = len(data.train)
    loop = Loop(
        model=cast(MultiTaskNet, model),
        tasks=tasks,
        table=data.train,
        rows=torch.arange(count),
        valid=data.valid,
        balancer=balancer,
        prior=None,
        optimizer=optimizer_of(options, model, balancer),
        sampler=Sampler(count, options.batch_size, seed),
        schedule=schedule(options.schedule),
        stopping=Stopping([t.name for t in tasks.targets], "shared", patience=options.epochs),
        epochs=options.epochs,
        labels=float(count_labels(data.train, tasks).sum()),
        processes=Processes(),
        gradients=options.gradients,
        seed=seed,
        average=options.average,
        judge_every=options.judge_every,
    )
    with Progress("pictures", options.epochs, len(loop.sampler), show=False) as progress:
        loop.run(progress)
    ((epoch, state),) = chosen_of(loop).states.items()
    model.load_state_dict(state)
    valid = {target: float(right.mean()) for target, right in _right(model, data.valid).items()}
    return Fitted(
        valid,
        _right(model, data.test) if test else {},
        loop.epoch_of(epoch),
        sum(p.numel() for p in model.sharing.parameters()),
        time.process_time() - begin,
    )


def trunk_size(options: NetOptions, names: Any) -> int:
    """Learned numbers of a sharing architecture over pictures."""
    sharing = SHARINGS.get(options.sharing)((1, 28, 28), names, **(options.sharing_options or {}))
    return sum(p.numel() for p in sharing.parameters())
