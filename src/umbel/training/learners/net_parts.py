"""What a net is put together from: model, optimiser, loop, and the members it keeps."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from umbel.balancing.balancer import Balancer
from umbel.balancing.making import make
from umbel.data.batch import Batch
from umbel.data.sampler import Sampler
from umbel.data.task_sampler import TaskSampler
from umbel.encoders.space import FeatureSpace
from umbel.errors import ConfigError
from umbel.seeding import derive
from umbel.sharing.model import MultiTaskNet
from umbel.tasks import TaskSet
from umbel.training.calibrate import Calibration
from umbel.training.distributed import Processes
from umbel.training.learners.net_options import NetOptions
from umbel.training.loop import Loop, Snapshot, judge, snapshot
from umbel.training.prior import PRIORS, Prior

__all__ = [
    "Member",
    "balancer_of",
    "chosen_of",
    "deterministic",
    "device_of",
    "model_of",
    "optimizer_of",
    "prior_of",
    "sampler_of",
]

_CLASSES = ("bernoulli", "categorical", "ordered", "simplex")


@dataclass
class Member:
    """One trained net: for each time it was judged that a target is taken from, the state of the model.

    :param states: by time, counted from 1.
    :param chosen: time by target.
    :param calibrations: of the raw outputs, by target; a target without one has none.
    :param valid: validation losses by target, from time 0 (before training) on.
    :param train: training losses by target, from time 1 on.
    """

    states: dict[int, Snapshot]
    chosen: dict[str, int]
    calibrations: dict[str, Calibration]
    valid: dict[str, list[float | None]]
    train: dict[str, list[float]]

    def state(self) -> dict[str, Any]:
        """All of it; JSON values and tensors."""
        return {
            "states": {str(epoch): dict(state) for epoch, state in self.states.items()},
            "chosen": self.chosen,
            "calibrations": {target: asdict(found) for target, found in self.calibrations.items()},
            "valid": self.valid,
            "train": self.train,
        }

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Member:
        """The member that :meth:`state` told of."""
        states = {int(epoch): dict(found) for epoch, found in state["states"].items()}
        calibrations = {target: Calibration(**found) for target, found in state["calibrations"].items()}
        return Member(states, dict(state["chosen"]), calibrations, dict(state["valid"]), dict(state["train"]))


def device_of(name: str) -> torch.device:
    """The device called ``name``; ``auto`` is a GPU where there is one.

    :raises ConfigError: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            "a device must be there", found=f"'{name}' ({str(error).splitlines()[0]})", remedy="use 'auto'"
        ) from None
    return device


@contextmanager
def deterministic(wanted: bool, device: torch.device) -> Iterator[None]:
    """On a GPU, only kernels that give the same bits each time; a CPU's do."""
    if not wanted or device.type == "cpu":
        yield
        return
    before = torch.are_deterministic_algorithms_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def model_of(options: NetOptions, space: FeatureSpace, tasks: TaskSet) -> MultiTaskNet:
    """The model that the options tell of, float32 and with parameters not yet drawn by name."""
    trunk = {
        "width": options.width,
        "depth": options.depth,
        "dropout": options.dropout,
        "norm": options.norm,
        "activation": options.activation,
        **_chained(options.sharing_options or {}, tasks),
    }
    wide = [
        t.name
        for t in tasks.targets
        if options.wide == "all" or (options.wide == "class" and t.kind.response in _CLASSES)
    ]
    return MultiTaskNet(
        space,
        tasks,
        sharing=options.sharing,
        options=trunk,
        hidden=options.head_hidden,
        wide=wide,
        group_width=options.task_embedding,
    )


def _chained(options: Mapping[str, Any], tasks: TaskSet) -> dict[str, Any]:
    """The options of a sharing architecture; a model of one target has no chain of them.

    A separate model of one target is asked with the options of the shared one.
    """
    found = dict(options)
    if "chain" in found and len(tasks.targets) == 1:
        found["chain"] = None
    return found


def balancer_of(options: NetOptions, count: int, seed: int) -> Balancer:
    """The balancer that the options tell of; of one task alone the plain one: there is nothing to weigh.

    :param count: P.
    :raises ConfigError: one of its options has a value it cannot have.
    """
    if count == 1:
        return make("equal", 1)
    seed = derive(seed, "balancer")
    return make(options.balancing, count, seed=seed, options=options.balancing_options)


