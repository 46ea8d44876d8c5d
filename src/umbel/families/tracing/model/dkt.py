"""Deep knowledge tracing: one recurrent network over answers, one output per concept."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from umbel.data.batch import Batch
from umbel.errors import ConfigError, near
from umbel.families.tracing.model.net_tracer import NetTracer, TaskHeads
from umbel.families.tracing.model.parts import Cell, SetEmbedding, recurrent, shifted
from umbel.families.tracing.model.tracer import TRACERS
from umbel.tasks import TaskSet

__all__ = ["DKT", "DKTNet"]


class DKTNet(nn.Module):
    """A recurrent network over answers; the state before a step meets the step's concepts in the head.

    The paper's output has a weight vector per concept, w_c h + b_c; a step's logit is the mean of those of
    its concepts.

    :param concepts: C.
    :param width: units of the state and of an answer's embedding.
    :param cell: ``lstm`` or ``gru``.
    """

    def __init__(self, concepts: int, width: int, cell: Cell, dropout: float, tasks: TaskSet) -> None:
        super().__init__()
        self.right = SetEmbedding(concepts, width)
        self.wrong = SetEmbedding(concepts, width)
        self.reader = recurrent(cell, width, width)
        self.asked = SetEmbedding(concepts, width + 1)
        self.dropout = nn.Dropout(dropout)
        self.heads = TaskHeads(width + 1, tasks)

    def states(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What is known before each step, [B, T, D], and what the step asks, [B, T, D + 1]: w_c and b_c."""
        concepts, correct = batch.inputs["concepts"], batch.inputs["correct"]
        assert isinstance(concepts, Tensor)
        assert isinstance(correct, Tensor)
        said = correct[..., None]
        answer = said * self.right(concepts) + (1 - said) * self.wrong(concepts)
        state, _ = self.reader(shifted(answer))
        return state, self.asked(concepts)

    def judge(self, state: Tensor, asked: Tensor) -> dict[str, Tensor]:
        """Raw outputs by task, [B, T, width + free], from :meth:`states`."""
        met = self.dropout(state) * asked[..., :-1]
        raw: dict[str, Tensor] = self.heads(torch.cat([met, asked[..., -1:]], dim=-1))
        raw["correct"] = raw["correct"] + met.sum(dim=-1, keepdim=True) + asked[..., -1:]
        return raw

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Raw outputs by task, [B, T, width + free]."""
        return self.judge(*self.states(batch))


@TRACERS.register(
    "dkt", source="Piech et al. 2015, Deep knowledge tracing; GRU form: Chung et al. 2014", summary=""
)
class DKT(NetTracer):
    """A recurrent network over answers, one output per concept.

    An answer enters as the mean embedding of its question's concepts, of one table where it is right and of
    another where it is wrong. The question itself is not looked at.

    :param cell: ``lstm`` or ``gru``.
    """

    name: ClassVar[str] = "dkt"

    def __init__(self, *, cell: Literal["lstm", "gru"] = "lstm", **rest: Any) -> None:
        if cell not in get_args(Cell):
            raise ConfigError(
                "a cell must be one there is", found=f"'{cell}'", remedy=near(cell, get_args(Cell))
            )
        self.cell: Cell = cell
        super().__init__(cell=cell, **rest)

    def build(self) -> nn.Module:
        """The network."""
        return DKTNet(len(self.codes.concepts), self.width, self.cell, self.dropout, self.tasks)
