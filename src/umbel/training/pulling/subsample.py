"""Task gradients at the shared parameters from a few rows of each task: a cost that no number of tasks
raises."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge
from torch.nn import functional

from umbel.balancing.balancer import Seen
from umbel.balancing.ghost import Linear, linears, products_of_rows
from umbel.balancing.taking import leaf_of, nodes
from umbel.data.batch import Batch
from umbel.errors import BalancingError, ConfigError
from umbel.training.losses import count_labels
from umbel.training.pulling.exact import shared_parameters
from umbel.training.pulling.features import pull_weighted
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
    with torch.no_grad():
        losses = torch.zeros_like(scene.share)
        if scene.balancer.needs & {"losses"}:
            for part in scene.parts:
                losses += torch.cat(scene.losses(scene.model, part))
    weights = scene.weigh(Seen(losses=losses, present=scene.present, gram=gram)).detach()
    told = pull_weighted(scene, weights)
    scene.total(told)
    return Found(told, weights, gram)


def _whole(parts: Any) -> Batch:
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
    layers, convolutions = linears(roots, wanted), _convolutions(roots, wanted)
    if not layers and not convolutions:
        raise BalancingError(
            "gradients of a subsample need a linear layer or a convolution that tasks share",
            found="a trunk with neither",
            remedy="gradients: parameters or gradients: features",
        )
    edges = [layer.edge for layer in layers] + [edge for edge, _ in convolutions]
    deltas = torch.autograd.grad(total, edges)
    count = len(found)
    gram = torch.zeros(count, count, dtype=torch.float64, device=total.device)
    for layer, delta in zip(layers, deltas, strict=False):
        gram += products_of_rows(layer, delta, _spread(owner, layer), count)
    for (_, node), delta in zip(convolutions, deltas[len(layers) :], strict=True):
        gram += _products(node, delta, owner, count)
    return gram


def _drawn(scene: Scene, batch: Batch) -> tuple[Tensor, Tensor]:
    """Positions of the rows drawn for each task, without replacement, and whose they are."""
    present = int(scene.present.sum())
    few = max(1, -(-len(batch) // present))
    group = batch.side.get("group") if scene.tasks.by_rows else None
    rows, owner = [], []
    for p, task in enumerate(scene.tasks.tasks):
        if not scene.present[p]:
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
    per = max(1, len(scene.tasks.groups))
    weights = {}
    for k, target in enumerate(scene.tasks.targets):
        weight = few.weights[target.name]
        mine = (owner // per == k).view(-1, *[1] * (weight.ndim - 1))
        weights[target.name] = torch.where(mine, weight, torch.zeros_like(weight))
    return Batch(few.inputs, few.targets, weights, few.rows, few.side)


def _spread(owner: Tensor, layer: Linear) -> Tensor:
    """The owner of each row that a layer sees: of a sequence it sees every step."""
    return owner.repeat_interleave(len(layer.inputs) // len(owner))


def _convolutions(roots: list[GradientEdge], wanted: list[Tensor]) -> list[tuple[GradientEdge, Any]]:
    """Plain two-dimensional convolutions whose weight is ``wanted``."""
    keys = {id(p) for p in wanted}
    found = []
    for node in nodes(root.node for root in roots):
        if type(node).__name__ != "ConvolutionBackward0" or node._saved_groups != 1:
            continue
        weight = leaf_of(node.next_functions[1][0])
        if weight is not None and weight.ndim == 4 and id(weight) in keys:
            found.append((GradientEdge(node, 0), node))
    return found


def _products(node: Any, delta: Tensor, owner: Tensor, count: int) -> Tensor:
    """The Gramian of a convolution's kernel: its few numbers make the gradients themselves cheap."""
    kernel = node._saved_weight
    patches = functional.unfold(
        node._saved_input.detach(),
        kernel.shape[2:],
        dilation=node._saved_dilation,
        padding=node._saved_padding,
        stride=node._saved_stride,
    )  # [B, Cin kernel, places]
    each = torch.bmm(delta.flatten(2), patches.to(delta.dtype).transpose(1, 2)).flatten(1)
    sums = each.new_zeros(count, each.shape[1]).index_add_(0, owner, each).double()
    return sums @ sums.T
