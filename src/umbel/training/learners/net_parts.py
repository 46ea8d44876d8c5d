"""What a net is put together from: device, model, balancer, sampler, prior, optimiser."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from umbel.balancing.balancer import Balancer
from umbel.balancing.making import make
from umbel.data.batch import Batch
from umbel.data.curriculum import Curriculum
from umbel.data.sampler import Sampler
from umbel.data.table_sampler import TableSampler
from umbel.data.task_sampler import TaskSampler
from umbel.encoders.space import FeatureSpace
from umbel.errors import ConfigError
from umbel.seeding import derive
from umbel.sharing.model import MultiTaskNet
from umbel.tasks import TaskSet
from umbel.training.curriculum import Pacing
from umbel.training.distributed import Processes
from umbel.training.learners.net_options import NetOptions
from umbel.training.prior import PRIORS, Prior

__all__ = [
    "balancer_of",
    "deterministic",
    "device_of",
    "model_of",
    "optimizer_of",
    "prior_of",
    "sampler_of",
    "shares_of",
]

_AT_HEADS = 64
"""Hidden units of a head with side inputs, where none are asked for."""
_CLASSES = ("bernoulli", "categorical", "ordered", "simplex")


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
        hidden=options.head_hidden or (_AT_HEADS if any(c.side for c in space.schema.columns) else 0),
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
    options: NetOptions,
    tasks: TaskSet,
    table: Batch,
    rows: Tensor,
    seed: int,
    among: Processes,
    hard: Tensor | None = None,
) -> Sampler:
    """The order of rows that the options tell of.

    :param table: the training rows.
    :param rows: positions of those that have a known label.
    :param hard: how hard each training row is, [B], where there is a curriculum.
    """
    plain = _plain_sampler(options, tasks, table, rows, seed, among)
    if options.curriculum == "none":
        return plain
    assert hard is not None, "a curriculum follows the difficulty of the rows"
    pacing = Pacing.of(options.curriculum_options or {})
    until = pacing.until(options.epochs)
    return Curriculum(plain, hard[rows], how=options.curriculum, start=pacing.start, **until)


def _plain_sampler(
    options: NetOptions, tasks: TaskSet, table: Batch, rows: Tensor, seed: int, among: Processes
) -> Sampler:
    """The order of rows without a curriculum."""
    whole = options.optimizer == "lbfgs"
    if "table" in table.side and not whole:
        return TableSampler(
            table.side["table"][rows],
            options.batch_size,
            seed,
            how=options.sampling,
            alpha=options.sampling_alpha,
            rank=among.rank,
            world=among.world,
        )
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


def shares_of(model: MultiTaskNet, rows: Batch, *, most: int = 1000) -> dict[str, float]:
    """What the model's fusion takes from each modality, see :meth:`FeatureSpace.shares`."""
    device = next(model.parameters()).device
    some = rows.take(torch.arange(min(len(rows), most))).to(device)
    model.eval()
    with torch.no_grad():
        return model.space.shares(some.inputs)
