"""The net: one neural model for all tasks it is given."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from umbel.data.batch import Batch
from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.encoders.space import FeatureSpace
from umbel.errors import DataError
from umbel.sharing.model import MultiTaskNet
from umbel.tasks import Prediction, TaskSet
from umbel.training.checkpoint import Store, arrays_of, tensors_of
from umbel.training.distributed import Processes, joined
from umbel.training.learner import LEARNERS, Predictions, State
from umbel.training.learners.net_loop import dtype_of, hard_of, loop_of, run, store_of
from umbel.training.learners.net_member import Member, chosen_of
from umbel.training.learners.net_options import NetOptions
from umbel.training.learners.net_parts import deterministic, device_of, model_of, shares_of
from umbel.training.loop import Loop, raw_outputs
from umbel.training.losses import count_labels
from umbel.training.progress import Progress
from umbel.training.tabulate import encoded, fitted_space, space_key, tabulate
from umbel.training.validation import written

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
        self._shares: dict[str, float] = {}

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
            encoders, fused, dtype = self.encoder_options(), self.fused, self._dtype()
            self._tasks, self._key = train.tasks, space_key(train, encoders, fused)
            self._space = fitted_space(train, encoders, fused)
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
        hard, kept = hard_of(self, train, among, store)
        if saved is not None and saved["outer"]["member"]:
            self._gradients = saved["outer"]["gradients"]
        for k in range(self.members):
            done = [*kept, *(f"member-{j}" for j in range(k))]
            if saved is not None and store is not None and k < saved["outer"]["member"]:
                self._members.append(Member.from_state(store.part(f"member-{k}")))
                continue
            loop = self._loop(k, train, table, check, device, among, hard)
            loop.store, loop.prefix = store, f"member-{k}-"
            loop.outer, loop.outer_parts = {"member": k, "gradients": self._gradients}, done
            loop.offset = k * (2 * self.epochs * len(loop.sampler) + 2)
            if saved is not None and saved["outer"]["member"] == k:
                loop.restore(saved)
            title = self.name if self.members == 1 else f"{self.name} {k + 1}/{self.members}"
            show = self.progress if among.first else False
            with Progress(title, self.epochs, len(loop.sampler), show=show) as progress:
                run(loop, progress, self.lr)
            self._members.append(chosen_of(loop).sound(self.lr))
            self._skipped += len(loop.skipped)
            if loop.diagnosis is not None:
                self._gradients = loop.diagnosis.told
            self._size = sum(p.numel() for p in loop.model.parameters())
            if k == 0:
                self._shares = shares_of(loop.model, check)
            if store is not None and among.first:
                store.put(f"member-{k}", self._members[-1].state())
            among.wait()

    def _loop(
        self,
        member: int,
        train: Dataset,
        table: Batch,
        check: Batch,
        device: torch.device,
        among: Processes,
        hard: Tensor | None,
    ) -> Loop:
        """All of one member before its first step."""
        model = self._model(train.tasks)
        return loop_of(self, model, member, train.tasks, table, check, device, among, hard)

    def _dtype(self) -> torch.dtype:
        return dtype_of(self)

    def _new_space(self, schema: Schema) -> FeatureSpace:
        return FeatureSpace(schema, self.encoder_options(), **self.fused)

    def _model(self, tasks: TaskSet) -> MultiTaskNet:
        """A model of its own over the fitted space."""
        assert self._space is not None
        space = self._new_space(self._space.schema).restore(self._space.state())
        return model_of(self, space, tasks)

    def _store(self, train: Dataset, valid: Dataset) -> Store | None:
        """Where this very fit keeps its checkpoints."""
        return store_of(self, self.name, train, valid)

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
                mine = self._tasks.only(*(t for t, chosen in member.chosen.items() if chosen == epoch))
                raw, texts = raw_outputs(model, table), written(model, table, mine)
                for target in mine.targets:
                    calibrated = member.calibrations.get(target.name, _as_is)
                    said = target.kind.predict(calibrated(raw[target.name].double()))
                    found[target.name].append(replace(said, tokens=texts.get(target.name)))
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
            "fusion_shares": self._shares,
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
        self._space = self._new_space(schema).restore(state["space"])
        self._size, self._gradients = int(state["size"]), state.get("gradients")
        self._members = [Member.from_state(tensors_of(member)) for member in state["members"]]


def _as_is(raw: Tensor) -> Tensor:
    return raw
