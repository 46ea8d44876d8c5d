"""Sluice networks: what to share, by subspaces of columns, and which layers to answer from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from umbel.errors import ConfigError
from umbel.sharing.columns import Columns, near_identity
from umbel.sharing.gates import aside, mean_over
from umbel.sharing.naming import module_name
from umbel.sharing.options import fraction, whole
from umbel.sharing.sharing import SHARINGS, Sharing, Tensors
from umbel.sharing.trunk import Trunk

__all__ = ["Layers", "SluiceSharing", "Sluices"]


class Sluices(nn.Module):
    """The alphas of one stage: a learned mix of all subspaces of all columns.

    :param count: columns, P.
    :param subspaces: parts of each column's features, G.
    :param axis: the axis of the features in a column's activations [B, ...].
    :param own: what each subspace keeps of itself at the start, in [0, 1].

    Source: Ruder et al. 2019, the alphas.
    """

    def __init__(self, count: int, subspaces: int, *, axis: int, own: float) -> None:
        super().__init__()
        self.count, self.subspaces, self.axis, self.own = count, subspaces, axis, own
        self.weight = nn.Parameter(torch.empty(count * subspaces, count * subspaces))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Near the identity: the same for every seed."""
        self.weight.copy_(near_identity(len(self.weight), self.own))

    def split(self, h: Tensor) -> Tensor:
        """Activations [B, P, ...] by subspace, [B, P * G, D / G, ...]."""
        h = h.movedim(self.axis + 1, 2)  # [B, P, D, ...]
        B, P, D, *rest = h.shape
        return h.reshape(B, P * self.subspaces, D // self.subspaces, *rest)

    def forward(self, h: Tensor) -> Tensor:
        """[B, P, ...] to [B, P, ...]."""
        mixed = torch.einsum("mn,bn...->bm...", self.weight, self.split(h))
        B, _, part, *rest = mixed.shape
        joined = mixed.reshape(B, self.count, self.subspaces * part, *rest)  # [B, P, D, ...]
        return joined.movedim(2, self.axis + 1)

    def row(self, place: int, h: Tensor) -> Tensor:
        """The mix of one column alone, [B, D], of activations [B, P, D]."""
        weight = self.weight.view(self.count, self.subspaces, -1)[place]  # [G, P * G]
        return torch.einsum("gn,bnd->bgd", weight, self.split(h)).flatten(1)


class Layers(nn.Module):
    """The betas of one target: a learned mix of what its stages gave.

    Stages of another width than the last are made as wide by a linear map each; stages of a multi-layer
    perceptron are all alike and need none.

    :param trunk: whose stages they are.
    :param last: the share of the last stage at the start, in [0, 1]; the others have the rest.

    Source: Ruder et al. 2019, the betas.
    """

    def __init__(self, trunk: Trunk, *, last: float) -> None:
        super().__init__()
        self.last = last
        widths = [trunk.channels(k) for k in range(len(trunk) - 1)]
        self.widen = nn.ModuleList(
            nn.Identity() if width == trunk.out else nn.Linear(width, trunk.out) for width in widths
        )
        self.weight = nn.Parameter(torch.empty(len(trunk)))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Mostly the last stage: the same for every seed."""
        self.weight.copy_(near_identity(len(self.weight), self.last)[-1])

    def forward(self, layers: Sequence[Tensor]) -> Tensor:
        """Means over space or time of each stage [B, width], the last [B, out], to [B, out]."""
        whole = [widen(h) for widen, h in zip(self.widen, layers[:-1], strict=True)]
        return torch.einsum("k,bkd->bd", self.weight, torch.stack([*whole, layers[-1]], dim=1))


@SHARINGS.register("sluice", source="Ruder et al. 2019")
class SluiceSharing(Sharing):
    """A trunk per target, cut into subspaces that are mixed after each stage, and a mix of the stages.

    The alphas mix all subspaces of all targets after every stage; the betas of a target mix what its
    stages gave into its representation. With one subspace and the last stage alone it is a cross-stitch
    network; at the identity it is P independent trunks. The paper also adds a penalty that keeps the
    subspaces of a layer orthogonal; here nothing is added to the loss.

    :param subspaces: parts of each column's features, G; each stage's features must be a multiple.
    :param own: what each subspace keeps of itself at the start, in [0, 1].
    :param last: the share of the last stage in the representation at the start, in [0, 1].
    :param trunk: see :class:`~umbel.sharing.sharing.Sharing`.
    :raises ConfigError: an option is out of range, a stage's features cannot be cut into as many
        subspaces, or the trunk has no stage.
    """

    name: ClassVar[str] = "sluice"

    def __init__(
        self,
        width_in: int | Sequence[int],
        targets: Sequence[str],
        *,
        subspaces: int = 2,
        own: float = 0.9,
        last: float = 0.9,
        **trunk: Any,
    ) -> None:
        super().__init__(width_in, targets, **trunk)
        self.need_depth()
        whole(self.name, "subspaces", subspaces, least=1)
        fraction(self.name, "own", own)
        fraction(self.name, "last", last)
        stages = range(len(self.trunk))
        for width in {self.trunk.channels(k) for k in stages}:
            if width % subspaces:
                raise ConfigError(
                    "the features of a stage are cut into subspaces of one width",
                    found=f"{width} features, subspaces: {subspaces}",
                    remedy=f"a width that is a multiple of {subspaces}, e.g. {width + -width % subspaces}",
                )
        self.columns = Columns(self.trunk, targets)
        self.sluices = nn.ModuleList(
            Sluices(len(self.targets), subspaces, axis=self.trunk.axis(k), own=own) for k in stages
        )
        self.layers = nn.ModuleDict({module_name(t): Layers(self.trunk, last=last) for t in self.targets})

    def shared(self, x: Tensor) -> Tensors:
        """The last activations of all columns [B, P, out] before the last mix, then the means of the
        earlier stages' mixed ones, [B, P, width] each."""
        h = self.columns.stage(0, [x] * len(self.targets))
        earlier = []
        for number in range(1, len(self.trunk)):
            mixed: Tensor = self.sluices[number - 1](h)
            earlier.append(aside(mean_over(mixed, keep=(0, 1, self.trunk.axis(number - 1) + 1))))
            h = self.columns.stage(number, mixed.unbind(dim=1))
        return (h, *earlier)

    def own(self, shared: Tensors, target: str) -> Tensor:
        """The target's mix of its stages, the last one mixed with those of the others."""
        place = self.columns.place[target]
        last = cast(Sluices, self.sluices[-1]).row(place, shared[0])
        found: Tensor = self.layers[module_name(target)]([*(h[:, place] for h in shared[1:]), last])
        return found
