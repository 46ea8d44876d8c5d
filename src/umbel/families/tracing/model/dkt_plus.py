"""DKT+: deep knowledge tracing that agrees with what it saw and does not waver."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.data.batch import Batch
from umbel.errors import ConfigError
from umbel.families.tracing.model.dkt import DKT, DKTNet
from umbel.families.tracing.model.parts import Cell
from umbel.families.tracing.model.tracer import TRACERS
from umbel.sharing.heads import Head
from umbel.tasks import TaskSet

__all__ = ["DKTPlus", "DKTPlusNet"]


class DKTPlusNet(DKTNet):
    """The network of DKT with three terms in its loss, kept in ``penalty`` while it trains.

    :param concepts: C.
    :param width: units of the state and of an answer's embedding, D.
    :param cell: ``lstm`` or ``gru``.
    :param strengths: weights of reconstruction and of the two wavinesses.
    """

    def __init__(
        self,
        concepts: int,
        width: int,
        cell: Cell,
        dropout: float,
        tasks: TaskSet,
        strengths: tuple[float, float, float],
    ) -> None:
        super().__init__(concepts, width, cell, dropout, tasks)
        self.strengths = strengths
        self.penalty: Tensor | None = None

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Raw outputs by task, [B, T, width + free]."""
        state, asked = self.states(batch)
        raw = self.judge(state, asked)
        self.penalty = None
        if self.training:
            correct = batch.inputs["correct"]
            assert isinstance(correct, Tensor)
            terms = self.inconsistency(state, asked, correct, batch.weights["correct"] != 0)
            self.penalty = (torch.stack(terms) * state.new_tensor(self.strengths)).sum()
        return raw

    def inconsistency(
        self, state: Tensor, asked: Tensor, correct: Tensor, there: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """How far forecasts are from what was just seen, and how much they move from step to step.

        :param state: before each step, [B, T, D].
        :param asked: vectors and biases of what is asked, [B, T, D + 1].
        :param correct: the answers, [B, T].
        :param there: which steps are no padding, [B, T] bool.
        :returns: the reconstruction error, mean over pairs of neighbouring steps; the mean absolute and the
            mean squared change between them, over pairs and all C concepts; three scalars.
        """
        pair = (there[:, 1:] & there[:, :-1]).to(state.dtype)  # [B, T - 1]
        pairs = pair.sum().clamp(min=1)
        head = self.heads.heads["task correct"]
        assert isinstance(head, Head)
        scale = 1 + head.weight[0]  # the head's weights come on top of the concepts' own
        before = asked[:, :-1] * scale
        again = (state[:, 1:] * before[..., :-1]).sum(dim=-1) + before[..., -1] + head.bias
        error = functional.binary_cross_entropy_with_logits(again, correct[:, :-1], reduction="none")
        each = self.asked.weight[1:] * scale  # [C, D + 1]
        forecast = functional.linear(state, each[:, :-1], each[:, -1] + head.bias).sigmoid()
        change = forecast[:, 1:] - forecast[:, :-1]  # [B, T - 1, C]
        of_all = pairs * max(1, len(each))
        return (
            (error * pair).sum() / pairs,
            (change.abs().sum(dim=-1) * pair).sum() / of_all,
            (change.square().sum(dim=-1) * pair).sum() / of_all,
        )


@TRACERS.register(
    "dkt_plus",
    source="Yeung & Yeung 2018, Addressing two problems in deep knowledge tracing via prediction-consistent "
    "regularization",
)
class DKTPlus(DKT):
    """DKT held to what it has just seen, and to small changes from step to step.

    Three terms join the loss of :class:`~umbel.families.tracing.model.dkt.DKT`. Reconstruction: the cross
    entropy between an answer and the forecast of the same concept right after it. Waviness: the mean
    absolute and the mean squared change of the forecasts of all concepts between neighbouring steps.

    Deviations: the paper's changes run from the forecast after the first answer to that after the last; here
    from the forecast before the first answer, which is scored too, to that before the last. A step with
    several concepts is reconstructed as one. Dropout is left out of the three terms: its noise would swamp
    the changes. They are about correctness alone, whatever further tasks there are.

    Published AUC on ASSISTments 2009: .823, and .821 of DKT beside it, with an LSTM of 200 units, the weights
    that are the defaults here, and rows expanded by concept, which leaks (Yeung & Yeung 2018). Here the rows
    of a question are one step and every step is scored.

    A fit to the 175,000 training answers of ASSISTments 2009 takes about 20 CPU-seconds.

    :param reconstruction: weight of the reconstruction error, 0 or more.
    :param waviness_1: weight of the mean absolute change, 0 or more.
    :param waviness_2: weight of the mean squared change, 0 or more.
    :param cell: ``lstm`` or ``gru``.
    """

    name: ClassVar[str] = "dkt_plus"

    def __init__(
        self,
        *,
        reconstruction: float = 0.1,
        waviness_1: float = 0.003,
        waviness_2: float = 3.0,
        cell: Literal["lstm", "gru"] = "lstm",
        **rest: Any,
    ) -> None:
        terms = {"reconstruction": reconstruction, "waviness_1": waviness_1, "waviness_2": waviness_2}
        for term, weight in terms.items():
            if not weight >= 0:
                raise ConfigError(
                    f"'{term}' of '{self.name}' must be 0 or more",
                    found=f"{term}: {weight!r}",
                    remedy=f"{term}: 0, to leave the term out",
                )
        self.strengths = (reconstruction, waviness_1, waviness_2)
        super().__init__(cell=cell, **terms, **rest)

    def build(self) -> nn.Module:
        """The network."""
        return DKTPlusNet(
            len(self.codes.concepts), self.width, self.cell, self.dropout, self.tasks, self.strengths
        )
