"""The model: a feature space, a sharing architecture, and a head per target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.data.batch import Batch
from umbel.encoders.space import FeatureSpace
from umbel.errors import ConfigError
from umbel.seeding import derive
from umbel.sharing.heads import GroupEmbedding, Head
from umbel.sharing.sharing import SHARINGS
from umbel.sharing.wide import Wide
from umbel.tasks import TaskSet

__all__ = ["MultiTaskNet", "initialise", "module_name"]


def module_name(target: str) -> str:
    """A target's name as a module's name: torch allows no dot in it, and no attribute's name.

    >>> module_name("box.office")
    'of_box%2Eoffice'
    """
    return "of_" + target.replace("%", "%25").replace(".", "%2E")


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
        try:
            self.sharing = SHARINGS.get(sharing)(width_in, names, **(options or {}))
        except TypeError as error:
            raise ConfigError(
                f"the options of the sharing architecture '{sharing}' must be ones it knows",
                found=str(error),
                remedy="`umbel methods` tells what each may be",
            ) from None
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

    def represent(self, batch: Batch) -> Mapping[str, Tensor]:
        """Representations by target [B, D], what the heads see but for side inputs."""
        x = self.space(batch.inputs)
        if self.groups is not None:
            x = torch.cat([x, self.groups(batch.side["group"])], dim=1)
        shared: Mapping[str, Tensor] = self.sharing(x)
        return shared

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Raw outputs by target, [B, width + free]."""
        return self.answer(batch, self.represent(batch))

    def answer(self, batch: Batch, shared: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Raw outputs of representations that :meth:`represent` gave."""
        group = batch.side.get("group")
        side = batch.side.get("side") if self.side else None
        raw: dict[str, Tensor] = {}
        for target in self.targets:
            x = shared[target] if side is None else torch.cat([shared[target], side], dim=1)
            raw[target] = self.head(target)(x, group)
        if self.wide is not None:
            for target, skip in self.wide(self.space, batch.inputs).items():
                free = self.head(target).free_count
                raw[target] = raw[target] + (functional.pad(skip, (0, free)) if free else skip)
        return raw