def sampler_of(
    options: NetOptions, tasks: TaskSet, table: Batch, rows: Tensor, seed: int, among: Processes
) -> Sampler:
    """The order of rows that the options tell of.

    :param table: the training rows.
    :param rows: positions of those that have a known label.
    """
    whole = options.optimizer == "lbfgs"
    if options.sampling == "proportional":
        size = len(rows) if whole else options.batch_size
        return Sampler(len(rows), size, seed, rank=among.rank, world=among.world, shuffle=not whole)
    if tasks.by_rows:
        known = table.side["group"][rows]
    else:
        each = [
            (table.weights[target.name][rows] != 0).view(len(rows), -1).any(dim=1) for target in tasks.targets
        ]
        known = torch.stack(each, dim=1)
    return TaskSampler(
        known,
        options.batch_size,
        seed,
        how=options.sampling,
        alpha=options.sampling_alpha,
        rank=among.rank,
        world=among.world,
    )


def prior_of(options: NetOptions) -> Prior | None:
    """The prior that the options tell of."""
    return None if options.prior is None else PRIORS.get(options.prior)(options.prior_scale)


def optimizer_of(options: NetOptions, model: nn.Module, balancer: Balancer) -> torch.optim.Optimizer:
    """The optimiser of the model's and the balancer's parameters; each group knows its full rate."""
    own, learned = list(model.parameters()), list(balancer.parameters())
    if options.optimizer == "lbfgs":
        exact = options.dtype == "float64"
        optimizer: torch.optim.Optimizer = torch.optim.LBFGS(
            own + learned,
            lr=1.0,
            max_iter=20,
            max_eval=500,  # fewer iterations than 20 then mean that it has converged
            history_size=30,
            tolerance_grad=1e-9 if exact else 1e-6,
            tolerance_change=1e-13 if exact else 1e-9,
            line_search_fn="strong_wolfe",
        )
        optimizer.param_groups[0]["full"] = 1.0
        return optimizer
    decayed = [p for p in own if p.ndim >= 2]
    free = [p for p in own if p.ndim < 2] + learned
    groups = [
        {"params": decayed, "weight_decay": options.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    found = torch.optim.AdamW([g for g in groups if g["params"]], lr=options.lr, fused=True)
    for group in found.param_groups:
        group["full"] = options.lr
    return found


def chosen_of(loop: Loop) -> Member:
    """What is kept of a loop that is over."""
    stopping = loop.stopping
    chosen = stopping.chosen
    if stopping.how == "none" or not loop.snapshots:
        chosen = dict.fromkeys(chosen, stopping.epochs)
        with loop.averaged():
            states = {stopping.epochs: snapshot(loop.model)}
    elif stopping.how == "head":
        return _best_heads(loop, loop.snapshots[stopping.shared])
    else:
        states = {
            epoch: _only(loop.model, loop.snapshots[epoch], {t for t, e in chosen.items() if e == epoch})
            for epoch in set(chosen.values())
        }
    kept = {
        target: loop.calibrations[epoch][target]
        for target, epoch in chosen.items()
        if target in loop.calibrations.get(epoch, {})
    }
    return Member(states, chosen, kept, stopping.curves, loop.curves)


def _only(model: MultiTaskNet, state: Snapshot, targets: set[str]) -> Snapshot:
    """A snapshot without the heads of other targets."""
    unused = tuple(f"heads.{m}." for t, m in model.targets.items() if t not in targets)
    return {name: value for name, value in state.items() if not name.startswith(unused or ("\0",))}


def _best_heads(loop: Loop, trunk: Snapshot) -> Member:
    """On the trunk of one epoch, each target's head of the epoch that validation likes best."""
    best: dict[str, tuple[float, int, Calibration | None]] = {}
    for epoch, heads in sorted(loop.heads.items()):
        loop.model.load_state_dict({**trunk, **heads})
        losses, found = judge(loop.model, loop.valid, loop.tasks, loop.criterion, loop.calibrate)
        for target, loss in losses.items():
            if loss is not None and (target not in best or loss < best[target][0]):
                best[target] = (loss, epoch, found.get(target))
    state = dict(trunk)
    for target, (_, epoch, _) in best.items():
        prefix = f"heads.{loop.model.targets[target]}."
        state |= {name: v for name, v in loop.heads[epoch].items() if name.startswith(prefix)}
    shared = loop.stopping.shared
    kept = {target: c for target, (_, _, c) in best.items() if c is not None}
    chosen = dict.fromkeys(loop.stopping.targets, shared)
    return Member({shared: state}, chosen, kept, loop.stopping.curves, loop.curves)
