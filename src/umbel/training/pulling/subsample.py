"""Task gradients at the shared parameters from a few rows of each task: a cost that no number of tasks
raises."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from umbel.balancing.balancer import Seen
from umbel.balancing.ghost import Linear, products_of_rows
from umbel.balancing.layers import layers_of
from umbel.balancing.matrices import gram_of
from umbel.data.batch import Batch
from umbel.errors import BalancingError, ConfigError
from umbel.training.losses import count_labels
from umbel.training.pulling.exact import shared_parameters
from umbel.training.pulling.features import heads
from umbel.training.pulling.scene import Found, Scene

__all__ = ["pull_subsample"]


def pull_subsample(scene: Scene) -> Found:
    """Balance by a Gramian of B / P rows of each present task, drawn afresh; then one pass by its weights.

    Of the trunk's linear layers and convolutions the products are exact for the rows drawn; parameters of
    other layers (norms, embeddings) are left out of them. The gradient of each task's few rows is an
    unbiased estimate of its gradient on the batch, and the products of two different tasks, whose rows are
    drawn apart, are unbiased too. A task's product with itself is not: it is larger than that of its mean
    gradient by the variance of the estimate. Weights, which are no linear function of the Gramian, are
    therefore biased towards tasks of small variance; they are consistent as the rows become many.

    :raises ConfigError: there are several processes: their rows would have to be brought together.
    :raises BalancingError: the trunk has neither a linear layer nor a convolution.
    """
    if scene.among.world > 1:
        raise ConfigError(
            "gradients of a subsample are taken by one process",
            found=f"{scene.among.world} processes",
            remedy="gradients: features, which is exact over processes",
        )
    gram = torch.zeros(len(scene.share), len(scene.share), dtype=torch.float64, device=scene.share.device)
    if int(scene.present.sum()) > 1:
        # the pieces have the batch's rows in order; the first has enough of them if there is one only
        gram = _gram(scene, scene.parts[0] if len(scene.parts) == 1 else _whole(scene.parts))
    told = torch.zeros_like(scene.share)
    cuts = [heads(scene, part, told) for part in scene.parts]
    weights = scene.weigh(Seen(losses=scene.total(told), present=scene.present, gram=gram)).detach()
    for cut in cuts:
        cut.go_on(weights)
    return Found(told, weights, gram)


def _whole(parts: Sequence[Batch]) -> Batch:
    raise ConfigError(
        "gradients of a subsample are taken of whole batches",
        found=f"pieces: {len(parts)}",
        remedy="pieces: 1, or gradients: features",
    )


def _gram(scene: Scene, batch: Batch) -> Tensor:
    rows, owner = _drawn(scene, batch)
    few = _only_own(scene, batch.take(rows), owner)
    counts = count_labels(few, scene.tasks)
    found = torch.cat(scene.losses(scene.model, few, counts))
    size = float(scene.present.sum())
    total = (scene.share * size * found).sum()
    wanted = shared_parameters(scene)
    assert total.grad_fn is not None
    roots = [GradientEdge(total.grad_fn, 0)]
    layers, kernels = layers_of(roots, wanted)
    if not layers and not kernels:
        raise BalancingError(
            "gradients of a subsample need a linear layer or a convolution that tasks share",
            found="a trunk with neither",
            remedy="gradients: parameters or gradients: features",
        )
    edges = [*(layer.edge for layer in layers), *(kernel.edge for kernel in kernels)]
    deltas = torch.autograd.grad(total, edges, retain_graph=True)  # convolutions' inputs are looked at below
    count = len(found)
    gram = torch.zeros(count, count, dtype=torch.float64, device=total.device)
    for layer, delta in zip(layers, deltas, strict=False):
        gram += products_of_rows(layer, delta, _spread(owner, layer), count)
    sizes = torch.bincount(owner, minlength=count).tolist()
    for kernel, delta in zip(kernels, deltas[len(layers) :], strict=True):
        each = len(delta) // len(owner)  # of several images of a row it sees every one
        # its few numbers make the gradients cheap
        gram += gram_of(kernel.by_task(delta, [each * size for size in sizes]))
    return gram


def _drawn(scene: Scene, batch: Batch) -> tuple[Tensor, Tensor]:
    """Positions of the rows drawn for each task, without replacement, and whose they are."""
    present = scene.present.tolist()
    few = max(1, len(batch) // sum(present))  # no more rows than the batch has
    group = batch.side.get("group") if scene.tasks.by_rows else None
    rows, owner = [], []
    for p, task in enumerate(scene.tasks.tasks):
        if not present[p]:
            continue
        known = batch.weights[task.target] != 0
        known = known.flatten(1).any(dim=1) if known.ndim > 1 else known
        if group is not None:
            known = known & (group == task.group)
        place = torch.nonzero(known).flatten()
        place = place[torch.randperm(len(place))[:few].to(place.device)]
        rows.append(place)
        owner.append(torch.full_like(place, p))
    return torch.cat(rows), torch.cat(owner)


def _only_own(scene: Scene, few: Batch, owner: Tensor) -> Batch:
    """Each row keeps the label of the task that drew it, and no other."""
    column, weights = owner // max(1, len(scene.tasks.groups)), {}
    for k, target in enumerate(scene.tasks.targets):
        weight = few.weights[target.name]
        others = (column != k).view(-1, *[1] * (weight.ndim - 1))
        weights[target.name] = weight.masked_fill(others, 0)
    return Batch(few.inputs, few.targets, weights, few.rows, few.side)


def _spread(owner: Tensor, layer: Linear) -> Tensor:
    """The owner of each row that a layer sees: of a sequence it sees every step."""
    return owner.repeat_interleave(len(layer.inputs) // len(owner))
