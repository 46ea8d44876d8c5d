"""Task gradients at the features: the Gramian is a sum over rows, so over pieces and processes too."""

from __future__ import annotations

import torch
from torch import Tensor

from umbel.balancing.balancer import Seen
from umbel.data.batch import Batch
from umbel.training.pulling.cut import Cut
from umbel.training.pulling.scene import Found, Replay, Scene

__all__ = ["pull_features", "pull_weighted"]


def pull_features(scene: Scene) -> Found:
    """Balance by the Gramian at the features; heads follow their own losses.

    In pieces there are two passes: the first for the Gramian and the heads, the second, with the same
    dropout, for the trunk.
    """
    told = torch.zeros_like(scene.share)
    count = len(told)
    gram = torch.zeros(count, count, dtype=torch.float64, device=told.device)
    replay = Replay(scene.parts[0].rows.device) if scene.parts else None
    cut: Cut | None = None
    for part in scene.parts:
        cut = _heads(scene, part, told)
        gram += cut.gram()
    gram = scene.among.total(gram) * float(scene.present.sum()) ** 2  # of the losses, not of their shares
    weights = scene.weigh(Seen(losses=scene.total(told), present=scene.present, gram=gram)).detach()
    if len(scene.parts) == 1 and cut is not None:
        cut.go_on(weights)
    elif replay is not None:
        with replay.again():
            for part in scene.parts:
                cut = Cut(scene.model, len(scene.tasks.groups))
                total = (scene.share * torch.cat(scene.losses(cut, part))).sum()
                for leaf, grad in zip(
                    cut.leaves, torch.autograd.grad(total, cut.leaves, allow_unused=True), strict=True
                ):
                    leaf.grad = grad
                cut.go_on(weights)
    return Found(told, weights, gram)


def pull_weighted(scene: Scene, weights: Tensor) -> Tensor:
    """Gradients by weights that are known already; heads follow their own losses.

    :param weights: [P].
    :returns: the losses of this process's rows, [P], detached.
    """
    told = torch.zeros_like(scene.share)
    for part in scene.parts:
        _heads(scene, part, told).go_on(weights)
    return told


def _heads(scene: Scene, part: Batch, told: Tensor) -> Cut:
    """The heads' gradients, and every target's at the features."""
    cut = Cut(scene.model, len(scene.tasks.groups))
    found = torch.cat(scene.losses(cut, part))
    told += found.detach()
    (scene.share * found).sum().backward()  # type: ignore[no-untyped-call]
    return cut
