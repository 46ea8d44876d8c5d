"""What validation says of a net: raw outputs of all rows, calibrated, and the loss of each target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor

from umbel.data.batch import Batch
from umbel.sharing.model import MultiTaskNet
from umbel.tasks import TaskSet
from umbel.tasks.tokens import Tokens
from umbel.training.calibrate import Calibration, fit_calibration
from umbel.training.skill import skill

__all__ = ["Calibrations", "Criterion", "judge", "raw_outputs", "validation_losses", "written"]

Criterion = Literal["nll", "skill"]
"""What validation judges by: the mean negative log likelihood, or 1 - skill (see ``training.skill``)."""

Calibrations = dict[str, Calibration]
"""Of raw outputs, by target; a target without one has none."""


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


@torch.no_grad()
def written(model: MultiTaskNet, table: Batch, tasks: TaskSet, *, rows: int = 512) -> dict[str, NDArray[Any]]:
    """What a model writes, by target of tokens, [B, T]; no answer is looked at.

    :param tasks: the targets asked for.
    :param rows: how many go through the model at a time.
    """
    speech = {t.name: t.kind.speech for t in tasks.targets if isinstance(t.kind, Tokens)}
    if not speech:
        return {}
    model.eval()
    device = next(model.parameters()).device
    parts: dict[str, list[Tensor]] = {target: [] for target in speech}
    for place in torch.split(torch.arange(len(table)), rows):
        for target, found in model.write(table.take(place).to(device), speech).items():
            parts[target].append(found.cpu())
    return {target: torch.cat(found).numpy() for target, found in parts.items()}


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
