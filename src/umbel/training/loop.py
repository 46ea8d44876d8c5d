"""Epochs: steps, validation per task, early stopping, checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from umbel.balancing.balancer import Balancer
from umbel.data.batch import Batch
from umbel.data.sampler import Sampler
from umbel.sharing.model import MultiTaskNet
from umbel.tasks import TaskSet
from umbel.training.calibrate import Calibration, fit_calibration
from umbel.training.checkpoint import Store, chance_state, restore_chance
from umbel.training.distributed import Processes
from umbel.training.losses import TaskWeighting
from umbel.training.prior import Prior
from umbel.training.progress import Progress
from umbel.training.schedule import Schedule
from umbel.training.skill import skill
from umbel.training.step import Told, step
from umbel.training.stopping import Stopping

__all__ = ["Criterion", "Loop", "Snapshot", "judge", "raw_outputs", "snapshot", "validation_losses"]

Criterion = Literal["nll", "skill"]
"""What validation judges by: the mean negative log likelihood, or 1 - skill (see ``training.skill``)."""

Snapshot = dict[str, Tensor]
Calibrations = dict[str, Calibration]


@torch.no_grad()
def raw_outputs(model: MultiTaskNet, table: Batch, *, rows: int = 4096) -> dict[str, Tensor]:
    """Raw outputs of all rows by target, [B, width + free], on the CPU, without dropout.

    :param rows: how many go through the model at a time.
    """
    model.eval()
    device = next(model.parameters()).device
    parts: dict[str, list[Tensor]] = {target: [] for target in model.targets}
    for place in torch.split(torch.arange(len(table)), rows):
        for target, raw in model(table.take(place).to(device)).items():
            parts[target].append(raw.cpu())
    return {target: torch.cat(found) for target, found in parts.items()}


def validation_losses(
    raw: Mapping[str, Tensor], table: Batch, tasks: TaskSet, criterion: Criterion
) -> dict[str, float | None]:
    """The loss of each target on rows with known labels; None where there are none.

    :param raw: raw outputs of the table's rows by target.
    """
    losses: dict[str, float | None] = {}
    for target in tasks.targets:
        weight, answer = table.weights[target.name], table.targets[target.name]
        known = weight != 0
        if criterion == "skill":
            found = skill(target.kind, target.kind.predict(raw[target.name]), answer.numpy(), weight.numpy())
            losses[target.name] = None if found is None else 1 - found
        elif known.any():
            nll = target.kind.nll(raw[target.name], answer)
            total = torch.where(known, nll * weight.to(nll.dtype), 0.0).double().sum()
            losses[target.name] = float(total / known.sum())
        else:
            losses[target.name] = None
    return losses


def judge(
    model: MultiTaskNet, table: Batch, tasks: TaskSet, criterion: Criterion, calibrate: bool
) -> tuple[dict[str, float | None], Calibrations]:
    """Validation losses of a model, of its calibrated outputs where ``calibrate``."""
    raw = raw_outputs(model, table)
    found: Calibrations = {}
    for target in tasks.targets if calibrate else ():
        name = target.name
        fitted = fit_calibration(target.kind, raw[name], table.targets[name], table.weights[name])
        if fitted is not None:
            found[name] = fitted
            raw[name] = fitted(raw[name])
    return validation_losses(raw, table, tasks, criterion), found


@dataclass
class Loop:
    """All that is needed to train one model, and all that it is while it trains.

    :param table: the training rows.
    :param rows: positions of those that have a known label; the sampler's positions are places in it.
    :param valid: the validation rows.
    :param epochs: epochs at most.
    :param calibrate: judge, and predict by, outputs that are calibrated on validation.
    :param average: the model that is judged and kept is the moving average of the parameters, with this
        decay (Polyak & Juditsky 1992); 0 for the parameters themselves.
    :param judge_every: look at validation after so many epochs, and after the last.
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
    sampler: Sampler
    schedule: Schedule
    stopping: Stopping
    epochs: int
    labels: float
    processes: Processes
    weighting: TaskWeighting = "tasks"
    criterion: Criterion = "nll"
    clip: float | None = None
    pieces: int = 1
    precision: torch.dtype | None = None
    calibrate: bool = False
    average: float = 0.0
    judge_every: int = 1
    store: Store | None = None
    every: int = 0
    prefix: str = ""
    outer: Mapping[str, Any] = field(default_factory=dict)
    outer_parts: Iterable[str] = ()
    offset: int = 0
    steps: int = 0
    snapshots: dict[int, Snapshot] = field(default_factory=dict)
    heads: dict[int, Snapshot] = field(default_factory=dict)
    calibrations: dict[int, Calibrations] = field(default_factory=dict)
    curves: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._sums = torch.zeros(2, len(self.tasks), dtype=torch.float64)
        for target in self.tasks.targets:
            self.curves.setdefault(target.name, [])
        self._own: list[Tensor] = list(self.model.parameters())
        self._mean = [p.detach().clone() for p in self._own] if self.average else []

    def run(self, progress: Progress) -> None:
        """Train until the epochs are over, or no target gets better, or an L-BFGS has converged."""
        if not self.stopping.gains:
            self.stopping.record(judge(self.model, self.valid, self.tasks, self.criterion, False)[0])
        full = len(self.sampler) * self.epochs
        while self.sampler.epoch < self.epochs and not self.stopping.done and not self._converged:
            self.model.train()
            for place in self.sampler:
                self._rate(self.schedule(self.steps, full))
                self._count(self._step(place))
                self.steps += 1
                self._follow()
                progress.step(self.steps)
                if self.every and self.steps % self.every == 0:
                    self._save(2 * self.steps)
            if self.sampler.epoch % self.judge_every == 0 or self.sampler.epoch == self.epochs:
                self._judge(progress)

    def _step(self, place: Tensor) -> Told:
        device = next(self.model.parameters()).device
        return step(
            self.model,
            self.table.take(self.rows[place]).to(device),
            self.tasks,
            self.balancer,
            self.prior,
            self.optimizer,
            labels=self.labels,
            weighting=self.weighting,
            clip=self.clip,
            pieces=self.pieces,
            precision=self.precision,
            processes=self.processes,
        )

    def _rate(self, factor: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = group["full"] * factor

    def _count(self, told: Told) -> None:
        counts = told.counts.cpu()
        self._sums[0] += told.losses.cpu() * counts
        self._sums[1] += counts

    @property
    def _converged(self) -> bool:
        """True when an L-BFGS made fewer iterations in its last step than it might have."""
        if not isinstance(self.optimizer, torch.optim.LBFGS) or not self.steps:
            return False
        group = self.optimizer.param_groups[0]
        made = int(self.optimizer.state[group["params"][0]].get("n_iter", 0))
        return made < self.steps * int(group["max_iter"])

    @torch.no_grad()
    def _follow(self) -> None:
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

    def _judge(self, progress: Progress) -> None:
        """Judge by validation rows, keep what is best so far, and write a checkpoint."""
        self._note_training()
        with self.averaged():
            losses, found = judge(self.model, self.valid, self.tasks, self.criterion, self.calibrate)
            self.stopping.record(losses)
            now = self.stopping.epochs
            self.calibrations[now] = found
            if now in self.stopping.kept:
                self.snapshots[now] = snapshot(self.model)
            if self.stopping.how == "head":
                state = snapshot(self.model)
                self.heads[now] = {k: v for k, v in state.items() if k.startswith("heads.")}
        for old in set(self.snapshots) - self.stopping.kept:
            del self.snapshots[old]
        progress.epoch(
            self.sampler.epoch, losses, {t: self.epoch_of(k) for t, k in self.stopping.chosen.items()}
        )
        self._save(2 * self.steps + 1)

    def epoch_of(self, number: int) -> int:
        """The epoch after which validation was looked at for the ``number``-th time."""
        return min(number * self.judge_every, self.epochs)

    def _note_training(self) -> None:
        """The mean training loss since the last look of each target, over all processes."""
        sums = torch.stack([self.processes.total(self._sums[0]), self._sums[1]])
        per = max(1, len(self.tasks.groups))
        for i, target in enumerate(self.tasks.targets):
            total, count = sums[:, i * per : (i + 1) * per].sum(dim=1).tolist()
            self.curves[target.name].append(total / max(count, 1.0))
        self._sums.zero_()

    def _save(self, number: int) -> None:
        if self.store is None:
            return
        chance = self._all_chance()
        if self.processes.first:
            parts = [f"{self.prefix}epoch-{epoch}" for epoch in sorted(self.snapshots)]
            for name, epoch in zip(parts, sorted(self.snapshots), strict=True):
                self.store.put(name, self.snapshots[epoch])
            state = {
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
                "sums": self._sums,
                "steps": self.steps,
                "chance": chance,
            }
            self.store.save(self.offset + number, state, [*parts, *self.outer_parts])
        self.processes.wait()

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
        self._sums.copy_(state["sums"])
        self.steps = int(state["steps"])
        restore_chance(state["chance"][min(self.processes.rank, len(state["chance"]) - 1)])


def snapshot(model: torch.nn.Module) -> Snapshot:
    """A copy of the model's parameters, on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
