"""The options of a net: their names, meanings and defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from umbel.balancing.balancer import Place
from umbel.data.curriculum import Pace
from umbel.data.sources import How as Sampling
from umbel.training.loop import Criterion
from umbel.training.losses import TaskWeighting
from umbel.training.step import BadLossPolicy
from umbel.training.stopping import How

__all__ = ["Dtype", "NetFields", "Optimizer", "Order", "Wide"]

Wide = Literal["class", "all", "none"]
Optimizer = Literal["adamw", "lbfgs"]
Dtype = Literal["float32", "float64", "bfloat16"]
Order = Literal["none"] | Pace


@dataclass(kw_only=True, eq=False)
class NetFields:
    """What a net is and how it is trained, not yet checked: see ``net_options``.

    :param width: hidden units of the trunk.
    :param depth: its layers and residual blocks; 0 for a model that is linear in its features.
    :param dropout: share of hidden units dropped in training, in [0, 1).
    :param activation: of the trunk: relu, silu, gelu, tanh.
    :param norm: layer norm in the trunk.
    :param embedding: numbers per name, word and (at most) level; 0 for none.
    :param embedding_dropout: share of embedded features dropped in training, in [0, 1).
    :param bag_power: a set or text of n known things counts each n ** -bag_power: 0 sums, 1 averages.
    :param encoders: further options by encoder name (numbers, categories, names, text, images, audio,
        series), e.g. ``{"numbers": {"ranks": True}}`` where numbers are skewed; ``encoder`` among them puts
        another one in its place.
    :param fusion: how the modalities (one per encoder) become one representation, by name.
    :param fusion_options: its own options.
    :param modality_dropout: share of a row's modalities that are dropped in training, in [0, 1): a row may
        then lack any of them.
    :param sharing: the sharing architecture, by name.
    :param sharing_options: its own options, e.g. ``{"experts": 4}`` for mmoe; ``blocks`` among them.
    :param head_hidden: units of a hidden layer in each head; 0 for none (64 where there are side inputs: a
        linear head could add them up only).
    :param task_embedding: width of the groups' embedding that joins the features (rows layout).
    :param wide: targets with a linear skip from the inputs: those of classes, all, none.
    :param optimizer: adamw, or lbfgs (all rows at each step, until it has converged).
    :param lr: full learning rate, > 0.
    :param weight_decay: of AdamW, on weights (not on biases), >= 0.
    :param schedule: of the learning rate: constant, cosine, one_cycle.
    :param epochs: at most; for lbfgs, of 20 iterations each.
    :param batch_size: rows of a batch, over all processes.
    :param sampling: which rows come: proportional (as they are), tempered (a task's share is proportional
        to its labels ** ``sampling_alpha``), uniform, or round_robin (tasks in turn). Of several tables the
        same of the tables' batches, each batch being of one table.
    :param sampling_alpha: in [0, 1]; 1 is proportional, 0 uniform.
    :param curriculum: easy rows first: quantile (the share of the easiest that may come grows along a line),
        competence (along a root), or none; with any sampling.
    :param curriculum_options: its own options, e.g. ``{"start": 0.3, "epochs": 5}``, see
        :class:`~umbel.training.curriculum.Pacing`.
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
    fusion: str = "concat"
    fusion_options: dict[str, Any] | None = None
    modality_dropout: float = 0.0
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
    curriculum: Order = "none"
    curriculum_options: dict[str, Any] | None = None
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
