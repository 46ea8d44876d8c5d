"""What a step shows of the present tasks, for balancers that need more than the Gramian."""

from __future__ import annotations

import torch
from torch import Tensor

from umbel.balancing.balancer import Seen
from umbel.balancing.gramian import check_gram
from umbel.errors import BalancingError

__all__ = ["present_cross", "present_rows", "spread"]


def present_rows(seen: Seen) -> tuple[Tensor, Tensor]:
    """The gradients of the present tasks.

    :returns: their places [K] and their gradients [K, W], detached.
    :raises BalancingError: a gradient is not finite.
    """
    assert seen.jacobian is not None, "a step gives the Jacobian to those that need it"
    place = torch.nonzero(seen.present).flatten()
    rows = seen.jacobian.detach()[place.to(seen.jacobian.device)]
    finite = torch.isfinite(rows).all(dim=1)
    if not finite.all():
        raise BalancingError(
            "task gradients must be finite",
            found=f"infinite or NaN in those of the tasks {place[~finite.to(place.device)].tolist()}",
            remedy="a smaller learning rate, or clip: 1",
        )
    return place, rows


def present_cross(seen: Seen) -> tuple[Tensor, Tensor]:
    """The products of the present tasks' gradients of two halves of the batch.

    :returns: their places [K] and the products [K, K] as they are (not symmetric), float64 on the CPU.
    :raises BalancingError: they are not square, or not finite.
    """
    assert seen.cross is not None, "a step gives the products of its halves to those that need them"
    place = torch.nonzero(seen.present).flatten()
    at = place.to(seen.cross.device)
    cross = seen.cross.detach()[at][:, at].to("cpu", torch.float64)
    if len(place):
        check_gram(cross)  # for its rules; the symmetric matrix is not what these methods use
    return place, cross


def spread(seen: Seen, place: Tensor, values: Tensor) -> Tensor:
    """Weights of all tasks from those of the tasks at these places.

    :param place: [K].
    :param values: [K].
    :returns: [P] in float64 on the device of the losses, 0 elsewhere.
    """
    device = seen.losses.device
    weights = torch.zeros(len(seen.losses), dtype=torch.float64, device=device)
    weights[place.to(device)] = values.to(weights)
    return weights
