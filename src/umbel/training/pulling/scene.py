"""What a step is about, and what it found: the common ground of all ways to take gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from umbel.balancing.balancer import Balancer, Seen
from umbel.data.batch import Batch
from umbel.errors import BalancingError
from umbel.tasks import TaskSet
from umbel.training.distributed import Processes
from umbel.training.losses import LossHook

__all__ = ["BadLossError", "Found", "Replay", "Scene"]


_MOST_NAMES = 50


class BadLossError(BalancingError):
    """A loss is NaN or infinite."""


@dataclass(frozen=True)
class Scene:
    """One step before its gradients are taken.

    :param parts: this process's rows, in pieces; none where it has no row.
    :param counts: known labels of each task in the whole step, [P].
    :param share: what each task's loss counts in the objective, [P].
    :param hook: gives the tasks' losses.
    :param precision: of autocast; None for the model's own.
    :param held: validation rows, for balancers that look at them.
    :param salt: see :meth:`salted`.
    """

    model: nn.Module
    tasks: TaskSet
    parts: Sequence[Batch]
    counts: Tensor
    share: Tensor
    hook: LossHook
    balancer: Balancer
    among: Processes
    precision: torch.dtype | None = None
    held: Batch | None = None
    salt: int = 0

    def salted(self) -> Scene:
        """With a number of this step's own, the same on every process: the sum of its rows' numbers."""
        own = sum((part.rows.sum() for part in self.parts), torch.zeros_like(self.counts[0]))
        return replace(self, salt=int(self.among.total(own)))

    @property
    def present(self) -> Tensor:
        """Tasks with a known label in this step, [P]."""
        return self.counts > 0

    @property
    def factor(self) -> float:
        """What the balancer's weights are multiplied by, so that a rate means the same for all of them."""
        return float(self.present.sum()) if self.balancer.neutral == "mean" else 1.0

    def losses(self, model: nn.Module, part: Batch, counts: Tensor | None = None) -> list[Tensor]:
        """Losses of some rows, by target: [1] each, or [G] in the rows layout."""
        kind = part.rows.device.type
        auto: AbstractContextManager[object] = nullcontext()
        if self.precision is not None:
            auto = torch.autocast(kind, dtype=self.precision)
        with auto:
            found = self.hook(model, part, self.tasks, self.counts if counts is None else counts)
        return [found] if isinstance(found, Tensor) else list(found)

    def total(self, local: Tensor) -> Tensor:
        """Losses of all processes.

        :raises BadLossError: one of them is not finite; the tasks are named.
        """
        found = self.among.total(local)
        if not torch.isfinite(found).all():
            named = [
                f"'{task.name}' {float(loss)}"
                for task, loss in zip(self.tasks.tasks, found, strict=True)
                if not torch.isfinite(loss)
            ]
            raise BadLossError(
                "the training of a net must not diverge",
                found="the loss of " + ", ".join(named[:5]) + (" and others" if len(named) > 5 else ""),
                remedy="a smaller lr, or clip: 1; bad_loss: skip leaves out steps like this",
            )
        return found

    def weigh(self, seen: Seen) -> Tensor:
        """The balancer's weights times ``factor``, [P]; with a gradient where they are learned.

        :raises BalancingError: it cannot weigh them; the tasks are named.
        """
        with self.naming():
            weights: Tensor = self.balancer(seen)
        return self.factor * weights.to(self.share.dtype)

    @contextmanager
    def naming(self) -> Iterator[None]:
        """A balancer knows tasks by their places alone: the names in this order go with what it says.

        :raises BalancingError: the balancer's, with the names of the tasks that have labels in this step.
        """
        try:
            yield
        except BalancingError as error:
            names = [f"{p} '{t.name}'" for p, t in enumerate(self.tasks.tasks) if self.present[p]]
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            found = f"{error.found}; the tasks by place: {', '.join(names[:_MOST_NAMES])}{more}"
            raise type(error)(error.rule, found=found, remedy=error.remedy) from error

    def sizes(self) -> list[int]:
        """Tasks of each target."""
        return [max(1, len(self.tasks.groups))] * len(self.tasks.targets)


@dataclass
class Found:
    """What a way of taking gradients found; the gradients stand in the parameters.

    :param losses: of this process's rows, [P], detached.
    :param weights: of the tasks, [P], detached.
    :param gram: products of the task gradients of all processes, [P, P]; None where nobody asked.
    """

    losses: Tensor
    weights: Tensor
    gram: Tensor | None = field(default=None)


class Replay:
    """The random state at some moment, to draw the same dropout once more."""

    def __init__(self, device: torch.device) -> None:
        self._cpu = torch.get_rng_state()
        self._device = device
        self._cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    @contextmanager
    def again(self) -> Iterator[None]:
        """From that moment on; afterwards as if nothing had been drawn."""
        with torch.random.fork_rng(devices=[self._device] if self._cuda is not None else []):
            torch.set_rng_state(self._cpu)
            if self._cuda is not None:
                torch.cuda.set_rng_state(self._cuda, self._device)
            yield
