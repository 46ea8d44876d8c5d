"""Cross-stitch networks: a column per task, and after each stage every column is a mix of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from umbel.sharing.columns import Columns, near_identity
from umbel.sharing.options import fraction
from umbel.sharing.sharing import SHARINGS, Sharing, Tensors

__all__ = ["CrossStitchSharing", "Stitch"]


class Stitch(nn.Module):
    """A learned P x P mix of the columns' activations.

    :param count: columns, P.
    :param own: what each column keeps of itself at the start, in [0, 1].

    Source: Misra et al. 2016, eq. 1.
    """

    def __init__(self, count: int, own: float) -> None:
        super().__init__()
        self.own = own
        self.weight = nn.Parameter(torch.empty(count, count))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Near the identity: the same for every seed."""
        self.weight.copy_(near_identity(len(self.weight), self.own))

    def forward(self, h: Tensor) -> Tensor:
        """[B, P, ...] to [B, P, ...]: out_p = sum over q of w_pq h_q."""
        return torch.einsum("pq,bq...->bp...", self.weight, h)

    def row(self, place: int, h: Tensor) -> Tensor:
        """The mix of one column alone, [B, ...]."""
        return torch.einsum("q,bq...->b...", self.weight[place], h)


@SHARINGS.register("cross_stitch", source="Misra et al. 2016")
class CrossStitchSharing(Sharing):
    """A trunk per target; after each stage every column goes on with a learned mix of all columns.

    It costs P trunks and a P x P matrix per stage. At the identity it is P independent trunks.

    :param own: what each column keeps of itself at the start, in [0, 1]; the rest is spread over the
        others, so that scales stay (the paper's own choice is 0.9 and 0.1 for two tasks).
    :param trunk: see :class:`~umbel.sharing.sharing.Sharing`.
    :raises ConfigError: ``own`` is out of range, or the trunk has no stage.
    """

    name: ClassVar[str] = "cross_stitch"

    def __init__(
        self, width_in: int | Sequence[int], targets: Sequence[str], *, own: float = 0.9, **trunk: Any
    ) -> None:
        super().__init__(width_in, targets, **trunk)
        self.need_depth()
        fraction(self.name, "own", own)
        self.columns = Columns(self.trunk, targets)
        self.stitches = nn.ModuleList(Stitch(len(self.targets), own) for _ in range(len(self.trunk)))

    def shared(self, x: Tensor) -> Tensors:
        """The last activations of all columns, [B, P, out], before the last stitch."""
        h = self.columns.stage(0, [x] * len(self.targets))
        for number in range(1, len(self.trunk)):
            mixed: Tensor = self.stitches[number - 1](h)
            h = self.columns.stage(number, mixed.unbind(dim=1))
        return (h,)

    def own(self, shared: Tensors, target: str) -> Tensor:
        """The target's row of the last stitch."""
        last = self.stitches[-1]
        assert isinstance(last, Stitch)
        return last.row(self.columns.place[target], shared[0])
