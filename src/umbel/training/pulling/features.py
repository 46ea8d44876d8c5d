"""Task gradients at the features: the Gramian is a sum over rows, so over pieces and processes too."""

from __future__ import annotations

import torch
from torch import Tensor

from umbel.balancing.balancer import Seen
from umbel.data.batch import Batch
from umbel.training.pulling.cut import Cut
from umbel.training.pulling.scene import Found, Replay, Scene

__all__ = ["heads", "pull_features"]


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
        cut = heads(scene, part, told)
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


def heads(scene: Scene, part: Batch, told: Tensor) -> Cut:
    """Take the heads' gradients, and every target's at the features; nothing has gone through the trunk yet.

    :param told: the losses are added to it, [P].
    """
    cut = Cut(scene.model, len(scene.tasks.groups))
    found = torch.cat(scene.losses(cut, part))
    told += found.detach()
    torch.autograd.backward((scene.share * found).sum())
    return cut
