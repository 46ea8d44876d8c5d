"""One step, the same for all families."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn

from umbel.balancing.balancer import Balancer
from umbel.data.batch import Batch
from umbel.tasks import TaskSet
from umbel.training.distributed import Processes
from umbel.training.losses import LossHook, TaskWeighting, count_labels, likelihood, task_weights
from umbel.training.prior import Prior

__all__ = ["Told", "step"]


class Told(NamedTuple):
    """What a step tells of itself.

    :param losses: mean losses of this process's rows [P], over the global counts; detached.
    :param counts: known labels of each task in the whole step, [P].
    """

    losses: Tensor
    counts: Tensor


def _pieces(batch: Batch, count: int) -> Iterator[Batch]:
    """The batch in ``count`` parts of about equal size, without empty ones."""
    if count == 1:
        if len(batch):
            yield batch
        return
    for rows in torch.tensor_split(torch.arange(len(batch), device=batch.rows.device), count):
        if len(rows):
            yield batch.take(rows)


def _autocast(batch: Batch, precision: torch.dtype | None) -> AbstractContextManager[object]:
    if precision is None:
        return nullcontext()
    return torch.autocast(batch.rows.device.type, dtype=precision)


def step(
    model: nn.Module,
    batch: Batch,
    tasks: TaskSet,
    balancer: Balancer,
    prior: Prior | None,
    optimizer: torch.optim.Optimizer,
    *,
    labels: float = 1.0,
    losses: LossHook = likelihood,
    weighting: TaskWeighting = "tasks",
    clip: float | None = None,
    pieces: int = 1,
    precision: torch.dtype | None = None,
    processes: Processes | None = None,
) -> Told:
    """One update of the model: count, losses, weights, gradients, update.

    :param batch: this process's rows of the global batch; may be empty where there are several.
    :param labels: N, known labels of the whole training set: the prior enters as -(1/N) log p.
    :param losses: the hook that gives the tasks' losses.
    :param weighting: what each task counts for, see :func:`~umbel.training.losses.task_weights`.
    :param clip: the gradient's norm is held at or below this; None leaves it be.
    :param pieces: the batch goes through the model in so many parts (less memory, the same update).
    :param precision: the precision of autocast; None for the model's own.
    :param processes: this process among all.
    :returns: losses and counts before the update.
    """
    among = processes or Processes()
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    counts = among.total(count_labels(batch, tasks))  # [P], global
    share = task_weights(tasks, counts, weighting)
    present = counts > 0
    parts = list(_pieces(batch, pieces))
    told = torch.zeros_like(share)

    def closure() -> Tensor:
        """Gradients, and the objective of all processes."""
        optimizer.zero_grad()
        told.zero_()
        objective = torch.zeros((), dtype=share.dtype, device=share.device)
        for part in parts:
            with _autocast(part, precision):
                found = losses(model, part, tasks, counts)
            # a balancer sees the losses of the whole step, not of this process alone
            weights = balancer(among.total(found.detach()), present).to(share.dtype)
            loss = (share * weights * found).sum()
            loss.backward()
            told.add_(found.detach())
            objective += loss.detach()
        if among.first:  # what is no sum over rows counts once
            once = (share * balancer.penalty(present)).sum()
            once = once if prior is None else once + prior(model) / labels
            if once.requires_grad:
                once.backward()  # type: ignore[no-untyped-call]
            objective += once.detach()
        among.sum_gradients(parameters)
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(parameters, clip)
        return among.total(objective)

    optimizer.step(closure)  # type: ignore[arg-type]
    return Told(told, counts)
