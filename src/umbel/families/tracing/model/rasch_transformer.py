"""umbel's own transformer: attention over Rasch items and answers, and a head that is fed the history."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from umbel.families.tracing.model.attention import CausalBlock, check_heads
from umbel.families.tracing.model.history_net import HistoryNet, HistoryTracer
from umbel.families.tracing.model.tracer import TRACERS
from umbel.sharing.options import fraction, whole
from umbel.tasks import TaskSet

__all__ = ["RaschTransformer", "RaschTransformerNet"]


class RaschTransformerNet(HistoryNet):
    """Blocks of attention that fades with distance read items on the side of right or of wrong answers.

    All but the last block put each answer into the context of the answers so far, itself included. In the
    last one the item asked looks at the items before it, and finds their answers.

    :param questions, concepts, width, hidden, dropout, tasks, attributes: see :class:`HistoryNet`.
    :param layers: blocks, at least 1.
    :param heads: that share the width.
    :param inner_dropout: within the blocks, [0, 1).
    """

    def __init__(
        self,
        questions: int,
        concepts: int,
        width: int,
        hidden: int,
        dropout: float,
        tasks: TaskSet,
        attributes: int = 0,
        *,
        layers: int = 1,
        heads: int = 2,
        inner_dropout: float = 0.1,
    ) -> None:
        super().__init__(questions, concepts, width, hidden, dropout, tasks, attributes)
        self.into = nn.Linear(2 * width, width)
        self.blocks = nn.ModuleList(
            CausalBlock(width, heads, inner_dropout, strict=last, decay=True)
            for last in [False] * (layers - 1) + [True]
        )

    def read(self, item: Tensor, correct: Tensor) -> Tensor:
        """What the item asked finds in the answers before it; the first step finds nothing."""
        said = correct[..., None]
        answer = self.into(torch.cat([item * said, item * (1 - said)], dim=-1))
        *earlier, last = self.blocks
        for block in earlier:
            answer = block(answer, answer, answer)
        found: Tensor = last(item, item, answer)
        return found


@TRACERS.register(
    "rasch_transformer",
    source="umbel; after Vaswani et al. 2017 (attention), Ghosh et al. 2020 (decay, items), "
    "Pavlik et al. 2009 (counts)",
)
class RaschTransformer(HistoryTracer):
    """Attention over Rasch items and answers whose head also sees counts and rates of the history.

    The counterpart of :class:`~umbel.families.tracing.model.rasch_lstm.RaschLSTM`: what the student did is
    not carried along but looked up, by likeness to the item asked and by distance. The history that the head
    sees is that of all answers; the attention sees those of a window. Students longer than a window go
    through in windows that overlap, each answer scored once.

    It has no state of constant size, so it follows no student in service: there the LSTM does as well. A fit
    to the 175,000 training answers of ASSISTments 2009 takes about 40 CPU-seconds; a second layer takes half
    as much more and gave nothing there.

    :param layers: blocks of attention.
    :param heads: of the attention; width is a multiple of it.
    :param inner_dropout: share of units left out within the blocks, [0, 1); ``dropout`` is that of the head.
    """

    name: ClassVar[str] = "rasch_transformer"
    longest = 96
    context = 16

    def __init__(
        self,
        *,
        layers: int = 1,
        heads: int = 2,
        width: int = 64,
        inner_dropout: float = 0.1,
        item_spread: float = 0.15,
        **rest: Any,
    ) -> None:
        self.layers = whole(self.name, "layers", layers, least=1)
        self.attention_heads = whole(self.name, "heads", heads, least=1)
        check_heads(self.name, whole(self.name, "width", width, least=1), heads)
        self.inner_dropout = fraction(self.name, "inner_dropout", inner_dropout, below_1=True)
        super().__init__(
            layers=layers,
            heads=heads,
            width=width,
            inner_dropout=inner_dropout,
            item_spread=item_spread,
            **rest,
        )

    def build(self) -> RaschTransformerNet:
        """The network."""
        questions, concepts, told = self.sizes
        return RaschTransformerNet(
            questions,
            concepts,
            self.width,
            self.hidden,
            self.dropout,
            self.tasks,
            told,
            layers=self.layers,
            heads=self.attention_heads,
            inner_dropout=self.inner_dropout,
        )
