"""What a step shows of the present tasks, for balancers that need more than the Gramian."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from umbel.balancing.balancer import Seen
from umbel.balancing.gramian import check_gram
from umbel.balancing.matrices import pieces
from umbel.errors import BalancingError

__all__ = ["in_pieces", "present_cross", "present_rows", "spread"]


def present_rows(seen: Seen) -> tuple[Tensor, Tensor]:
    """The gradients, of which those of the present tasks are known to be finite.

    :returns: the present tasks' places [K], and the gradients of all tasks [P, W], detached, where those of
        absent tasks may be anything.
    :raises BalancingError: a gradient of a present task is not finite.
    """
    assert seen.jacobian is not None, "a step gives the Jacobian to those that need it"
    place, jacobian = torch.nonzero(seen.present).flatten(), seen.jacobian.detach()
    norms = torch.linalg.vector_norm(jacobian, dim=1)[place.to(jacobian.device)]
    # a norm costs little, and is finite only where all is; where it is not, its square may be too large
    bad = [p for p in place[~torch.isfinite(norms).to(place.device)].tolist() if not _finite(jacobian[p])]
    if bad:
        raise BalancingError(
            "task gradients must be finite",
            found=f"infinite or NaN in those of the tasks {bad}",
            remedy="a smaller learning rate, or clip: 1",
        )
    return place, jacobian


def _finite(row: Tensor) -> bool:
    return bool(torch.isfinite(row).all())


def in_pieces(place: Tensor, *matrices: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The rows at some places of matrices of one shape, a few columns of them all at a time.

    :param place: [K], each place once, in order.
    :param matrices: each [P, W], on one device.
    :returns: of each matrix [K, n], to be read; for all columns one after another.
    """
    count, width = matrices[0].shape
    at = place.to(matrices[0].device)
    for some in pieces(width, len(place), matrices[0].device):
        parts = (matrix[:, some] for matrix in matrices)
        yield tuple(part if len(place) == count else part[at] for part in parts)


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
