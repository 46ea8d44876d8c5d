"""DSelect-k: each task selects a few of the experts, by gates that are smooth and become exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.errors import ConfigError
from umbel.sharing.gates import Experts, aside, mix
from umbel.sharing.naming import module_name
from umbel.sharing.options import whole
from umbel.sharing.sharing import SHARINGS, Sharing, Tensors

__all__ = ["DSelectKSharing", "Select", "smooth_step"]


def smooth_step(t: Tensor, gamma: float = 1.0) -> Tensor:
    """A step from 0 to 1 with one continuous derivative, exactly 0 and 1 from gamma / 2 away on.

    :param t: any shape.
    :param gamma: the width of the rise, above 0.

    Source: Hazimeh et al. 2021, the smooth-step function.

    >>> smooth_step(torch.tensor([-0.5, 0.0, 0.25, 0.5]))
    tensor([0.0000, 0.5000, 0.8438, 1.0000])
    """
    rise = -2.0 / gamma**3 * t**3 + 1.5 / gamma * t + 0.5
    return torch.where(t <= -gamma / 2, 0.0, torch.where(t >= gamma / 2, 1.0, rise))


class Select(nn.Module):
    """The shares of E experts, at most k of them above 0 once the codes are exact.

    Each of k selectors holds a binary code of log2 E bits, smoothed by :func:`smooth_step`; the share of
    an expert in a selector is the product of its bits. A softmax weighs the selectors. In a gate of its
    own for each row the codes and weights are linear in the features, else they are constants: linear in 1.

    :param width_in: features of a row that the gate sees; 1 for constants.
    :param experts: E, a power of 2.
    :param k: selectors.
    :param gamma: the width of the steps, above 0.

    Source: Hazimeh et al. 2021, the single-expert selectors and the gates made of k of them.
    """

    codes: Tensor

    def __init__(self, width_in: int, experts: int, *, k: int, gamma: float) -> None:
        super().__init__()
        self.k, self.gamma = k, gamma
        bits = experts.bit_length() - 1
        codes = (torch.arange(experts)[:, None] >> torch.arange(bits)) & 1  # [E, bits]
        self.register_buffer("codes", codes.to(torch.get_default_dtype()), persistent=False)
        self.weight = nn.Parameter(torch.empty(k, width_in))
        self.code = nn.Parameter(torch.empty(k * bits, width_in))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Codes near the middle, at random so that selectors part; equal weights."""
        nn.init.zeros_(self.weight)
        nn.init.uniform_(self.code, -self.gamma / 100, self.gamma / 100)

    def selectors(self, x: Tensor) -> Tensor:
        """The share of each expert in each selector, [B, k, E], of features [B, D]."""
        logits = functional.linear(x.to(self.code.dtype), self.code).to(self.code.dtype)
        bits = smooth_step(logits, self.gamma).view(len(x), self.k, 1, -1)  # [B, k, 1, bits]
        return (bits * self.codes + (1 - bits) * (1 - self.codes)).prod(dim=3)

    def forward(self, x: Tensor) -> Tensor:
        """Shares [B, E], each row sums to 1, of features [B, D]."""
        weights = functional.softmax(functional.linear(x.to(self.weight.dtype), self.weight), dim=1)
        return torch.einsum("bk,bke->be", weights, self.selectors(x))

    def entropy(self, x: Tensor) -> Tensor:
        """The entropy of the selectors in nats, [B], summed over them; 0 when the codes are exact."""
        shares = self.selectors(x)
        # the small number keeps the gradient finite where a share is exactly 0
        return -(shares * (shares + 1e-6).log()).sum(dim=(1, 2))


@SHARINGS.register("dselect_k", source="Hazimeh et al. 2021")
class DSelectKSharing(Sharing):
    """Several trunks that all tasks share; each task selects at most k of them.

    The paper adds the selectors' entropy to the loss, times a coefficient, to make codes exact. No
    architecture can add to the loss here; :meth:`entropy` tells it, to be watched, or added by a loss of
    one's own. Without it codes become exact only as far as the tasks' losses drive them there.

    :param experts: trunks, E, a power of 2, so that every code is an expert.
    :param k: experts a task may select.
    :param gamma: the width of the smooth steps, above 0.
    :param per_example: a selection for each row, of the features pooled over space or time, in place of
        one for all.
    :param trunk: see :class:`~umbel.sharing.sharing.Sharing`.
    :raises ConfigError: an option has a value it cannot have, or the trunk has no stage.
    """

    name: ClassVar[str] = "dselect_k"

    def __init__(
        self,
        width_in: int | Sequence[int],
        targets: Sequence[str],
        *,
        experts: int = 4,
        k: int = 2,
        gamma: float = 1.0,
        per_example: bool = False,
        **trunk: Any,
    ) -> None:
        super().__init__(width_in, targets, **trunk)
        self.need_depth()
        whole(self.name, "experts", experts, least=2)
        if experts & (experts - 1):
            raise ConfigError(
                "the experts of 'dselect_k' have binary codes, so their number is a power of 2",
                found=f"experts: {experts}",
                remedy=f"experts: {1 << experts.bit_length()}",
            )
        if whole(self.name, "k", k, least=1) > experts:
            raise ConfigError(
                "a task selects among the experts there are",
                found=f"k: {k}, experts: {experts}",
                remedy=f"k: {experts}, or less",
            )
        if not gamma > 0:
            raise ConfigError("a smooth step has a width above 0", found=f"gamma: {gamma}", remedy="gamma: 1")
        self.per_example = per_example
        self.experts = Experts(nn.Sequential(*self.trunk.stages()) for _ in range(experts))
        width = self.trunk.pooled_width if per_example else 1
        self.gates = nn.ModuleDict(
            {module_name(t): Select(width, experts, k=k, gamma=gamma) for t in self.targets}
        )

    def gate(self, target: str) -> Select:
        """The gate of a target."""
        return cast(Select, self.gates[module_name(target)])

    def seen(self, x: Tensor) -> Tensor:
        """What the gates see of features [B, ...]: [B, D] pooled, or the constant 1, [1, 1]."""
        return self.trunk.pooled(x) if self.per_example else x.new_ones(1, 1)

    def shared(self, x: Tensor) -> Tensors:
        """The experts' outputs [B, E, out]; then what gates of a row see, [B, D]."""
        experts = self.experts(x)
        return (experts, aside(self.seen(x))) if self.per_example else (experts,)

    def own(self, shared: Tensors, target: str) -> Tensor:
        """The target's selection of the experts."""
        seen = shared[1] if self.per_example else shared[0].new_ones(1, 1)
        return mix(self.gate(target)(seen), shared[0])

    def shares(self, x: Tensor) -> dict[str, Tensor]:
        """The share of each expert by target, [B, E] (or [1, E], the same for all rows)."""
        return {target: self.gate(target)(self.seen(x)) for target in self.targets}

    def entropy(self, x: Tensor) -> dict[str, Tensor]:
        """The entropy of each target's selectors in nats, [], mean over rows; from 0 to k log E.

        :param x: features [B, ...]; gates that are the same for all rows do not look at them.

        Source: Hazimeh et al. 2021, the entropy regulariser.
        """
        return {target: self.gate(target).entropy(self.seen(x)).mean() for target in self.targets}
