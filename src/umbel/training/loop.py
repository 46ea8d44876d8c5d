"""Epochs: steps, validation per task, early stopping, checkpoints."""

from __future__ import annotations

import torch
from torch import Tensor

from umbel.data.batch import Batch
from umbel.seeding import torch_generator
from umbel.training.loop_state import LoopState, Snapshot, snapshot
from umbel.training.progress import Progress
from umbel.training.pulling.scene import BadLossError
from umbel.training.step import Told, step
from umbel.training.validation import Criterion, judge, raw_outputs, validation_losses

__all__ = ["Criterion", "Loop", "Snapshot", "judge", "raw_outputs", "snapshot", "validation_losses"]


class Loop(LoopState):
    """How a fit goes; what it is made of stands in :class:`~umbel.training.loop_state.LoopState`."""

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
                self.follow()
                progress.step(self.steps)
                if self.every and self.steps % self.every == 0:
                    self.save(2 * self.steps)
            self._end_epoch()
            if self.sampler.epoch % self.judge_every == 0 or self.sampler.epoch == self.epochs:
                self._judge(progress)

    def _step(self, place: Tensor | Batch) -> Told:
        """
        :raises BadLossError: a loss is NaN or infinite; task and step are named.
        """
        try:
            told = self._take(place)
        except BadLossError as error:
            at = f"at step {self.steps + 1}, in epoch {self.sampler.epoch + 1}"
            raise BadLossError(error.rule, found=f"{error.found} {at}", remedy=error.remedy) from None
        if told.skipped:
            self.skipped.append(self.steps + 1)
        return told

    def _take(self, place: Tensor | Batch) -> Told:
        batch = place if isinstance(place, Batch) else self.table.take(self.rows[place])
        return step(
            self.model,
            batch.to(self.device),
            self.tasks,
            self.balancer,
            self.prior,
            self.optimizer,
            labels=self.labels,
            weighting=self.weighting,
            gradients=self.gradients,
            held=self._held(),
            bad_loss=self.bad_loss,
            clip=self.clip,
            pieces=self.pieces,
            precision=self.precision,
            processes=self.processes,
        )

    def _held(self) -> Batch | None:
        """As many validation rows as a batch has, drawn afresh, for a balancer that looks at them."""
        if "validation" not in self.balancer.needs:
            return None
        chance = torch_generator(self.seed, "held", self.steps)
        rows = torch.randperm(len(self.valid), generator=chance)[: self.sampler.batch_size]
        return self.valid.take(rows).to(self.device)

    def _rate(self, factor: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = group["full"] * factor

    def _count(self, told: Told) -> None:
        counts = told.counts.cpu()
        for sums in (self._sums, self._epoch):
            sums[0] += told.losses.cpu() * counts
            sums[1] += counts
        if self.diagnosis is not None:
            self.diagnosis.step(told)

    def _end_epoch(self) -> None:
        """Tell a balancer that waits for it the mean losses of the epoch, over all processes."""
        if "epoch" in self.balancer.needs:
            total, count = self.processes.total(self._epoch[0]), self._epoch[1]
            self.balancer.epoch((total / count).to(self.device))  # NaN: no label in this epoch
        self._epoch.zero_()
        if self.diagnosis is not None:
            self.diagnosis.end_epoch(self.sampler.epoch)

    @property
    def _converged(self) -> bool:
        """True when an L-BFGS made fewer iterations in its last step than it might have."""
        if not isinstance(self.optimizer, torch.optim.LBFGS) or not self.steps:
            return False
        group = self.optimizer.param_groups[0]
        made = int(self.optimizer.state[group["params"][0]].get("n_iter", 0))
        return made < self.steps * int(group["max_iter"])

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
        self.save(2 * self.steps + 1)

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
