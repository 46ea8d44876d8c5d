"""Columns: a trunk of its own for each target, side by side, so that something can mix them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from umbel.sharing.naming import module_name
from umbel.sharing.trunk import Trunk

__all__ = ["Columns", "near_identity"]


def near_identity(count: int, own: float) -> Tensor:
    """Mixing weights that keep most of each: ``own`` on the diagonal, the rest spread over the row.

    :param count: how many there are to mix, n.
    :param own: what each keeps of itself, in [0, 1]; a single one keeps all.
    :returns: [n, n], each row sums to 1.

    >>> near_identity(3, 0.5)
    tensor([[0.5000, 0.2500, 0.2500],
            [0.2500, 0.5000, 0.2500],
            [0.2500, 0.2500, 0.5000]])
    """
    if count == 1:
        return torch.ones(1, 1)
    weights = torch.full((count, count), (1.0 - own) / (count - 1))
    return weights.fill_diagonal_(own)


class Columns(nn.ModuleDict):
    """The stages of a trunk once per target, P columns in the order of the targets' sorted names.

    The order is the same however targets were given, so a matrix that mixes columns is too.

    :param trunk: what each column is.
    :param targets: names of the targets, in any order.

    :ivar place: the place of each target among the columns.
    """

    def __init__(self, trunk: Trunk, targets: Sequence[str]) -> None:
        names = sorted(targets)
        super().__init__({module_name(target): trunk.stages() for target in names})
        self.place = {target: k for k, target in enumerate(names)}

    def stage(self, number: int, rows: Sequence[Tensor]) -> Tensor:
        """What the stage ``number`` of each column makes of its input.

        :param rows: the input of each column, P tensors [B, ...].
        :returns: [B, P, ...].
        """
        columns = [cast(nn.ModuleList, column) for column in self.values()]
        return torch.stack([c[number](h) for c, h in zip(columns, rows, strict=True)], dim=1)
