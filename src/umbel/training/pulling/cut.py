"""A model cut at the features that all tasks share: each target answers from a copy of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from umbel.balancing.matrices import gram_of, mixed
from umbel.data.batch import Batch
from umbel.errors import BalancingError

__all__ = ["Cut", "Cuttable"]

Tensors = tuple[Tensor, ...]


class Cuttable(Protocol):
    """A model in two halves, see :class:`~umbel.sharing.sharing.Sharing`."""

    targets: Mapping[str, str]

    @property
    def mixes(self) -> bool:
        """Whether a target's raw outputs depend on the heads of others."""
        ...

    def shared(self, batch: Batch) -> Tensors:
        """What all targets see."""
        ...

    def answer(self, batch: Batch, shared: Mapping[str, Tensors]) -> dict[str, Tensor]:
        """Raw outputs by target of what :meth:`shared` gave."""
        ...


class Cut(nn.Module):
    """The model, whose heads are given detached copies of what they share, one for each target.

    One backward pass of the losses' sum then gives every target's gradient at the features, exactly and
    apart from each other, and the heads' own gradients; nothing has gone through the trunk yet.

    :param model: in two halves.
    :param groups: groups of the rows layout; 0 in the columns layout.
    :raises BalancingError: nothing before the heads has a parameter: there is nothing to balance.
    """

    def __init__(self, model: nn.Module, groups: int) -> None:
        super().__init__()
        self._model = (cast(Cuttable, model),)  # in a tuple: this is a view, not the owner of parameters
        self.groups = groups
        self.features: Tensors = ()
        self.copies: dict[str, Tensors] = {}
        self.group: Tensor | None = None

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Raw outputs by target, as the model's."""
        (model,) = self._model
        self.features = model.shared(batch)
        self.group = batch.side.get("group") if self.groups else None
        if not any(x.requires_grad for x in self.features):
            raise BalancingError(
                "tasks must share something that is learned",
                found="features without a parameter behind them",
                remedy="gradients: parameters, depth: 1 or more, or balancing: equal",
            )
        self.copies = {
            target: tuple(x.detach().requires_grad_(x.requires_grad) for x in self.features)
            for target in model.targets
        }
        if not model.mixes:
            return model.answer(batch, self.copies)
        # through the others' heads, too, a target's loss must come back to its own copy
        return {
            target: model.answer(batch, dict.fromkeys(model.targets, copies))[target]
            for target, copies in self.copies.items()
        }

    @property
    def leaves(self) -> list[Tensor]:
        """All copies that take a gradient."""
        return [x for copies in self.copies.values() for x in copies if x.requires_grad]

    def _rows(self) -> list[tuple[Tensor, list[Tensor]]]:
        """Each shared tensor, with its gradient by target."""
        found = []
        for k, x in enumerate(self.features):
            if x.requires_grad:
                grads = [copies[k].grad for copies in self.copies.values()]
                found.append((x, [torch.zeros_like(x) if g is None else g for g in grads]))
        return found

    def gram(self) -> Tensor:
        """Products of the tasks' gradients at the features, summed over the rows, [P, P] float64."""
        if self.group is None:
            return gram_of(grads for _, grads in self._rows())
        known = self.group >= 0
        place, count = self.group[known], len(self.copies)
        gram = torch.zeros(count, count, self.groups, dtype=torch.float64, device=place.device)
        for _, grads in self._rows():
            flat = [g[known].flatten(1).double() for g in grads]
            for s in range(count):
                for t in range(s, count):
                    sums = gram.new_zeros(self.groups).index_add_(0, place, (flat[s] * flat[t]).sum(dim=1))
                    gram[s, t] += sums
                    if s != t:
                        gram[t, s] += sums
        # a row belongs to one group: gradients of different groups have no row in common
        return torch.diag_embed(gram).permute(0, 2, 1, 3).reshape(count * self.groups, count * self.groups)

    def go_on(self, weights: Tensor) -> None:
        """Take the weighted sum of the tasks' gradients on through what lies behind the features.

        :param weights: [P].
        """
        places, totals = [], []
        for x, grads in self._rows():
            places.append(x)
            if self.group is None:
                totals.append(mixed(weights.tolist(), grads))
                continue
            table = weights.view(len(self.copies), self.groups)
            own = table[:, self.group.clamp(min=0)]  # [targets, B]
            shape = (-1, *[1] * (x.ndim - 1))
            parts = [w.to(g.dtype).view(shape) * g for w, g in zip(own, grads, strict=True)]
            totals.append(torch.stack(parts).sum(dim=0))
        torch.autograd.backward(places, totals)
