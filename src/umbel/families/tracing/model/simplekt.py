"""simpleKT: plain attention over questions that vary about their concepts."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.data.batch import Batch
from umbel.families.tracing.model.attention import CausalBlock, Positions, check_heads
from umbel.families.tracing.model.net_tracer import NetTracer, TaskHeads
from umbel.families.tracing.model.rasch import RaschItems
from umbel.families.tracing.model.tracer import TRACERS
from umbel.sharing.options import whole
from umbel.tasks import TaskSet

__all__ = ["Readout", "SimpleKT", "SimpleKTNet"]


class Readout(nn.Module):
    """From what a student knows and what is asked to the heads: two layers over both.

    :param width: D of either.
    :param dropout: [0, 1), between the layers.
    :param tasks: the tasks.
    """

    def __init__(self, width: int, dropout: float, tasks: TaskSet) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(2 * width, 2 * width), nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(dropout)
        self.heads = TaskHeads(width, tasks)

    def forward(self, known: Tensor, asked: Tensor) -> dict[str, Tensor]:
        """[B, T, D] each to raw outputs by task, [B, T, width + free]."""
        x = self.dropout(functional.relu(self.first(torch.cat([known, asked], dim=-1))))
        raw: dict[str, Tensor] = self.heads(self.dropout(functional.relu(self.second(x))))
        return raw


class SimpleKTNet(nn.Module):
    """Blocks of attention: queries and keys are questions, values are answers.

    :param questions, concepts: Q and C.
    :param width: D.
    :param layers: blocks, one after another.
    :param heads: that share the width.
    :param longest: steps of a window at most.
    """

    def __init__(
        self,
        questions: int,
        concepts: int,
        width: int,
        layers: int,
        heads: int,
        longest: int,
        dropout: float,
        tasks: TaskSet,
    ) -> None:
        super().__init__()
        self.questions = RaschItems(questions, concepts, width)
        self.answers = nn.Parameter(torch.empty(2, width))
        nn.init.normal_(self.answers, std=width**-0.5)
        self.positions = Positions(longest, width)
        self.blocks = nn.ModuleList(CausalBlock(width, heads, dropout, strict=True) for _ in range(layers))
        self.readout = Readout(width, dropout, tasks)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Raw outputs by task, [B, T, width + free]."""
        question, concepts = batch.inputs["question"], batch.inputs["concepts"]
        correct = batch.inputs["correct"]
        assert isinstance(question, Tensor)
        assert isinstance(concepts, Tensor)
        assert isinstance(correct, Tensor)
        concept, vary, difficulty = self.questions.parts(question, concepts)
        asked = concept + difficulty * vary
        answer = self.positions(concept + torch.lerp(self.answers[0], self.answers[1], correct[..., None]))
        x = self.positions(asked)
        for block in self.blocks:
            x = block(x, x, answer)
        raw: dict[str, Tensor] = self.readout(x, asked)
        return raw


@TRACERS.register(
    "simplekt",
    source="Liu et al. 2023, simpleKT: a simple but tough-to-beat baseline for knowledge tracing",
)
class SimpleKT(NetTracer):
    """Plain attention over questions that vary about their concepts.

    A question is x = z_c + m_q n_c: its concept's vector, moved along the concept's direction by the
    question's difficulty. An answer is y = z_c + r: the concept's vector plus one of two vectors, for right
    and for wrong. Dot-product attention has the questions as queries and keys and the answers before as
    values; what it finds and x go through two layers to the forecast.

    Deviations: the difficulty is a scalar per question, as in Ghosh et al. 2020, where the published code of
    simpleKT learns a vector of the full width; a step's vectors are the means over its set of concepts, where
    the paper has one row per concept; positions are learned; the head is that of the tasks; dropout is not
    in the attention weights; students longer than a window go through in windows that overlap, each answer
    scored once. Questions with a few answers are soon learned by heart, so few epochs do.

    Published AUC on ASSISTments 2009: .7744 in the question protocol of pyKT (Liu et al. 2023). Here the rows
    of a question are one step and every step is scored.

    A fit to the 175,000 training answers of ASSISTments 2009 takes about 25 CPU-seconds.

    :param layers: blocks of attention.
    :param heads: of the attention; width is a multiple of it.
    """

    name: ClassVar[str] = "simplekt"
    longest = 200
    context = 50

    def __init__(
        self, *, layers: int = 2, heads: int = 4, width: int = 64, epochs: int = 6, **rest: Any
    ) -> None:
        self.layers = whole(self.name, "layers", layers, least=1)
        self.attention_heads = whole(self.name, "heads", heads, least=1)
        check_heads(self.name, whole(self.name, "width", width, least=1), heads)
        super().__init__(layers=layers, heads=heads, width=width, epochs=epochs, **rest)

    def build(self) -> nn.Module:
        """The network."""
        assert self.longest is not None
        return SimpleKTNet(
            len(self.codes.questions),
            len(self.codes.concepts),
            self.width,
            self.layers,
            self.attention_heads,
            self.longest,
            self.dropout,
            self.tasks,
        )
