"""Losses times weights, and one backward pass: for balancers that look at no gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from umbel.balancing.balancer import Seen
from umbel.training.pulling.scene import Found, Replay, Scene

__all__ = ["pull_plain"]


def pull_plain(scene: Scene) -> Found:
    """Gradients of the weighted sum of the losses.

    A balancer that looks at the losses is shown those of the whole step: where a batch goes through the
    model in pieces, they are had by one pass without gradients before. Processes speak to each other
    once, whether they have rows or not.
    """
    told = torch.zeros_like(scene.share)
    looks = bool(scene.balancer.needs & {"losses", "after"})
    if not looks:
        weights = scene.weigh(Seen(losses=told, present=scene.present))
        for part in scene.parts:
            _pull(scene, torch.cat(scene.losses(scene.model, part)), weights, told)
        scene.total(told)
        return Found(told, weights.detach())
    if len(scene.parts) == 1:
        found = torch.cat(scene.losses(scene.model, scene.parts[0]))
        weights = scene.weigh(Seen(losses=scene.total(found.detach()), present=scene.present))
        _pull(scene, found, weights, told)
        return Found(told, weights.detach())
    replays = [Replay(part.rows.device) for part in scene.parts[:1]]
    with torch.no_grad():
        for part in scene.parts:
            told += torch.cat(scene.losses(scene.model, part))
    weights = scene.weigh(Seen(losses=scene.total(told), present=scene.present))
    told.zero_()
    for replay in replays:
        with replay.again():
            for part in scene.parts:
                _pull(scene, torch.cat(scene.losses(scene.model, part)), weights, told)
    return Found(told, weights.detach())


def _pull(scene: Scene, found: Tensor, weights: Tensor, told: Tensor) -> None:
    told += found.detach()
    # the graph of learned weights serves every piece
    torch.autograd.backward((scene.share * weights * found).sum(), retain_graph=weights.requires_grad)
