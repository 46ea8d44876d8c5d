"""All that a fit is at one moment: what it is made of, how far it has come, and its checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from umbel.balancing.balancer import Balancer, Place
from umbel.data.batch import Batch
from umbel.sharing.model import MultiTaskNet
from umbel.tasks import TaskSet
from umbel.training.batches import Order
from umbel.training.calibrate import Calibration
from umbel.training.checkpoint import Store, chance_state, restore_chance
from umbel.training.diagnose import Diagnosis, diagnosis_of
from umbel.training.distributed import Processes
from umbel.training.losses import TaskWeighting
from umbel.training.prior import Prior
from umbel.training.schedule import Schedule
from umbel.training.step import BadLossPolicy
from umbel.training.stopping import Stopping
from umbel.training.validation import Calibrations, Criterion

__all__ = ["LoopState", "Snapshot", "snapshot"]

Snapshot = dict[str, Tensor]


@dataclass
class LoopState:
    """All that is needed to train one model, and all that it is while it trains.

    :param table: the training rows, or a sample of those that are streamed.
    :param rows: positions of those that have a known label; the sampler's positions are places in it.
    :param sampler: the batches: positions, or the rows themselves where they are streamed.
    :param valid: the validation rows.
    :param epochs: epochs at most.
    :param calibrate: judge, and predict by, outputs that are calibrated on validation.
    :param average: the model that is judged and kept is the moving average of the parameters, with this
        decay (Polyak & Juditsky 1992); 0 for the parameters themselves.
    :param judge_every: look at validation after so many epochs, and after the last.
    :param diagnose: keep what the tasks' gradients looked like (see ``training.diagnose``); changes
        nothing else.
    :param store: where checkpoints go; None for none.
    :param every: a checkpoint after so many steps, and at each epoch's end; 0 for the epochs alone.
    :param prefix: put before the names of the store's parts.
    :param outer: what else a checkpoint holds, and the parts it refers to.
    :param offset: added to the numbers of checkpoints, so that they grow from member to member.
    """

    model: MultiTaskNet
    tasks: TaskSet
    table: Batch
    rows: Tensor
    valid: Batch
    balancer: Balancer
    prior: Prior | None
    optimizer: torch.optim.Optimizer
    sampler: Order
    schedule: Schedule
    stopping: Stopping
    epochs: int
    labels: float
    processes: Processes
    weighting: TaskWeighting = "tasks"
    gradients: Place = "features"
    bad_loss: BadLossPolicy = "stop"
    seed: int = 0
    criterion: Criterion = "nll"
    clip: float | None = None
    pieces: int = 1
    precision: torch.dtype | None = None
    calibrate: bool = False
    average: float = 0.0
    judge_every: int = 1
    diagnose: bool = False
    store: Store | None = None
    every: int = 0
    prefix: str = ""
    outer: Mapping[str, Any] = field(default_factory=dict)
    outer_parts: Iterable[str] = ()
    offset: int = 0
    steps: int = 0
    skipped: list[int] = field(default_factory=list)
    snapshots: dict[int, Snapshot] = field(default_factory=dict)
    heads: dict[int, Snapshot] = field(default_factory=dict)
    calibrations: dict[int, Calibrations] = field(default_factory=dict)
    curves: dict[str, list[float]] = field(default_factory=dict)
    diagnosis: Diagnosis | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._sums = torch.zeros(2, len(self.tasks), dtype=torch.float64)
        self._epoch = torch.zeros(2, len(self.tasks), dtype=torch.float64)
        for target in self.tasks.targets:
            self.curves.setdefault(target.name, [])
        self._own: list[Tensor] = list(self.model.parameters())
        self._mean = [p.detach().clone() for p in self._own] if self.average else []
        if self.diagnose:
            searches = isinstance(self.optimizer, torch.optim.LBFGS)
            self.diagnosis = diagnosis_of(
                self.model,
                self.tasks,
                self.table,
                self.rows,
                self.balancer,
                self.gradients,
                epochs=self.epochs,
                batch_size=self.sampler.batch_size,
                rate=None if searches else float(self.optimizer.param_groups[0]["full"]),
                weighting=self.weighting,
                seed=self.seed,
                first=self.processes.first,
            )

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self._own[0].device

    # ---- the average of the parameters ----

    @torch.no_grad()
    def follow(self) -> None:
        """Let the average follow the parameters; faster at first, when they are far from good."""
        if self.average:
            decay = min(self.average, (1 + self.steps) / (10 + self.steps))
            torch._foreach_lerp_(self._mean, [p.detach() for p in self._own], 1 - decay)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The model with its average parameters, for the length of the block."""
        if not self.average:
            yield
            return
        kept = [p.detach().clone() for p in self._own]
        with torch.no_grad():
            torch._foreach_copy_(self._own, self._mean)
            yield
            torch._foreach_copy_(self._own, kept)

    # ---- checkpoints ----

    def save(self, number: int) -> None:
        """Write a checkpoint, where there is a store.

        :param number: grows from one to the next.
        """
        if self.store is None:
            return
        chance = self._all_chance()
        if self.processes.first:
            parts = [f"{self.prefix}epoch-{epoch}" for epoch in sorted(self.snapshots)]
            for name, epoch in zip(parts, sorted(self.snapshots), strict=True):
                self.store.put(name, self.snapshots[epoch])
            self.store.save(self.offset + number, self._state(chance), [*parts, *self.outer_parts])
        self.processes.wait()

    def _state(self, chance: list[Any]) -> dict[str, Any]:
        return {
            "outer": dict(self.outer),
            "model": self.model.state_dict(),
            "balancer": self.balancer.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "sampler": self.sampler.state,
            "stopping": self.stopping.state(),
            "snapshots": sorted(self.snapshots),
            "heads": self.heads,
            "mean": self._mean,
            "calibrations": {
                epoch: {target: asdict(c) for target, c in found.items()}
                for epoch, found in self.calibrations.items()
            },
            "curves": self.curves,
            "sums": torch.stack([self._sums, self._epoch]),
            "skipped": self.skipped,
            "steps": self.steps,
            "chance": chance,
            "diagnosis": None if self.diagnosis is None else self.diagnosis.state(),
        }

    def _all_chance(self) -> list[Any]:
        """Every process's generators: torch's differ from process to process."""
        own = chance_state()
        return [{**own, "torch": found} for found in self.processes.gather(own["torch"])]

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what a checkpoint holds."""
        assert self.store is not None
        self.model.load_state_dict(state["model"])
        self.balancer.load_state_dict(state["balancer"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.sampler.restore(state["sampler"])
        self.stopping.restore(state["stopping"])
        self.snapshots = {
            epoch: self.store.part(f"{self.prefix}epoch-{epoch}") for epoch in state["snapshots"]
        }
        self.heads, self.curves = dict(state["heads"]), dict(state["curves"])
        for mean, value in zip(self._mean, state["mean"], strict=True):
            mean.copy_(value)
        self.calibrations = {
            epoch: {target: Calibration(**c) for target, c in found.items()}
            for epoch, found in dict(state["calibrations"]).items()
        }
        self._sums.copy_(state["sums"][0])
        self._epoch.copy_(state["sums"][1])
        self.skipped = list(state["skipped"])
        self.steps = int(state["steps"])
        if self.diagnosis is not None:
            self.diagnosis.restore(state["diagnosis"])
        restore_chance(state["chance"][min(self.processes.rank, len(state["chance"]) - 1)])


def snapshot(model: torch.nn.Module) -> Snapshot:
    """A copy of the model's parameters, on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
