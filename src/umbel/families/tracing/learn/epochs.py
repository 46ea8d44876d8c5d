"""The epochs of a network of sequences: the shared step, validation, early stopping, checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from umbel.balancing.making import make
from umbel.families.tracing.learn.likelihood import sequence_losses, validation
from umbel.families.tracing.source.sequences import Sequences
from umbel.seeding import derive
from umbel.tasks import TaskSet
from umbel.training.checkpoint import Store
from umbel.training.prior import Prior
from umbel.training.progress import Progress
from umbel.training.schedule import Schedule, one_cycle
from umbel.training.step import step
from umbel.training.stopping import Stopping

__all__ = ["Epochs"]


@dataclass
class Epochs:
    """How a network of sequences is trained.

    :param net: batch to raw outputs by task, [B, T, width + free].
    :param train, valid: the answers; a validation step is scored like any other.
    :param tasks: the tasks; ``correct`` is the first.
    :param rate: the highest learning rate.
    :param epochs: at most.
    :param patience: end after so many epochs without a better validation loss.
    :param decay: decoupled weight decay of matrices.
    :param quick: how many times larger the rate is of the network's ``scalars()``, where it has such.
    :param prior: -log p(theta) of the network.
    :param average: decay of the moving average of the parameters that is judged and kept (Polyak & Juditsky
        1992); 0 for the parameters themselves.
    :param clip: the gradient's norm is held at or below this.
    :param store: where checkpoints go, one an epoch.
    """

    net: nn.Module
    train: Sequences
    valid: Sequences
    tasks: TaskSet
    rate: float = 2e-3
    epochs: int = 10
    patience: int = 2
    decay: float = 1e-4
    quick: float = 10.0
    prior: Prior | None = None
    average: float = 0.99
    clip: float = 5.0
    seed: int = 0
    schedule: Schedule = one_cycle
    store: Store | None = None
    losses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        own = [p for p in self.net.parameters() if p.requires_grad]
        self._own: list[Tensor] = list(own)
        self._mean = [p.detach().clone() for p in own] if self.average else []
        quick = {id(p) for p in getattr(self.net, "scalars", list)()}
        matrices = [p for p in own if p.ndim >= 2]
        others = [p for p in own if p.ndim < 2 and id(p) not in quick]
        groups = [
            {"params": matrices, "weight_decay": self.decay, "full": self.rate},
            {"params": others, "weight_decay": 0.0, "full": self.rate},
            {
                "params": [p for p in own if id(p) in quick],
                "weight_decay": 0.0,
                "full": self.rate * self.quick,
            },
        ]
        self.optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=self.rate, fused=True)
        self.balancer = make("equal", len(self.tasks), seed=self.seed)
        self.stopping = Stopping([t.name for t in self.tasks.targets], "shared", self.patience)
        self.best: dict[str, Tensor] = {}
        self.epoch, self.steps = 0, 0

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self._own[0].device

    def run(self, progress: Progress | None = None) -> None:
        """Train until the epochs are over or validation gets no better; the best parameters stay."""
        self._resume()
        if not self.stopping.gains:
            self.stopping.record(validation(self.net, self.valid, self.tasks))
        labels = float(self.train.log.steps)
        each = len(self.train.plan())
        with torch.random.fork_rng(devices=[]):
            while self.epoch < self.epochs and not self.stopping.done:
                torch.manual_seed(derive(self.seed, "dropout", self.epoch))  # so a resumed fit is the same
                self.net.train()
                for batch, _ in self.train.batches(derive(self.seed, "epoch", self.epoch)):
                    factor = self.schedule(self.steps, each * self.epochs)
                    for group in self.optimizer.param_groups:
                        group["lr"] = group["full"] * factor
                    step(
                        self.net,
                        batch.to(self.device),
                        self.tasks,
                        self.balancer,
                        self.prior,
                        self.optimizer,
                        labels=labels,
                        losses=sequence_losses,
                        clip=self.clip,
                    )
                    self.steps += 1
                    self._follow()
                    if progress is not None:
                        progress.step(self.steps)
                self.epoch += 1
                self._judge(progress)
        if self.best:
            self.net.load_state_dict(self.best)

    @torch.no_grad()
    def _follow(self) -> None:
        if self.average:
            decay = min(self.average, (1 + self.steps) / (10 + self.steps))
            torch._foreach_lerp_(self._mean, [p.detach() for p in self._own], 1 - decay)

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        if not self.average:
            yield
            return
        kept = [p.detach().clone() for p in self._own]
        with torch.no_grad():
            torch._foreach_copy_(self._own, self._mean)
            yield
            torch._foreach_copy_(self._own, kept)

    def _judge(self, progress: Progress | None) -> None:
        with self._averaged():
            losses = validation(self.net, self.valid, self.tasks)
            self.stopping.record(losses)
            self.losses.append(float(losses["correct"] or 0.0))
            if self.stopping.shared == self.stopping.epochs:
                self.best = {k: v.detach().cpu().clone() for k, v in self.net.state_dict().items()}
        if progress is not None:
            progress.epoch(self.epoch, losses, self.stopping.chosen)
        if self.store is not None:
            self.store.save(self.epoch, self._state())

    def _state(self) -> dict[str, Any]:
        return {
            "net": self.net.state_dict(),
            "mean": self._mean,
            "optimizer": self.optimizer.state_dict(),
            "stopping": self.stopping.state(),
            "best": self.best,
            "epoch": self.epoch,
            "steps": self.steps,
            "losses": self.losses,
        }

    def _resume(self) -> None:
        state: Mapping[str, Any] | None = None if self.store is None else self.store.load()
        if state is None:
            return
        self.net.load_state_dict(state["net"])
        for mean, value in zip(self._mean, state["mean"], strict=True):
            mean.copy_(value)
        self.optimizer.load_state_dict(state["optimizer"])
        self.stopping.restore(state["stopping"])
        self.best = dict(state["best"])
        self.epoch, self.steps = int(state["epoch"]), int(state["steps"])
        self.losses = list(state["losses"])
