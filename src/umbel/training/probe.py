"""A look at a model's task gradients on a few training rows, which leaves the model as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn

from umbel.balancing.taking import edges_of, leaf_of, nodes
from umbel.data.batch import Batch
from umbel.tasks import TaskSet
from umbel.training.losses import LossHook, TaskWeighting, count_labels, likelihoods, task_weights
from umbel.training.pulling.cut import Cut, Cuttable

__all__ = ["Probe", "aside"]


@contextmanager
def aside(model: nn.Module) -> Iterator[None]:
    """Within it the model does not drop out, and may be asked for gradients; afterwards the modes of its
    modules and the state of the global generators are what they were."""
    modes = [(module, module.training) for module in model.modules()]
    devices = {p.device for p in model.parameters() if p.device.type == "cuda"}
    with torch.random.fork_rng(devices=list(devices)), torch.enable_grad():
        model.eval()
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode


@dataclass
class Probe:
    """The same few rows, asked again and again while a model learns.

    It answers in evaluation mode and in the model's own precision. Parameters, their ``grad``, the modes
    of the modules and the random state are the same before and after, to the last bit.

    :param model: in two halves, see :class:`~umbel.training.pulling.cut.Cuttable`.
    :param batch: the rows, on the model's device.
    :param weighting: what each task's loss counts for, as in a step.
    :param rate: of the lookahead's plain step, > 0.
    :param losses: the hook that gives the tasks' losses.
    """

    model: nn.Module
    tasks: TaskSet
    batch: Batch
    weighting: TaskWeighting = "tasks"
    rate: float = 1e-3
    losses: LossHook = likelihoods
    _behind: list[Tensor] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self._counts = count_labels(self.batch, self.tasks)
        self._share = task_weights(self.tasks, self._counts, self.weighting)

    @property
    def present(self) -> Tensor:
        """Tasks with a known label among the rows, [P] bool."""
        return self._counts > 0

    def gram(self) -> Tensor | None:
        """Products of the task gradients at the features that all tasks share, [P, P] float64.

        The gradients are those of a step: of each loss times what it counts for, times the number of
        present tasks. Pairs of tasks without a common row have the product 0.

        :returns: None where nothing behind the features is learned.
        """
        with aside(self.model):
            if not self._shared():
                return None
            cut = Cut(self.model, len(self.tasks.groups))
            losses = torch.cat(self._each(cut, self.batch))
            total = (self._share * float(self.present.sum()) * losses).sum()
            found = torch.autograd.grad(total, cut.leaves, allow_unused=True)
            for leaf, grad in zip(cut.leaves, found, strict=True):  # copies: no parameter is among them
                leaf.grad = grad
            return cut.gram()

    def affinity(self) -> Tensor | None:
        """What a step for one task does to the loss of each task, [P, P] float64.

        Row i: the parameters behind the shared features take one plain gradient step on the mean loss of
        task i, with the rate of this probe; column j: how much of its loss task j is rid of by it,
        (L_j - L_j after the step) / abs(L_j). Where losses are positive this is 1 - L_j' / L_j, the
        paper's inter-task affinity; a density's loss may be 0 or below, so the size is divided by.

        Source: Fifty et al. 2021, eq. 1. The paper looks ahead by the training step itself, on each
        training batch; here it is a plain step, whatever the optimiser, on the same rows each time.

        :returns: NaN where one of the two has no known label here or a loss is 0 or not finite; None
            where nothing behind the features is learned.
        """
        with aside(self.model):
            shared = self._shared()
            if not shared:
                return None
            batch = _double(self.batch)
            present = self.present.tolist()
            losses = [loss for target in self._each(_Exact(self.model), batch) for loss in target.unbind()]
            before = torch.stack([loss.detach() for loss in losses])  # [P]
            after = torch.full((len(losses), len(losses)), torch.nan, dtype=torch.float64)
            after = after.to(before.device)
            for i, loss in enumerate(losses):
                if present[i]:
                    grads = torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True)
                    with _moved(shared, grads, self.rate), torch.no_grad():
                        after[i] = torch.cat(self._each(_Exact(self.model), batch))
            gain = (before - after) / before.abs()
            gain[:, ~self.present] = torch.nan
            return torch.where(torch.isfinite(gain), gain, torch.nan)

    def _each(self, model: nn.Module, batch: Batch) -> list[Tensor]:
        """Mean losses of the tasks, by target: [1] each, or [G] in the rows layout."""
        found = self.losses(model, batch, self.tasks, self._counts)
        return [found] if isinstance(found, Tensor) else list(found)

    def _shared(self) -> list[Tensor]:
        """The parameters behind the features that all tasks share."""
        if self._behind is None:
            features = cast(Cuttable, self.model).shared(self.batch)
            edges = edges_of(x for x in features if x.requires_grad)
            leaves = (leaf_of(node) for node in nodes(edge.node for edge in edges))
            own = {id(p) for p in self.model.parameters()}
            self._behind = [x for x in leaves if x is not None and id(x) in own]
        return self._behind


class _Exact(nn.Module):
    """The model with its raw outputs in float64: a lookahead changes a loss in its last digits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._model = (model,)  # in a tuple: this is a view, not the owner of parameters

    def forward(self, batch: Batch) -> Mapping[str, Tensor]:
        """Raw outputs by target."""
        return {target: raw.double() for target, raw in self._model[0](batch).items()}


def _double(batch: Batch) -> Batch:
    """The batch with answers and weights in float64; its inputs as they are."""

    def exact(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {k: v.double() if v.is_floating_point() else v for k, v in values.items()}

    return Batch(batch.inputs, exact(batch.targets), exact(batch.weights), batch.rows, batch.side)


@contextmanager
def _moved(parameters: list[Tensor], grads: tuple[Tensor | None, ...], rate: float) -> Iterator[None]:
    """The parameters after one plain step, for the length of the block."""
    # through .data: a graph that was made before stays good, as the numbers come back before it is used
    moved = [(p.data, g) for p, g in zip(parameters, grads, strict=True) if g is not None]
    places, steps = [p for p, _ in moved], [g.to(p.dtype) for p, g in moved]
    kept = [p.clone() for p in places]
    try:
        if places:
            torch._foreach_add_(places, steps, alpha=-rate)
        yield
    finally:
        if places:
            torch._foreach_copy_(places, kept)
