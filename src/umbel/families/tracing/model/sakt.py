"""Self-attentive knowledge tracing: a question asks the answers before it."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from umbel.data.batch import Batch
from umbel.families.tracing.model.attention import CausalBlock, Positions, check_heads
from umbel.families.tracing.model.net_tracer import NetTracer, TaskHeads
from umbel.families.tracing.model.parts import SetEmbedding
from umbel.families.tracing.model.tracer import TRACERS
from umbel.sharing.options import whole
from umbel.tasks import TaskSet

__all__ = ["SAKT", "SAKTNet"]


class SAKTNet(nn.Module):
    """One block of attention: queries are what is asked, keys and values are answers.

    :param concepts: C.
    :param width: D.
    :param heads: that share the width.
    :param longest: steps of a window at most.
    """

    def __init__(
        self, concepts: int, width: int, heads: int, longest: int, dropout: float, tasks: TaskSet
    ) -> None:
        super().__init__()
        self.right = SetEmbedding(concepts, width)
        self.wrong = SetEmbedding(concepts, width)
        self.asked = SetEmbedding(concepts, width)
        self.positions = Positions(longest, width)
        self.block = CausalBlock(width, heads, dropout, strict=True)
        self.heads = TaskHeads(width, tasks)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Raw outputs by task, [B, T, width + free]."""
        concepts, correct = batch.inputs["concepts"], batch.inputs["correct"]
        assert isinstance(concepts, Tensor)
        assert isinstance(correct, Tensor)
        said = correct[..., None]
        answer = self.positions(said * self.right(concepts) + (1 - said) * self.wrong(concepts))
        raw: dict[str, Tensor] = self.heads(self.block(self.asked(concepts), answer, answer))
        return raw


@TRACERS.register("sakt", source="Pandey & Karypis 2019, A self-attentive model for knowledge tracing")
class SAKT(NetTracer):
    """One layer of attention of the asked concepts to the answers before.

    An answer is the vector of its concept and of whether it was right, plus a vector of its place in the
    window; answers are keys and values. The query is the vector of the concept that is asked now. Heads of
    dot-product attention look only at answers before, and two layers, residuals and norms lead to the
    forecast. The question itself is not looked at.

    Deviations: a step's vectors are the means over its set of concepts, where the paper has one row per
    concept; the head is that of the tasks; dropout is not in the attention weights; students longer than a
    window go through in windows that overlap, each answer scored once.

    Published AUC on ASSISTments 2009: .848 (Pandey & Karypis 2019, their own split), .7246 in the question
    protocol of pyKT (Liu et al. 2022). Here the rows of a question are one step and every step is scored.

    A fit to the 175,000 training answers of ASSISTments 2009 takes about 18 CPU-seconds.

    :param heads: of the attention; width is a multiple of it.
    """

    name: ClassVar[str] = "sakt"
    longest = 200
    context = 50

    def __init__(
        self,
        *,
        heads: int = 4,
        width: int = 64,
        epochs: int = 8,
        rate: float = 5e-3,
        dropout: float = 0.1,
        **rest: Any,
    ) -> None:
        self.attention_heads = whole(self.name, "heads", heads, least=1)
        check_heads(self.name, whole(self.name, "width", width, least=1), heads)
        super().__init__(heads=heads, width=width, epochs=epochs, rate=rate, dropout=dropout, **rest)

    def build(self) -> nn.Module:
        """The network."""
        assert self.longest is not None
        return SAKTNet(
            len(self.codes.concepts),
            self.width,
            self.attention_heads,
            self.longest,
            self.dropout,
            self.tasks,
        )
