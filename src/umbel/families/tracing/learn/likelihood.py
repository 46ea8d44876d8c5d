"""The loss of each task over all steps of a batch: the kinds' own likelihood, one row a step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from umbel.data.batch import Batch
from umbel.families.tracing.source.sequences import Sequences
from umbel.tasks import TaskSet

__all__ = ["sequence_losses", "validation"]


def sequence_losses(model: nn.Module, batch: Batch, tasks: TaskSet, counts: Tensor) -> list[Tensor]:
    """The hook of :func:`umbel.training.step.step`: each task's sum over known steps over its count.

    :param model: batch to raw outputs by task, [B, T, width + free].
    :param counts: known labels of each task in the whole step, [P].
    :returns: losses by task, [1] each; a network's own penalty (its attribute ``penalty``, where it has one)
        is part of the first.
    """
    raw = model(batch)
    found = []
    for i, target in enumerate(tasks.targets):
        weight = batch.weights[target.name].flatten()
        out = raw[target.name].flatten(0, 1)
        nll = target.kind.nll(out if out.dtype == torch.float64 else out.float(), _target(batch, target.name))
        total = torch.where(weight != 0, nll * weight.to(nll.dtype), 0.0).sum()
        found.append((total / counts[i].clamp(min=1).to(total.dtype)).view(1))
    extra = getattr(model, "penalty", None)
    if extra is not None:
        found[0] = found[0] + extra
    return found


def _target(batch: Batch, name: str) -> Tensor:
    return batch.targets[name].flatten()


@torch.no_grad()
def validation(model: nn.Module, sequences: Sequences, tasks: TaskSet) -> dict[str, float | None]:
    """Mean negative log likelihood of each task over all known steps; None where there are none."""
    model.eval()
    device = next(model.parameters()).device
    sums = torch.zeros(2, len(tasks), dtype=torch.float64)
    for batch, _ in sequences.batches():
        moved = batch.to(device)
        raw = model(moved)
        for i, target in enumerate(tasks.targets):
            weight = moved.weights[target.name].flatten()
            nll = target.kind.nll(raw[target.name].flatten(0, 1).float(), _target(moved, target.name))
            sums[0, i] += torch.where(weight != 0, nll * weight, 0.0).sum().double().cpu()
            sums[1, i] += (weight != 0).sum().cpu()
    return {
        t.name: float(sums[0, i] / sums[1, i]) if sums[1, i] > 0 else None
        for i, t in enumerate(tasks.targets)
    }
