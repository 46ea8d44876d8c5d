"""One step, the same for all families."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from umbel.balancing.balancer import Balancer, Place, Seen
from umbel.data.batch import Batch
from umbel.errors import ConfigError
from umbel.tasks import TaskSet
from umbel.training.distributed import Processes
from umbel.training.losses import LossHook, TaskWeighting, count_labels, likelihoods, task_weights
from umbel.training.prior import Prior
from umbel.training.pulling.exact import pull_parameters
from umbel.training.pulling.features import pull_features
from umbel.training.pulling.plain import pull_plain
from umbel.training.pulling.scene import BadLossError, Found, Replay, Scene
from umbel.training.pulling.subsample import pull_subsample

__all__ = ["BadLossPolicy", "Told", "pull_of", "step"]

BadLossPolicy = Literal["stop", "skip"]
"""What to do when a loss is NaN or infinite: stop with an error, or leave the step out."""

_PULLS: dict[Place, Callable[[Scene], Found]] = {
    "features": pull_features,
    "parameters": pull_parameters,
    "subsample": pull_subsample,
}


@dataclass(frozen=True)
class Told:
    """What a step tells of itself.

    :param losses: mean losses of this process's rows [P], over the global counts; detached.
    :param counts: known labels of each task in the whole step, [P].
    :param weights: what the balancer gave each task, [P].
    :param gram: products of the task gradients [P, P]; None where the balancer looks at none.
    :param skipped: why the step was left out; empty where it was made.
    """

    losses: Tensor
    counts: Tensor
    weights: Tensor
    gram: Tensor | None = None
    skipped: str = ""


def _pieces(batch: Batch, count: int) -> Iterator[Batch]:
    """The batch in ``count`` parts of about equal size, without empty ones."""
    if count == 1:
        if len(batch):
            yield batch
        return
    for rows in torch.tensor_split(torch.arange(len(batch), device=batch.rows.device), count):
        if len(rows):
            yield batch.take(rows)


def pull_of(balancer: Balancer | type[Balancer], gradients: Place) -> Callable[[Scene], Found]:
    """How a balancer's gradients are taken.

    :raises ConfigError: the balancer takes the tasks' gradients elsewhere.
    """
    if not balancer.needs - {"losses", "after", "epoch"}:
        return pull_plain
    if gradients not in balancer.places:
        raise ConfigError(
            f"the balancer '{balancer.name}' takes the tasks' gradients elsewhere",
            found=f"gradients: {gradients}",
            remedy=f"gradients: {' or '.join(sorted(balancer.places))}",
        )
    return _PULLS[gradients]


def step(
    model: nn.Module,
    batch: Batch,
    tasks: TaskSet,
    balancer: Balancer,
    prior: Prior | None,
    optimizer: torch.optim.Optimizer,
    *,
    labels: float = 1.0,
    losses: LossHook = likelihoods,
    weighting: TaskWeighting = "tasks",
    gradients: Place = "features",
    held: Batch | None = None,
    clip: float | None = None,
    pieces: int = 1,
    precision: torch.dtype | None = None,
    processes: Processes | None = None,
    bad_loss: BadLossPolicy = "stop",
) -> Told:
    """One update of the model: count, losses, weights, gradients, update.

    :param batch: this process's rows of the global batch; may be empty where there are several.
    :param labels: N, known labels of the whole training set: the prior enters as -(1/N) log p.
    :param losses: the hook that gives the tasks' losses.
    :param weighting: what each task counts for, see :func:`~umbel.training.losses.task_weights`.
    :param gradients: where the tasks' gradients are taken, for balancers that look at them.
    :param held: validation rows, for balancers that look at them.
    :param clip: the gradient's norm is held at or below this; None leaves it be.
    :param pieces: the batch goes through the model in so many parts (less memory, the same update).
    :param precision: the precision of autocast; None for the model's own.
    :param processes: this process among all.
    :param bad_loss: what to do when a loss is NaN or infinite.
    :returns: losses and counts before the update.
    :raises BadLossError: a loss is NaN or infinite, and ``bad_loss`` is ``stop``.
    """
    among = processes or Processes()
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    counts = among.total(count_labels(batch, tasks))  # [P], global
    share = task_weights(tasks, counts, weighting)
    parts = list(_pieces(batch, pieces))
    scene = Scene(model, tasks, parts, counts, share, losses, balancer, among, precision, held)
    pull = pull_of(balancer, gradients)
    looks_back = "after" in balancer.needs
    replay = Replay(share.device) if looks_back else None
    last: list[Found] = []

    def closure() -> Tensor:
        """Gradients, and the objective of all processes."""
        optimizer.zero_grad()
        found = pull(scene)
        last[:] = [found]
        objective = (share * found.weights * found.losses).sum()
        if among.first:  # what is no sum over rows counts once
            once = (share * balancer.penalty(scene.present)).sum()
            once = once if prior is None else once + prior(model) / labels
            if once.requires_grad:
                torch.autograd.backward(once)
            objective = objective + once.detach()
        among.sum_gradients(parameters)
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(parameters, clip)
        return among.total(objective)

    try:
        optimizer.step(closure)  # type: ignore[arg-type]  # a float would wait for the device
    except BadLossError as error:
        if bad_loss == "stop":
            raise
        optimizer.zero_grad()
        zeros = torch.zeros_like(share)
        return Told(zeros, torch.zeros_like(counts), zeros, skipped=error.found)
    if replay is not None:
        with replay.again():
            _look_back(scene)
    return Told(last[0].losses, counts, last[0].weights, last[0].gram)


@torch.no_grad()
def _look_back(scene: Scene) -> None:
    """Tell the balancer the losses of the same rows, under the same dropout, after the step."""
    local = torch.zeros_like(scene.share)
    for part in scene.parts:
        local += torch.cat(scene.losses(scene.model, part))
    with scene.naming():
        scene.balancer.after(Seen(losses=scene.among.total(local), present=scene.present))
