"""The loop of one member of a net before its first step, its run, and where its checkpoints are."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from umbel.data.batch import Batch
from umbel.data.dataset import Dataset
from umbel.seeding import derive
from umbel.sharing.model import MultiTaskNet, initialise
from umbel.tasks import TaskSet
from umbel.training.checkpoint import Store
from umbel.training.curriculum import PART, Pacing, hardness
from umbel.training.distributed import Processes
from umbel.training.learners.net_options import NetOptions
from umbel.training.learners.net_parts import balancer_of, optimizer_of, prior_of, sampler_of
from umbel.training.loop import Loop
from umbel.training.losses import count_labels
from umbel.training.progress import Progress
from umbel.training.pulling.scene import BadLossError
from umbel.training.schedule import schedule
from umbel.training.stopping import Stopping
from umbel.training.tabulate import labelled, start_of

__all__ = ["dtype_of", "hard_of", "loop_of", "run", "store_of"]


def dtype_of(options: NetOptions) -> torch.dtype:
    """The precision of the parameters; bfloat16 is of the steps alone."""
    return torch.float64 if options.dtype == "float64" else torch.float32


def loop_of(
    options: NetOptions,
    model: MultiTaskNet,
    member: int,
    tasks: TaskSet,
    table: Batch,
    check: Batch,
    device: torch.device,
    among: Processes,
    hard: Tensor | None,
) -> Loop:
    """All of one member before its first step.

    :param model: whose parameters are drawn here.
    :param member: its number, from 0.
    :param table: the training rows.
    :param check: the validation rows.
    :param hard: how hard each training row is, [B], where there is a curriculum.
    """
    seed = options.seed if member == 0 else derive(options.seed, "member", member)
    rows = labelled(table)
    initialise(model, seed)
    model.to(dtype_of(options))
    for target in tasks.targets:
        start = start_of(target.kind, table.targets[target.name], table.weights[target.name])
        model.head(target.name).start(start)
    model.to(device)
    balancer = balancer_of(options, len(tasks), seed).to(device)
    whole = options.optimizer == "lbfgs"
    sampler = sampler_of(options, tasks, table, rows, seed, among, hard)
    torch.manual_seed(derive(seed, "dropout", among.rank))
    return Loop(
        model=model,
        tasks=tasks,
        table=table,
        rows=rows,
        valid=check,
        balancer=balancer,
        prior=prior_of(options),
        optimizer=optimizer_of(options, model, balancer),
        sampler=sampler,
        schedule=schedule(options.schedule),
        stopping=Stopping([t.name for t in tasks.targets], options.stopping, options.patience),
        epochs=options.epochs,
        labels=float(count_labels(table, tasks).sum()),
        processes=among,
        weighting=options.task_weighting,
        gradients=options.gradients,
        bad_loss=options.bad_loss,
        seed=seed,
        criterion=options.criterion,
        judge_every=options.judge_every,
        clip=None if whole else options.clip,
        pieces=options.pieces,
        calibrate=options.calibrate and options.stopping != "none",
        average=0.0 if whole else options.average,
        precision=torch.bfloat16 if options.dtype == "bfloat16" else None,
        every=options.every,
        diagnose=options.diagnose and member == 0,
    )


def hard_of(
    options: NetOptions, train: Dataset, among: Processes, store: Store | None
) -> tuple[Tensor | None, list[str]]:
    """How hard each training row is, [B], where there is a curriculum, and the checkpoint's parts of it.

    :param store: of this fit's checkpoints.
    """
    if options.curriculum == "none":
        return None, []
    pacing = Pacing.of(options.curriculum_options or {})
    return hardness(train, pacing, seed=options.seed, among=among, store=store), [PART]


def run(loop: Loop, progress: Progress, lr: float) -> None:
    """Train a member.

    :param lr: what an error tells of.
    :raises BadLossError: a loss is NaN or infinite; task, step and rate are named.
    """
    try:
        loop.run(progress)
    except BadLossError as error:
        found = f"{error.found}, with lr: {lr:g}"
        raise BadLossError(error.rule, found=found, remedy=error.remedy) from None


def store_of(options: NetOptions, name: str, train: Dataset, valid: Dataset) -> Store | None:
    """Where this very fit keeps its checkpoints: a folder named after its options, tasks and rows.

    :param name: of the learner.
    """
    if options.checkpoint is None:
        return None
    own = {k: v for k, v in options.options.items() if k not in ("checkpoint", "every", "progress")}
    told = json.dumps([own, train.tasks.state, train.schema.state], sort_keys=True, default=str)
    mark = hashlib.sha256(told.encode())
    for rows in (train.rows, valid.rows):
        mark.update(np.ascontiguousarray(rows).tobytes())
    return Store(Path(options.checkpoint) / f"{name}-{mark.hexdigest()[:12]}")
