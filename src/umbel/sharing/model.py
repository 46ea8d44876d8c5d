"""The model: a feature space, a sharing architecture, and a head per target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.data.batch import Batch
from umbel.encoders.space import FeatureSpace
from umbel.seeding import derive
from umbel.sharing.heads import GroupEmbedding, Head
from umbel.sharing.naming import module_name
from umbel.sharing.sharing import Sharing, Tensors, make_sharing
from umbel.sharing.wide import Wide
from umbel.tasks import TaskSet

__all__ = ["MultiTaskNet", "initialise", "module_name"]


def initialise(model: nn.Module, seed: int) -> None:
    """Draw every module's parameters from a seed made of its name.

    So a module starts alike whatever stands beside it: adding a task, or another order of tasks, changes
    no other parameter. The state of the global generator is left as it was.

    :param seed: the run's seed.
    """
    with torch.random.fork_rng(devices=[]):
        for name, module in model.named_modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                torch.manual_seed(derive(seed, "parameter", name))
                reset()


class MultiTaskNet(nn.Module):
    """Inputs to the raw outputs of every target.

    :param space: fitted (or restored); its parameters are built here.
    :param tasks: the tasks, with fitted kinds.
    :param sharing: name of a registered sharing architecture.
    :param options: its keyword options.
    :param hidden: units of a hidden layer in each head; 0 for none.
    :param wide: targets that also get a linear skip from the inputs.
    :param group_width: width of the embedding of groups that joins the features (rows layout).
    :param side: width of the side inputs ``batch.side["side"]`` [B, side] that join every head.
    :raises ConfigError: the sharing architecture is unknown or does not know one of its options.
    """

    def __init__(
        self,
        space: FeatureSpace,
        tasks: TaskSet,
        *,
        sharing: str = "hard",
        options: Mapping[str, Any] | None = None,
        hidden: int = 0,
        wide: Sequence[str] = (),
        group_width: int = 0,
        side: int = 0,
    ) -> None:
        super().__init__()
        self.space = space.build()
        groups = len(tasks.groups)
        names = [target.name for target in tasks.targets]
        self.groups = GroupEmbedding(groups, group_width) if groups and group_width else None
        width_in = space.out + (group_width if self.groups is not None else 0)
        self.sharing = make_sharing(sharing, width_in, names, options or {})
        self.side = side
        self.targets = {name: module_name(name) for name in names}
        self.heads = nn.ModuleDict(
            {
                self.targets[t.name]: Head(
                    self.sharing.out + side, t.kind.width, t.kind.free, groups=groups, hidden=hidden
                )
                for t in tasks.targets
            }
        )
        widths = {t.name: t.kind.width for t in tasks.targets if t.name in wide}
        self.wide = Wide(space, widths) if widths else None

    def head(self, target: str) -> Head:
        """The head of a target."""
        head = self.heads[self.targets[target]]
        assert isinstance(head, Head)
        return head

    def features(self, batch: Batch) -> Tensor:
        """What the sharing architecture is given, [B, D]."""
        x = self.space(batch.inputs)
        return x if self.groups is None else torch.cat([x, self.groups(batch.side["group"])], dim=1)

    def shared(self, batch: Batch) -> Tensors:
        """What all targets see, see :class:`~umbel.sharing.sharing.Sharing`."""
        found: Tensors = self.sharing.shared(self.features(batch))
        return found

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Raw outputs by target, [B, width + free]."""
        return self.answer(batch, dict.fromkeys(self.targets, self.shared(batch)))

    @property
    def mixes(self) -> bool:
        """Whether a target's raw outputs depend on the heads of others (a chain of probabilities)."""
        return type(self.sharing).finish is not Sharing.finish

    def answer(self, batch: Batch, shared: Mapping[str, Tensors]) -> dict[str, Tensor]:
        """Raw outputs by target of what :meth:`shared` gave.

        :param shared: by target: the same tensors, or a copy for each target.
        """
        group = batch.side.get("group")
        side = batch.side.get("side") if self.side else None
        raw: dict[str, Tensor] = {}
        for target, found in shared.items():
            own = self.sharing.own(found, target)
            x = own if side is None else torch.cat([own, side], dim=1)
            raw[target] = self.head(target)(x, group)
        if self.wide is not None:
            for target, skip in self.wide(self.space, batch.inputs).items():
                free = self.head(target).free_count
                raw[target] = raw[target] + (functional.pad(skip, (0, free)) if free else skip)
        finished: dict[str, Tensor] = self.sharing.finish(raw)
        return finished
