"""Context-aware attentive knowledge tracing: attention that fades with distance, Rasch-style questions."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from umbel.data.batch import Batch
from umbel.families.tracing.model.attention import CausalBlock, check_heads
from umbel.families.tracing.model.net_tracer import NetTracer
from umbel.families.tracing.model.rasch import RaschItems, checked_ridge, mean_square
from umbel.families.tracing.model.simplekt import Readout
from umbel.families.tracing.model.tracer import TRACERS
from umbel.sharing.options import whole
from umbel.tasks import TaskSet

__all__ = ["AKT", "AKTNet"]


class AKTNet(nn.Module):
    """Two encoders and a retriever, all of attention that fades with distance.

    :param questions, concepts: Q and C.
    :param width: D.
    :param layers: blocks of either encoder, and of the retriever.
    :param heads: that share the width.
    :param ridge: weight of the squared difficulties in the loss.
    """

    def __init__(
        self,
        questions: int,
        concepts: int,
        width: int,
        layers: int,
        heads: int,
        ridge: float,
        dropout: float,
        tasks: TaskSet,
    ) -> None:
        super().__init__()
        self.questions = RaschItems(questions, concepts, width)
        self.answers = nn.Parameter(torch.empty(2, width))  # g of wrong and of right
        self.answer_directions = nn.Parameter(torch.empty(2, width))
        for vectors in (self.answers, self.answer_directions):
            nn.init.normal_(vectors, std=width**-0.5)

        def blocks(strict: bool) -> nn.ModuleList:
            return nn.ModuleList(
                CausalBlock(width, heads, dropout, strict=strict, decay=True, shared=True)
                for _ in range(layers)
            )

        self.question_encoder, self.answer_encoder = blocks(False), blocks(False)
        self.retriever = blocks(True)
        self.readout = Readout(width, dropout, tasks)
        self.ridge = ridge
        self.penalty: Tensor | None = None

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Raw outputs by task, [B, T, width + free]."""
        question, concepts = batch.inputs["question"], batch.inputs["concepts"]
        correct = batch.inputs["correct"]
        assert isinstance(question, Tensor)
        assert isinstance(concepts, Tensor)
        assert isinstance(correct, Tensor)
        concept, vary, difficulty = self.questions.parts(question, concepts)
        said = correct[..., None]
        asked = concept + difficulty * vary
        x = asked
        y = concept + torch.lerp(self.answers[0], self.answers[1], said)
        y = y + difficulty * (vary + torch.lerp(self.answer_directions[0], self.answer_directions[1], said))
        for block in self.answer_encoder:
            y = block(y, y, y)
        for block in self.question_encoder:
            x = block(x, x, x)
        for block in self.retriever:
            x = block(x, x, y)
        self.penalty = None
        if self.training:
            self.penalty = self.ridge * mean_square(difficulty[..., 0], batch.weights["correct"])
        raw: dict[str, Tensor] = self.readout(x, asked)
        return raw


@TRACERS.register("akt", source="Ghosh et al. 2020, Context-aware attentive knowledge tracing")
class AKT(NetTracer):
    """Attention that fades with distance, over Rasch-style questions and answers.

    A question is x = c_c + mu_q d_c: its concept's vector, moved along the concept's direction by the
    question's scalar difficulty. An answer is y = c_c + g_r + mu_q (d_c + h_r), with vectors g and h for
    right and for wrong. One encoder puts each question in the context of the questions so far, another each
    answer in that of the answers so far, itself included. The retriever asks: queries and keys are the
    encoded questions, values the encoded answers before the step. All three use attention whose scores fade
    with distance (:func:`~umbel.families.tracing.model.attention.decayed`), keys and queries through one map.
    What is retrieved and x go through two layers to the forecast. The loss takes in ``ridge`` times the mean
    over steps of mu_q squared.

    Deviations: a step's vectors are the means over its set of concepts, where the paper has one row per
    concept; the distance is that of the paper, where the published code takes its root; the head is that of
    the tasks; dropout is not in the attention weights; students longer than a window go through in windows
    that overlap, each answer scored once. A question without a known number has difficulty 0.

    Published AUC on ASSISTments 2009: .835 with rows expanded by concept, which leaks (Ghosh et al. 2020);
    .7853 in the question protocol of pyKT (Liu et al. 2022). Here the rows of a question are one step and
    every step is scored.

    A fit to the 175,000 training answers of ASSISTments 2009 takes about 62 CPU-seconds.

    :param layers: blocks of either encoder, and of the retriever.
    :param heads: of the attention; width is a multiple of it.
    :param ridge: weight of the squared difficulties, 0 or more.
    """

    name: ClassVar[str] = "akt"
    longest = 200
    context = 50

    def __init__(
        self,
        *,
        layers: int = 1,
        heads: int = 4,
        ridge: float = 1e-5,
        width: int = 64,
        epochs: int = 6,
        **rest: Any,
    ) -> None:
        self.layers = whole(self.name, "layers", layers, least=1)
        self.attention_heads = whole(self.name, "heads", heads, least=1)
        check_heads(self.name, whole(self.name, "width", width, least=1), heads)
        self.ridge = checked_ridge(self.name, ridge)
        super().__init__(layers=layers, heads=heads, ridge=ridge, width=width, epochs=epochs, **rest)

    def build(self) -> nn.Module:
        """The network."""
        return AKTNet(
            len(self.codes.questions),
            len(self.codes.concepts),
            self.width,
            self.layers,
            self.attention_heads,
            self.ridge,
            self.dropout,
            self.tasks,
        )
