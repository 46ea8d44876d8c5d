"""The options of a net, checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from operator import le
from typing import Any, get_args

from umbel.balancing.balancer import Place
from umbel.balancing.making import check_options
from umbel.data.curriculum import Pace
from umbel.data.sources import How as Sampling
from umbel.encoders.by_type import ENCODER_OF
from umbel.encoders.fusion import FUSIONS
from umbel.errors import ConfigError, near
from umbel.sharing.sharing import SHARINGS
from umbel.training.curriculum import Pacing
from umbel.training.learners.net_fields import Dtype, NetFields, Optimizer, Wide
from umbel.training.loop import Criterion
from umbel.training.losses import TaskWeighting
from umbel.training.step import BadLossPolicy, pull_of
from umbel.training.stopping import How

__all__ = ["NetOptions"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "wide": get_args(Wide),
    "stopping": get_args(How),
    "criterion": get_args(Criterion),
    "optimizer": get_args(Optimizer),
    "dtype": get_args(Dtype),
    "task_weighting": get_args(TaskWeighting),
    "gradients": get_args(Place),
    "sampling": get_args(Sampling),
    "curriculum": ("none", *get_args(Pace)),
    "bad_loss": get_args(BadLossPolicy),
}
_AT_LEAST: dict[str, float] = {
    **dict.fromkeys(("width", "epochs", "batch_size", "members", "pieces", "patience", "judge_every"), 1),
    **dict.fromkeys(("depth", "embedding", "head_hidden", "task_embedding", "weight_decay", "every"), 0),
}
_FRACTIONS = ("weight_decay",)
_KINDS: tuple[tuple[str, Any, str], ...] = (
    *((name, bool, "true or false") for name in ("norm", "calibrate", "deterministic", "diagnose")),
    ("seed", int, "a whole number"),
    ("bag_power", int | float, "a number"),
    ("checkpoint", str | None, "the path of a folder"),
    ("encoders", dict | None, "options by encoder name"),
    ("sharing_options", dict | None, "options of the sharing architecture"),
    ("balancing_options", dict | None, "options of the balancer"),
    ("curriculum_options", dict | None, "options of the curriculum"),
    ("fusion_options", dict | None, "options of the fusion"),
    *((name, str, "a name") for name in ("activation", "sharing", "fusion", "schedule", "balancing")),
    ("device", str, "a name"),
)
ENCODED = tuple(ENCODER_OF.values())
_SHARES = ("dropout", "embedding_dropout", "modality_dropout", "average")


@dataclass(kw_only=True, eq=False)
class NetOptions(NetFields):
    """The options of :class:`~umbel.training.learners.net_fields.NetFields`, checked.

    :raises ConfigError: a value is out of its range or none of its choices.
    """

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise ConfigError(
                    f"the option '{name}' of a net must be one of its choices",
                    found=f"'{value}'",
                    remedy=near(value, choices),
                )
        for name, least in _AT_LEAST.items():
            kind = float if name in _FRACTIONS else int
            self._hold(name, kind, partial(le, least), f"number, at least {least:g}")
        for name in _SHARES:
            self._hold(name, float, lambda v: 0 <= v < 1, "share in [0, 1)")
        self._hold("sampling_alpha", float, lambda v: 0 <= v <= 1, "number in [0, 1]")
        for name in ("lr", "prior_scale", "clip"):
            if name != "clip" or self.clip is not None:
                self._hold(name, float, lambda v: v > 0, "number above 0")
        self._hold_kinds()
        self._hold_methods()

    def _hold_kinds(self) -> None:
        """:raises ConfigError: an option is of another type than it may be."""
        for name, kind, meant in _KINDS:
            if not isinstance(value := getattr(self, name), kind):
                raise ConfigError(
                    f"the option '{name}' of a net is {meant}", found=repr(value), remedy="leave it out"
                )
        for name, given in (self.encoders or {}).items():
            if name not in ENCODED or not isinstance(given, dict):
                raise ConfigError(
                    "the option 'encoders' of a net has options by encoder name",
                    found=f"{name}: {given!r}",
                    remedy=near(name, ENCODED),
                )

    def _hold_methods(self) -> None:
        """
        :raises ConfigError: no such architecture or balancer, or the balancer does not know one of its
            options, takes its gradients elsewhere, or does not go with L-BFGS.
        """
        # by name, so that a misspelt one is told before anything is fitted
        SHARINGS.get(self.sharing)
        FUSIONS.get(self.fusion)
        form = check_options(self.balancing, self.balancing_options or {})
        pull_of(form, self.gradients)
        if self.curriculum == "none" and self.curriculum_options:
            raise ConfigError(
                "options of a curriculum need one",
                found=f"curriculum_options: {self.curriculum_options}, curriculum: none",
                remedy="curriculum: quantile or competence",
            )
        if self.curriculum != "none":
            Pacing.of(self.curriculum_options or {})
        if self.optimizer == "lbfgs" and self.curriculum != "none":
            raise ConfigError(
                "L-BFGS sees all rows at each step",
                found=f"curriculum: {self.curriculum}",
                remedy="curriculum: none, or optimizer: adamw",
            )
        if self.optimizer == "lbfgs" and self.sampling != "proportional":
            raise ConfigError(
                "L-BFGS sees all rows at each step",
                found=f"sampling: {self.sampling}",
                remedy="sampling: proportional, or optimizer: adamw",
            )
        if self.optimizer == "lbfgs" and form.needs:
            raise ConfigError(
                "L-BFGS needs an objective that stays as it is",
                found=f"balancing: {self.balancing}, which looks at {', '.join(sorted(form.needs))}",
                remedy="balancing: equal, fixed or uncertainty, or optimizer: adamw",
            )

    def _hold(self, name: str, kind: type, fits: Callable[[Any], bool], rule: str) -> None:
        """:raises ConfigError: the option is not of its kind, or out of its range."""
        value = getattr(self, name)
        number = isinstance(value, kind | int) and not isinstance(value, bool)
        if not (number and math.isfinite(value) and fits(value)):
            whole = "whole " if kind is int else ""
            default = next(field.default for field in fields(NetOptions) if field.name == name)
            raise ConfigError(
                f"the option '{name}' of a net is a {whole}{rule}",
                found=repr(value),
                remedy=f"the default is {default}",
            )

    @property
    def options(self) -> dict[str, Any]:
        """The keyword options that make this net again (JSON)."""
        return {field.name: getattr(self, field.name) for field in fields(NetOptions)}

    @property
    def fused(self) -> dict[str, Any]:
        """How the feature space fuses its modalities: its keyword options."""
        return {
            "fusion": self.fusion,
            "fusion_options": self.fusion_options,
            "modality_dropout": self.modality_dropout,
        }

    def encoder_options(self) -> dict[str, dict[str, Any]]:
        """The options of each encoder, with the embeddings' width and dropout filled in."""
        both = {"width": self.embedding, "dropout": self.embedding_dropout, "power": self.bag_power}
        usual: dict[str, dict[str, Any]] = {
            # a trunk takes no number far out; a linear model takes them as they are
            "numbers": {"clip": 4.0} if self.depth else {},
            "categories": {"width": min(self.embedding, 16)},
            "names": both,
            "text": both,
        }
        found = {}
        for name in ENCODED:
            given = (self.encoders or {}).get(name, {})
            own = given.get("encoder", name) == name  # another encoder has options of its own
            found[name] = {**(usual.get(name, {}) if own else {}), **given}
        return found
