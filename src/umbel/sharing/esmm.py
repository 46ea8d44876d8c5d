"""Entire space: a later target's probability is the product along its chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from umbel.errors import ConfigError
from umbel.sharing.sharing import SHARINGS, Tensors
from umbel.sharing.towers import Towers
from umbel.tasks import Kind
from umbel.tasks.losses import widen

__all__ = ["EntireSpace", "logit_of_both"]


def logit_of_both(before: Tensor, own: Tensor) -> Tensor:
    """The logit of p q, of the logits of p and of q.

    (1 - p q) / (p q) is e^-a + e^-b + e^(-a-b) for the logits a and b, so the logit of the product is
    minus the logsumexp of -a, -b and -a - b. No probability is formed: it neither overflows nor rounds
    to 0 or 1 at logits of any size.

    :param before: logits, any shape.
    :param own: logits, the same shape.

    >>> logit_of_both(torch.zeros(1), torch.zeros(1)).sigmoid()
    tensor([0.2500])
    """
    return -torch.logsumexp(torch.stack([-before, -own, -before - own]), dim=0)


@SHARINGS.register("esmm", source="Ma et al. 2018, Entire space multi-task model, eq. 1 and 3")
class EntireSpace(Towers):
    """Towers over common stages; along a chain (click, conversion) probabilities are multiplied.

    The head of each later target gives the probability given that all before it in the chain happened;
    what leaves the model is the probability that they and it happen, of any row. So a later target is
    1 where it and all before it happened and 0 in every other row: rows without a click are labelled 0,
    not missing, and the model learns from all of them, not from those that were clicked alone. Targets
    outside the chain are as in any other architecture.

    :param chain: binary targets, the earliest first; None chains none of them.
    :param common: see :class:`~umbel.sharing.towers.Towers`; 0, only the encoders shared, is the paper's.
    :raises ConfigError: the chain names no target, or one twice, or fewer than two.
    """

    name: ClassVar[str] = "esmm"

    def own(self, shared: Tensors, target: str) -> Tensor:
        """The target's tower."""
        return self.tower(shared, target)

    def check_kinds(self, kinds: Mapping[str, Kind]) -> None:
        """:raises ConfigError: a target of the chain is not binary: its output is the logit of nothing."""
        for target in self.chain:
            kind = kinds[target]
            if kind.response != "bernoulli" or kind.width != 1:
                raise _not_binary(f"'{target}' of kind '{kind.name}'")

    def finish(self, raw: dict[str, Tensor]) -> dict[str, Tensor]:
        """Logits of the chain's targets become logits of the products up to them, at least in float32.

        :param raw: raw outputs by target, [B, 1] for those of the chain.
        :raises ConfigError: a target of the chain has more than one raw output.
        """
        found, before = dict(raw), None
        for target in self.chain:
            if raw[target].shape[1] != 1:
                raise _not_binary(f"'{target}' with {raw[target].shape[1]} raw outputs")
            own = widen(raw[target])
            before = own if before is None else logit_of_both(before, own)
            found[target] = before
        return found


def _not_binary(found: str) -> ConfigError:
    return ConfigError(
        "the targets of an entire-space chain are binary: one logit each",
        found=found,
        remedy="kind: binary for this target, or leave it out of the chain",
    )
