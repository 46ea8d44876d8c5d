"""Priors: maximum a posteriori instead of maximum likelihood.

The objective is the mean negative log likelihood of N labels, so the prior enters as
-(1/N) log p(theta): a linear model's optimum is then scikit-learn's. With a prior of scale tau,
``LogisticRegression(C=tau**2)``; with noise sigma, ``Ridge(alpha=sigma**2 / tau**2)``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from umbel.errors import ConfigError
from umbel.registry import Registry
from umbel.sharing.heads import Head

__all__ = ["PRIORS", "Gaussian", "Laplace", "MeanRegularised", "Prior", "shrunk"]


def shrunk(model: nn.Module) -> dict[str, Tensor]:
    """The parameters a prior is about: weights of linear maps, deviations of groups and embeddings.

    Biases, norms and the free scalars of the kinds (noise, cut points) are left free.
    """
    return {name: p for name, p in model.named_parameters() if p.ndim >= 2}


class Prior(ABC):
    """-log p(theta) up to a constant.

    :param scale: the prior's scale, > 0, in units of the weights.
    :raises ConfigError: the scale is not above 0.
    """

    name: ClassVar[str]

    def __init__(self, scale: float = 1.0) -> None:
        if not scale > 0:
            raise ConfigError(
                "the scale of a prior is above 0", found=str(scale), remedy="1, the default, or another"
            )
        self.scale = scale

    @abstractmethod
    def __call__(self, model: nn.Module) -> Tensor:
        """-log p(theta) of a model's parameters, a scalar; not yet divided by N."""


PRIORS: Registry[type[Prior]] = Registry("prior", "umbel.training")
"""All priors, by name."""


def _total(parts: list[Tensor]) -> Tensor:
    return torch.stack(parts).sum() if parts else torch.zeros(())


@PRIORS.register("gaussian", source="ridge, Hoerl & Kennard 1970")
class Gaussian(Prior):
    """w ~ N(0, scale^2): sum of w^2 / (2 scale^2)."""

    name: ClassVar[str] = "gaussian"

    def __call__(self, model: nn.Module) -> Tensor:
        """-log p, a scalar."""
        return _total([p.square().sum() for p in shrunk(model).values()]) / (2 * self.scale**2)


@PRIORS.register("laplace", source="lasso, Tibshirani 1996")
class Laplace(Prior):
    """w ~ Laplace(0, scale): sum of |w| / scale."""

    name: ClassVar[str] = "laplace"

    def __call__(self, model: nn.Module) -> Tensor:
        """-log p, a scalar."""
        return _total([p.abs().sum() for p in shrunk(model).values()]) / self.scale


@PRIORS.register("mean_regularised", source="Evgeniou & Pontil 2004, eq. 3")
class MeanRegularised(Prior):
    """Heads around their mean: w_p = w_0 + v_p with v_p ~ N(0, scale^2).

    In the rows layout v_p are the groups' deviations, of weights and of biases. In the columns layout
    they are the heads' differences from the mean of all heads of the same width, which has no prior of
    its own. Everything else is N(0, common^2).

    :param scale: of the deviations.
    :param common: of all other weights, the common part w_0 among them; None leaves them free.
    """

    name: ClassVar[str] = "mean_regularised"

    def __init__(self, scale: float = 1.0, common: float | None = None) -> None:
        super().__init__(scale)
        self.common = common

    def __call__(self, model: nn.Module) -> Tensor:
        """-log p, a scalar."""
        heads = {name: m for name, m in model.named_modules() if isinstance(m, Head)}
        apart: list[Tensor] = []
        taken: set[str] = set()
        alike: dict[torch.Size, list[Tensor]] = {}
        for name, head in heads.items():
            if head.group_weight is not None and head.group_bias is not None:
                apart += [head.group_weight.square().sum(), head.group_bias.square().sum()]
                taken |= {f"{name}.group_weight", f"{name}.group_bias"}
            else:
                alike.setdefault(head.weight.shape, []).append(head.weight)
                taken.add(f"{name}.weight")
        for weights in alike.values():
            if len(weights) > 1:
                stacked = torch.stack(weights)
                apart.append((stacked - stacked.mean(dim=0)).square().sum())
        total = _total(apart) / (2 * self.scale**2)
        if self.common is not None:
            rest = [p.square().sum() for name, p in shrunk(model).items() if name not in taken]
            total = total + _total(rest) / (2 * self.common**2)
        return total
