"""Task gradients at the shared parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from umbel.balancing.balancer import Seen
from umbel.balancing.frontier import frontier
from umbel.balancing.matrices import gram_of
from umbel.balancing.parameters import AtParameters, Look, at_parameters
from umbel.balancing.taking import add
from umbel.data.batch import Batch
from umbel.errors import BalancingError
from umbel.training.losses import count_labels
from umbel.training.pulling.scene import Found, Scene

__all__ = ["pull_parameters", "shared_parameters"]

_SHARED: WeakKeyDictionary[nn.Module, list[Tensor]] = WeakKeyDictionary()


def shared_parameters(scene: Scene) -> list[Tensor]:
    """Parameters that at least two tasks depend on, in the model's order; the same on every process.

    :raises BalancingError: there are none.
    """
    if scene.model not in _SHARED:
        own = list(scene.model.parameters())
        mark = torch.zeros(len(own), device=scene.share.device)
        if scene.parts:
            found = {id(p) for p in frontier(_each(scene, scene.parts[0])).shared}
            mark += torch.tensor([float(id(p) in found) for p in own], device=mark.device)
        mark = scene.among.total(mark)
        _SHARED[scene.model] = [p for p, shared in zip(own, mark.tolist(), strict=True) if shared]
    if not _SHARED[scene.model]:
        raise BalancingError(
            "tasks must share something that is learned",
            found="no parameter that two tasks depend on",
            remedy="a sharing architecture that shares, or a balancer that looks at no gradient",
        )
    return _SHARED[scene.model]


def pull_parameters(scene: Scene) -> Found:
    """Balance by the gradients at the shared parameters; all other parameters follow their own losses.

    In pieces, and over processes, the tasks' gradients are added up before they are multiplied with each
    other: the Gramian at the parameters is no sum over rows.
    """
    needs = scene.balancer.needs
    inputs = shared_parameters(scene)
    told = torch.zeros_like(scene.share)
    one = len(scene.parts) == 1 and scene.among.world == 1
    if one and not needs & {"cross", "validation"}:
        look: Look = "jacobian" if "jacobian" in needs else "gramian"
        taken = at_parameters(frontier(_each(scene, scene.parts[0], told)), inputs, look=look)
        return _settle(scene, told, taken.gram, taken.line, None, None, taken.update, inputs)
    cross = validation = None
    if "cross" in needs:
        scene = scene.salted()
        halves = [_added(scene, inputs, told, half=k) for k in (0, 1)]
        jacobian = [a + b for a, b in zip(*halves, strict=True)]
        cross = _cross(scene, halves)
    else:
        jacobian = _added(scene, inputs, told)
    if "validation" in needs:
        validation = _validation(scene, inputs, jacobian)
    taken = AtParameters(inputs, list(jacobian))
    line = torch.cat([j.flatten(1) for j in jacobian], dim=1) if "jacobian" in needs else None
    return _settle(scene, told, taken.gram, line, cross, validation, taken.update, inputs)


def _settle(
    scene: Scene,
    told: Tensor,
    gram: Tensor | None,
    jacobian: Tensor | None,
    cross: Tensor | None,
    validation: Tensor | None,
    update: Callable[[Tensor], list[Tensor]],
    inputs: Sequence[Tensor],
) -> Found:
    """Ask the balancer, and put the update into the parameters."""
    size = float(scene.present.sum())  # gradients are those of the losses, not of their shares
    assert gram is not None
    gram = gram * size**2
    seen = Seen(
        losses=scene.total(told),
        present=scene.present,
        gram=gram,
        jacobian=None if jacobian is None else jacobian * size,
        cross=None if cross is None else cross * size**2,
        validation=None if validation is None else validation * size**2,
    )
    weights = scene.weigh(seen).detach()
    with scene.naming():
        direction = scene.balancer.direction(seen, weights / scene.factor)
    if direction is None:
        updates = update(weights)
    else:
        parts = torch.split(direction * (scene.factor / size), [p.numel() for p in inputs])
        updates = [part.view_as(p) for part, p in zip(parts, inputs, strict=True)]
    if scene.among.first:  # it is that of all processes already
        for parameter, part in zip(inputs, updates, strict=True):
            add(parameter, part.to(parameter.dtype))
    return Found(told, weights, gram)


def _each(
    scene: Scene, part: Batch, told: Tensor | None = None, counts: Tensor | None = None
) -> list[Tensor]:
    """The tasks' shares of the objective, one scalar each."""
    found = scene.losses(scene.model, part, counts)
    if told is not None:
        told += torch.cat(found).detach()
    each = [loss for group in found for loss in group.unbind()]
    return [share * loss for share, loss in zip(scene.share, each, strict=True)]


def _added(scene: Scene, inputs: list[Tensor], told: Tensor, half: int | None = None) -> list[Tensor]:
    """Gradients of all tasks, [P, ...] by parameter, of all pieces and processes; or of one half of the
    rows."""
    total = [p.new_zeros((len(told), *p.shape)) for p in inputs]
    for part in scene.parts:
        rows = part if half is None else _half(scene, part, half)
        if len(rows):
            taken = at_parameters(frontier(_each(scene, rows, told)), inputs, look="jacobian")
            for whole, more in zip(total, taken.jacobian, strict=True):
                whole += more
    return [scene.among.total(whole) for whole in total]


def _half(scene: Scene, part: Batch, number: int) -> Batch:
    """One half of the rows: a fresh one at each step, and the same whatever process has the row."""
    mixed = ((part.rows + scene.salt) % 2147483647 * 2654435761) % 4294967296
    return part.take(torch.nonzero((mixed ^ (mixed >> 15)) % 2 == number).flatten())


def _cross(scene: Scene, halves: list[list[Tensor]]) -> Tensor:
    """Products of the gradients of the mean losses of two halves, [P, P]."""
    counts = []
    for k in (0, 1):
        local = torch.zeros_like(scene.counts)
        for part in scene.parts:
            local += count_labels(_half(scene, part, k), scene.tasks)
        counts.append(scene.among.total(local))
    scale = [scene.counts / count.clamp(min=1) for count in counts]
    product = torch.zeros(len(scene.counts), len(scene.counts), dtype=torch.float64)
    product = product.to(scene.counts.device)
    for one, other in zip(*halves, strict=True):
        product += (one.flatten(1) @ other.flatten(1).T).double()
    return product * scale[0].double()[:, None] * scale[1].double()[None, :]


def _validation(scene: Scene, inputs: list[Tensor], jacobian: list[Tensor]) -> Tensor:
    """Products of the gradients of the training rows with those of validation rows, [P, P]."""
    assert scene.held is not None, "a step gives validation rows to balancers that look at them"
    counts = count_labels(scene.held, scene.tasks)
    kept = [p.grad for p in scene.model.parameters()]
    for p in scene.model.parameters():
        p.grad = None
    taken = at_parameters(frontier(_each(scene, scene.held, counts=counts)), inputs, look="jacobian")
    for p, grad in zip(scene.model.parameters(), kept, strict=True):
        p.grad = grad
    product = gram_of([torch.zeros_like(jacobian[0])])
    for one, other in zip(jacobian, taken.jacobian, strict=True):
        product = product + (one.flatten(1) @ other.flatten(1).T).double()
    return product
