"""The model: a feature space, a sharing architecture, and a head per target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.data.batch import Batch
from umbel.encoders.fusion import concatenate
from umbel.encoders.space import FeatureSpace
from umbel.seeding import derive
from umbel.sharing.heads import GroupEmbedding, Head
from umbel.sharing.naming import module_name
from umbel.sharing.sharing import Sharing, Tensors, make_sharing
from umbel.sharing.token_head import TokenHead
from umbel.sharing.wide import Wide
from umbel.tasks import Kind, TaskSet
from umbel.tasks.speech import Speech
from umbel.tasks.tokens import Tokens

__all__ = ["MultiTaskNet", "head_of", "initialise", "module_name"]


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
    :param side: width of further side inputs ``batch.side["side"]`` [B, side] that join every head, beside
        those that the space has columns of.
    :raises ConfigError: the sharing architecture is unknown, does not know one of its options, or has no
        meaning for the kind of a target.
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
        self.sharing.check_kinds({target.name: target.kind for target in tasks.targets})
        self.side = side
        self.targets = {name: module_name(name) for name in names}
        self.heads = nn.ModuleDict(
            {
                self.targets[t.name]: head_of(
                    t.kind, self.sharing.out + side + self.space.side, groups=groups, hidden=hidden
                )
                for t in tasks.targets
            }
        )
        # logits of tokens are not among the raw outputs: a text has no linear skip
        widths = {
            t.name: t.kind.width for t in tasks.targets if t.name in wide and not isinstance(t.kind, Tokens)
        }
        self.wide = Wide(space, widths) if widths else None

    def head(self, target: str) -> Head | TokenHead:
        """The head of a target."""
        head = self.heads[self.targets[target]]
        assert isinstance(head, Head | TokenHead)
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
        raw: dict[str, Tensor] = {}
        for target, x in self._represented(batch, shared).items():
            head = self.head(target)
            if isinstance(head, TokenHead):
                raw[target] = head(x, group, batch.targets[target], batch.weights[target])
            else:
                raw[target] = head(x, group)
        if self.wide is not None:
            for target, skip in self.wide(self.space, batch.inputs).items():
                free = self.head(target).free_count
                raw[target] = raw[target] + (functional.pad(skip, (0, free)) if free else skip)
        finished: dict[str, Tensor] = self.sharing.finish(raw)
        return finished

    def write(self, batch: Batch, speech: Mapping[str, Speech]) -> dict[str, Tensor]:
        """Texts of targets that are written, by target, [B, T] long; no answer is looked at.

        :param speech: how each is written, by target.
        """
        shared = dict.fromkeys(speech, self.shared(batch))
        found: dict[str, Tensor] = {}
        for target, x in self._represented(batch, shared).items():
            head = self.head(target)
            assert isinstance(head, TokenHead), "only a target of tokens is written"
            found[target] = head.write(x, speech[target], batch.side.get("group"))
        return found

    def _represented(self, batch: Batch, shared: Mapping[str, Tensors]) -> dict[str, Tensor]:
        """What each head is given, [B, D]: the target's representation, and the side inputs."""
        given = [batch.side["side"]] if self.side else []
        columns = self.space.side_features(batch.inputs)
        side = (
            concatenate(given if columns is None else [*given, columns])
            if given or columns is not None
            else None
        )
        owns = {target: self.sharing.own(found, target) for target, found in shared.items()}
        return {t: own if side is None else torch.cat([own, side], dim=1) for t, own in owns.items()}


def head_of(kind: Kind, width_in: int, *, groups: int = 0, hidden: int = 0) -> Head | TokenHead:
    """The head that a kind needs.

    :param kind: fitted.
    :param width_in: representation and side inputs together, D.
    :param groups: groups of the rows layout.
    :param hidden: units of a hidden layer; a head of tokens has its own decoder instead.
    """
    if isinstance(kind, Tokens):
        return TokenHead(width_in, kind.width, kind.length, kind.decoder, groups=groups)
    return Head(width_in, kind.width, kind.free, groups=groups, hidden=hidden)
