"""From raw outputs to one loss per task: the masked likelihood, and how tasks are weighted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from umbel.data.batch import Batch
from umbel.tasks import TaskSet

__all__ = ["LossHook", "TaskWeighting", "count_labels", "likelihood", "likelihoods", "task_weights"]

LossHook = Callable[[nn.Module, Batch, TaskSet, Tensor], Tensor | Sequence[Tensor]]
"""``losses(model, batch, tasks, counts) -> [P]``: each task's sum over the rows of this batch, divided by
``counts`` [P], the known labels of the **whole** step (all processes and accumulated pieces). A list of
tensors that make [P] together keeps the targets' graphs apart: their gradients are then cheaper."""

TaskWeighting = Literal["tasks", "labels"]
"""``tasks``: each present task has the same say, 1 / P. ``labels``: n_p / N, the exact likelihood."""


def _per_task(rows: Tensor, batch: Batch, tasks: TaskSet) -> Tensor:
    """Numbers per row [B] or [B, L] summed by task: [1], or [G] in the rows layout."""
    if not tasks.by_rows:
        return rows.sum().view(1)
    group = batch.side["group"]
    flat = rows if rows.ndim == 1 else rows.flatten(1).sum(dim=1)
    flat = torch.where(group >= 0, flat, 0.0)  # a row of a group that training never saw has no task
    return flat.new_zeros(len(tasks.groups)).index_add(0, group.clamp(min=0), flat)


def count_labels(batch: Batch, tasks: TaskSet) -> Tensor:
    """Known labels of each task: the number of its non-zero weights, [P] float64.

    A task whose own weight is 0 has no labels: it is not there.
    """
    parts = [
        _per_task((batch.weights[t.name] != 0).to(torch.float64), batch, tasks) * (t.weight != 0)
        for t in tasks.targets
    ]
    return torch.cat(parts)


def likelihoods(model: nn.Module, batch: Batch, tasks: TaskSet, counts: Tensor) -> list[Tensor]:
    """The default hook: each task's weighted negative log likelihood over its count of known labels.

    Normalised by the count, not by the sum of weights: importances may be of any sign, and a label of
    weight 2 counts as the same label twice under a fixed normaliser.

    :param model: batch -> raw outputs by target.
    :param counts: [P] as :func:`count_labels` gives it, over the whole step.
    :returns: losses by target, [1] each, or [G] in the rows layout; 0 for a task without a known label.
    """
    raw = model(batch)
    per = max(1, len(tasks.groups))
    found = []
    for target, count in zip(tasks.targets, torch.split(counts.clamp(min=1), per), strict=True):
        weight = batch.weights[target.name]
        out = raw[target.name]
        out = out if out.dtype == torch.float64 else out.float()
        nll = target.kind.nll(out, batch.targets[target.name])
        sums = _per_task(torch.where(weight != 0, nll * weight.to(nll.dtype), 0.0), batch, tasks)
        found.append(sums / count.to(sums.dtype))
    return found


def likelihood(model: nn.Module, batch: Batch, tasks: TaskSet, counts: Tensor) -> Tensor:
    """The same as one tensor [P]."""
    return torch.cat(likelihoods(model, batch, tasks, counts))


def task_weights(tasks: TaskSet, counts: Tensor, how: TaskWeighting) -> Tensor:
    """What each task's mean loss counts in the objective, [P].

    :param counts: known labels of each task in the step, [P].
    :param how: by tasks or by labels; the users' own weights multiply either.
    """
    own = torch.tensor([task.weight for task in tasks.tasks], dtype=counts.dtype, device=counts.device)
    if how == "labels":
        return own * counts / counts.sum().clamp(min=1)
    present = (counts > 0).to(counts.dtype)
    return own * present / present.sum().clamp(min=1)
