"""The net: one neural model for all tasks it is given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from umbel.data.batch import Batch
from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.encoders.space import FeatureSpace
from umbel.errors import ConfigError, DataError
from umbel.seeding import derive
from umbel.sharing.model import MultiTaskNet, initialise
from umbel.tasks import Prediction, TaskSet
from umbel.training.checkpoint import Store, arrays_of, tensors_of
from umbel.training.distributed import Processes, joined
from umbel.training.learner import LEARNERS, Predictions, State
from umbel.training.learners.net_options import NetOptions
from umbel.training.learners.net_parts import (
    Member,
    balancer_of,
    chosen_of,
    deterministic,
    device_of,
    model_of,
    optimizer_of,
    prior_of,
    sampler_of,
)
from umbel.training.loop import Loop, raw_outputs
from umbel.training.losses import count_labels
from umbel.training.progress import Progress
from umbel.training.pulling.scene import BadLossError
from umbel.training.schedule import schedule
from umbel.training.stopping import Stopping
from umbel.training.tabulate import encoded, fitted_space, labelled, space_key, start_of, tabulate

__all__ = ["Net"]


@LEARNERS.register("net", source="hard parameter sharing, Caruana 1997; wide part, Cheng et al. 2016")
@dataclass(kw_only=True, eq=False)
class Net(NetOptions):
    """One neural model for all tasks, stopped for each of them at its own best epoch.

    Given one target it is the single-task net of the same making. With ``depth=0``, ``embedding=0``,
    ``wide="all"`` (numbers alone need no wide part) and ``optimizer="lbfgs"`` it is a linear model,
    fitted to convergence. Its options are those of
    :class:`~umbel.training.learners.net_options.NetOptions`.
    """

    name: ClassVar[str] = "net"
    joint: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._members: list[Member] = []
        self._space: FeatureSpace | None = None
        self._key: tuple[str, str] | None = None
        self._tasks: TaskSet | None = None
        self._size = 0
        self._skipped = 0
        self._gradients: dict[str, Any] | None = None

    @property
    def stops(self) -> bool:
        """Whether it is stopped, or calibrated, on validation rows (see ``CrossFit``)."""
        return self.stopping != "none"

    @staticmethod
    def serves(train: Dataset) -> str:
        """Why it cannot serve: there are no inputs."""
        return "" if train.schema.columns else "a net needs at least one input column"

    # ---- fitting ----

    def fit(self, train: Dataset, valid: Dataset) -> Net:
        """Fit on ``train``, stop on ``valid``; see :class:`Learner`.

        Under ``torchrun`` the processes fit one model together. The state of the global generators is
        left as it was.

        :raises DataError: no row of ``train`` has a known label.
        """
        with ExitStack() as stack:
            among = stack.enter_context(joined())
            device = device_of(self.device)
            stack.enter_context(torch.random.fork_rng(devices=[device] if device.type == "cuda" else []))
            stack.enter_context(deterministic(self.deterministic, device))
            encoders, dtype = self.encoder_options(), self._dtype()
            self._tasks, self._key = train.tasks, space_key(train, encoders)
            self._space = fitted_space(train, encoders)
            table = tabulate(train, encoded(train, self._space, self._key), dtype)
            check = tabulate(valid, encoded(valid, self._space, self._key), dtype)
            if not float(count_labels(table, train.tasks).sum()):
                raise DataError(
                    "a net needs rows with known labels",
                    found=f"{len(train)} training rows without any of "
                    + ", ".join(f"'{t.name}'" for t in train.tasks.targets),
                    remedy="leave the target out, or give it more labels",
                )
            self._fit_members(train, table, check, device, among, self._store(train, valid))
        return self

    def _fit_members(
        self,
        train: Dataset,
        table: Batch,
        check: Batch,
        device: torch.device,
        among: Processes,
        store: Store | None,
    ) -> None:
        saved = store.load() if store is not None else None
        self._members, self._gradients = [], None
        if saved is not None and saved["outer"]["member"]:
            self._gradients = saved["outer"]["gradients"]
        for k in range(self.members):
            done = [f"member-{j}" for j in range(k)]
            if saved is not None and store is not None and k < saved["outer"]["member"]:
                self._members.append(Member.from_state(store.part(f"member-{k}")))
                continue
            loop = self._loop(k, train, table, check, device, among)
            loop.store, loop.prefix = store, f"member-{k}-"
            loop.outer, loop.outer_parts = {"member": k, "gradients": self._gradients}, done
            loop.offset = k * (2 * self.epochs * len(loop.sampler) + 2)
            if saved is not None and saved["outer"]["member"] == k:
                loop.restore(saved)
            title = self.name if self.members == 1 else f"{self.name} {k + 1}/{self.members}"
            show = self.progress if among.first else False
            with Progress(title, self.epochs, len(loop.sampler), show=show) as progress:
                self._run(loop, progress)
            self._members.append(self._sound(chosen_of(loop)))
            self._skipped += len(loop.skipped)
            if loop.diagnosis is not None:
                self._gradients = loop.diagnosis.told
            self._size = sum(p.numel() for p in loop.model.parameters())
            if store is not None and among.first:
                store.put(f"member-{k}", self._members[-1].state())
            among.wait()

    def _run(self, loop: Loop, progress: Progress) -> None:
        """:raises BadLossError: a loss is NaN or infinite; task, step and rate are named."""
        try:
            loop.run(progress)
        except BadLossError as error:
            found = f"{error.found}, with lr: {self.lr:g}"
            raise BadLossError(error.rule, found=found, remedy=error.remedy) from None

    def _sound(self, member: Member) -> Member:
        """:raises ConfigError: training has diverged: the loss of what is kept is not finite."""
        lines = [*member.train.values(), *([v or 0.0 for v in line] for line in member.valid.values())]
        whole = all(v.isfinite().all() for state in member.states.values() for v in state.values())
        if whole and all(np.isfinite(line).all() for line in lines):
            return member
        raise ConfigError(
            "the training of a net must not diverge",
            found=f"losses or parameters that are no longer finite, with lr: {self.lr:g}",
            remedy="a smaller lr, or clip: 1",
        )

    def _loop(
        self,
        member: int,
        train: Dataset,
        table: Batch,
        check: Batch,
        device: torch.device,
        among: Processes,
    ) -> Loop:
        """All of one member before its first step."""
        seed = self.seed if member == 0 else derive(self.seed, "member", member)
        rows = labelled(table)
        tasks = train.tasks
        model = self._model(tasks)
        initialise(model, seed)
        model.to(self._dtype())
        for target in tasks.targets:
            start = start_of(target.kind, table.targets[target.name], table.weights[target.name])
            model.head(target.name).start(start)
        model.to(device)
        balancer = balancer_of(self, len(tasks), seed).to(device)
        whole = self.optimizer == "lbfgs"
        sampler = sampler_of(self, tasks, table, rows, seed, among)
        torch.manual_seed(derive(seed, "dropout", among.rank))
        return Loop(
            model=model,
            tasks=tasks,
            table=table,
            rows=rows,
            valid=check,
            balancer=balancer,
            prior=prior_of(self),
            optimizer=optimizer_of(self, model, balancer),
            sampler=sampler,
            schedule=schedule(self.schedule),
            stopping=Stopping([t.name for t in tasks.targets], self.stopping, self.patience),
            epochs=self.epochs,
            labels=float(count_labels(table, tasks).sum()),
            processes=among,
            weighting=self.task_weighting,
            gradients=self.gradients,
            bad_loss=self.bad_loss,
            seed=seed,
            criterion=self.criterion,
            judge_every=self.judge_every,
            clip=None if whole else self.clip,
            pieces=self.pieces,
            calibrate=self.calibrate and self.stopping != "none",
            average=0.0 if whole else self.average,
            precision=torch.bfloat16 if self.dtype == "bfloat16" else None,
            every=self.every,
            diagnose=self.diagnose and member == 0,
        )

    def _dtype(self) -> torch.dtype:
        return torch.float64 if self.dtype == "float64" else torch.float32

    def _model(self, tasks: TaskSet) -> MultiTaskNet:
        """A model of its own over the fitted space."""
        assert self._space is not None
        space = FeatureSpace(self._space.schema, self.encoder_options()).restore(self._space.state())
        return model_of(self, space, tasks)

    def _store(self, train: Dataset, valid: Dataset) -> Store | None:
        """Where this very fit keeps its checkpoints: a folder named after its options, tasks and rows."""
        if self.checkpoint is None:
            return None
        options = {k: v for k, v in self.options.items() if k not in ("checkpoint", "every", "progress")}
        told = json.dumps([options, train.tasks.state, train.schema.state], sort_keys=True, default=str)
        mark = hashlib.sha256(told.encode())
        for rows in (train.rows, valid.rows):
            mark.update(np.ascontiguousarray(rows).tobytes())
        return Store(Path(self.checkpoint) / f"{self.name}-{mark.hexdigest()[:12]}")

    # ---- predicting ----

    def predict(self, rows: Dataset) -> Predictions:
        """Every target of all rows: the members' mean; see :class:`Learner`."""
        assert self._space is not None, "fit comes before predict"
        assert self._tasks is not None
        table = tabulate(rows, encoded(rows, self._space, self._key), self._dtype())
        device = device_of(self.device)
        with torch.random.fork_rng(devices=[]):
            model = self._model(self._tasks).to(device, self._dtype())
        found: dict[str, list[Prediction]] = {target.name: [] for target in self._tasks.targets}
        for member in self._members:
            for epoch, state in member.states.items():
                # heads of targets that take another epoch are not among the state, nor looked at
                model.load_state_dict(state, strict=False)
                raw = raw_outputs(model, table)
                for target in self._tasks.targets:
                    if member.chosen[target.name] == epoch:
                        calibrated = member.calibrations.get(target.name, _as_is)
                        found[target.name].append(target.kind.predict(calibrated(raw[target.name].double())))
        share = [1 / len(self._members)] * len(self._members)
        return {
            t.name: found[t.name][0] if len(share) == 1 else t.kind.mix(found[t.name], share)
            for t in self._tasks.targets
        }

    # ---- what it is ----

    @property
    def parameters(self) -> int:
        """Numbers learned by all members (a model counts once, however many epochs it is taken from)."""
        return self._size * len(self._members)

    @property
    def notes(self) -> Mapping[str, Any]:
        """Chosen epochs, learning curves relative to the constant prediction's loss, and of the first member
        what the tasks' gradients looked like (see :class:`~umbel.training.diagnose.Diagnosis`)."""
        if not self._members:
            return {}
        first = self._members[0]
        curves = {}
        for target, line in first.valid.items():
            base = line[0]
            if base is not None:
                curves[target] = [v / max(abs(base), 1e-12) for v in line[1:] if v is not None]
        return {
            "stopping": self.stopping,
            "epochs": {
                target: [min(m.chosen[target] * self.judge_every, self.epochs) for m in self._members]
                for target in first.chosen
            },
            "curves": curves,
            "training": first.train,
            "skipped_steps": self._skipped,
            "gradients": self._gradients,
        }

    def state(self) -> State:
        """See :class:`Learner`."""
        assert self._space is not None, "fit comes before state"
        members = [arrays_of(member.state()) for member in self._members]
        return {
            "space": self._space.state(),
            "size": self._size,
            "members": members,
            "gradients": self._gradients,
        }

    def restore(self, state: State, tasks: TaskSet, schema: Schema) -> None:
        """See :class:`Learner`."""
        self._tasks, self._key = tasks, None
        self._space = FeatureSpace(schema, self.encoder_options()).restore(state["space"])
        self._size, self._gradients = int(state["size"]), state.get("gradients")
        self._members = [Member.from_state(tensors_of(member)) for member in state["members"]]


def _as_is(raw: Tensor) -> Tensor:
    return raw
