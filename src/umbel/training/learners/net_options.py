"""The options of a net, checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from operator import le
from typing import Any, Literal, get_args

from umbel.balancing.balancer import Place
from umbel.balancing.making import check_options
from umbel.data.sources import How as Sampling
from umbel.errors import ConfigError, near
from umbel.sharing.sharing import SHARINGS
from umbel.training.loop import Criterion
from umbel.training.losses import TaskWeighting
from umbel.training.step import BadLossPolicy, pull_of
from umbel.training.stopping import How

__all__ = ["NetOptions"]

Wide = Literal["class", "all", "none"]
Optimizer = Literal["adamw", "lbfgs"]
Dtype = Literal["float32", "float64", "bfloat16"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "wide": get_args(Wide),
    "stopping": get_args(How),
    "criterion": get_args(Criterion),
    "optimizer": get_args(Optimizer),
    "dtype": get_args(Dtype),
    "task_weighting": get_args(TaskWeighting),
    "gradients": get_args(Place),
    "sampling": get_args(Sampling),
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
    *((name, str, "a name") for name in ("activation", "sharing", "schedule", "balancing", "device")),
)
ENCODED = ("numbers", "categories", "names", "text")
_SHARES = ("dropout", "embedding_dropout", "average")


@dataclass(kw_only=True, eq=False)
class NetOptions:
    """What a net is and how it is trained.

    :param width: hidden units of the trunk.
    :param depth: its layers and residual blocks; 0 for a model that is linear in its features.
    :param dropout: share of hidden units dropped in training, in [0, 1).
    :param activation: of the trunk: relu, silu, gelu, tanh.
    :param norm: layer norm in the trunk.
    :param embedding: numbers per name, word and (at most) level; 0 for none.
    :param embedding_dropout: share of embedded features dropped in training, in [0, 1).
    :param bag_power: a set or text of n known things counts each n ** -bag_power: 0 sums, 1 averages.
    :param encoders: further options by encoder name (numbers, categories, names, text), e.g.
        ``{"numbers": {"ranks": True}}`` where numbers are skewed.
    :param sharing: the sharing architecture, by name.
    :param sharing_options: its own options, e.g. ``{"experts": 4}`` for mmoe; ``blocks`` among them.
    :param head_hidden: units of a hidden layer in each head; 0 for none.
    :param task_embedding: width of the groups' embedding that joins the features (rows layout).
    :param wide: targets with a linear skip from the inputs: those of classes, all, none.
    :param optimizer: adamw, or lbfgs (all rows at each step, until it has converged).
    :param lr: full learning rate, > 0.
    :param weight_decay: of AdamW, on weights (not on biases), >= 0.
    :param schedule: of the learning rate: constant, cosine, one_cycle.
    :param epochs: at most; for lbfgs, of 20 iterations each.
    :param batch_size: rows of a batch, over all processes.
    :param sampling: which rows come: proportional (as they are), tempered (a task's share is proportional
        to its labels ** ``sampling_alpha``), uniform, or round_robin (tasks in turn).
    :param sampling_alpha: in [0, 1]; 1 is proportional, 0 uniform.
    :param pieces: a batch goes through the model in so many parts (less memory, the same update).
    :param clip: the gradient's norm is held at or below this (not for lbfgs, whose line search needs the
        gradient itself); None leaves it be.
    :param balancing: the balancer, by name; of one task alone it has nothing to balance.
    :param balancing_options: its own options, e.g. ``{"c": 0.4}`` for cagrad.
    :param gradients: where the tasks' gradients are taken, for balancers that look at them: at the
        features (cheap, exact over processes), at the parameters (exact), or subsample (few rows).
    :param bad_loss: on a NaN or infinite loss stop with an error, or skip the step.
    :param task_weighting: tasks (each the same say) or labels (the exact likelihood).
    :param prior: gaussian, laplace, mean_regularised; None for none.
    :param prior_scale: its scale, > 0.
    :param stopping: restore, shared, head or none, see ``training.stopping``.
    :param criterion: what validation judges by: nll or skill.
    :param judge_every: look at validation after so many epochs (more than 1 where epochs are short).
    :param patience: end after looking so many times without a better one.
    :param calibrate: stretch and shift each target's outputs to fit validation (see
        ``training.calibrate``); not with stopping ``none``, which looks at no validation row.
    :param average: decay of a moving average of the parameters that is judged and kept; 0 for none (and
        none for lbfgs).
    :param members: nets of different seeds whose predictions are averaged.
    :param device: auto, cpu, cuda, ...
    :param dtype: float32, float64, or bfloat16 (autocast over float32 parameters).
    :param deterministic: on a GPU, only kernels that give the same bits each time.
    :param seed: of parameters, batches and dropout.
    :param checkpoint: folder for checkpoints; None for none. A fit of the same options and rows that
        finds its own checkpoint there continues it.
    :param every: a checkpoint after so many steps besides each epoch's end; 0 for the epochs alone.
    :param diagnose: look after each epoch at how the tasks' gradients agree, and at what a step for one
        task does to the others; changes no result.
    :param progress: show a bar; None shows it where standard error is a terminal.
    :raises ConfigError: a value is out of its range or none of its choices.
    """

    width: int = 256
    depth: int = 1
    dropout: float = 0.5
    activation: str = "relu"
    norm: bool = True
    embedding: int = 32
    embedding_dropout: float = 0.3
    bag_power: float = 0.5
    encoders: dict[str, dict[str, Any]] | None = None
    sharing: str = "hard"
    sharing_options: dict[str, Any] | None = None
    head_hidden: int = 0
    task_embedding: int = 8
    wide: Wide = "class"
    optimizer: Optimizer = "adamw"
    lr: float = 2e-3
    weight_decay: float = 1e-2
    schedule: str = "constant"
    epochs: int = 20
    batch_size: int = 256
    sampling: Sampling = "proportional"
    sampling_alpha: float = 0.5
    pieces: int = 1
    clip: float | None = None
    balancing: str = "equal"
    balancing_options: dict[str, Any] | None = None
    gradients: Place = "features"
    bad_loss: BadLossPolicy = "stop"
    task_weighting: TaskWeighting = "tasks"
    prior: str | None = None
    prior_scale: float = 1.0
    stopping: How = "restore"
    criterion: Criterion = "nll"
    judge_every: int = 1
    patience: int = 5
    calibrate: bool = True
    average: float = 0.98
    members: int = 1
    device: str = "auto"
    dtype: Dtype = "float32"
    deterministic: bool = True
    seed: int = 0
    checkpoint: str | None = None
    every: int = 0
    diagnose: bool = True
    progress: bool | None = False

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
        form = check_options(self.balancing, self.balancing_options or {})
        pull_of(form, self.gradients)
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

    def encoder_options(self) -> dict[str, dict[str, Any]]:
        """The options of each encoder, with the embeddings' width and dropout filled in."""
        given = self.encoders or {}
        # a trunk takes no number far out; a linear model takes them as they are
        numbers = {"clip": 4.0} if self.depth else {}
        both = {"width": self.embedding, "dropout": self.embedding_dropout, "power": self.bag_power}
        levels = {"width": min(self.embedding, 16)}
        return {
            "numbers": {**numbers, **given.get("numbers", {})},
            "categories": {**levels, **given.get("categories", {})},
            "names": {**both, **given.get("names", {})},
            "text": {**both, **given.get("text", {})},
        }
