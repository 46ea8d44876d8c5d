"""Dynamic key-value memory network: a memory of what a student knows, read and written by concept."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from umbel.data.batch import Batch
from umbel.families.tracing.model.net_tracer import NetTracer, TaskHeads
from umbel.families.tracing.model.parts import SetEmbedding
from umbel.families.tracing.model.tracer import TRACERS
from umbel.sharing.options import whole
from umbel.tasks import TaskSet

__all__ = ["DKVMN", "DKVMNNet", "memories"]


def memories(start: Tensor, place: Tensor, erase: Tensor, add: Tensor) -> Tensor:
    """The value memory before each step.

    M_t+1 = M_t (1 - w_t e_t) + w_t a_t, slot by slot. All factors are made at once; the loop over time is one
    multiplication and addition a step.

    :param start: the memory before the first step, [N, D] for N slots.
    :param place: how much each slot is written, w [B, T, N], each step summing to 1.
    :param erase: e [B, T, D] in [0, 1].
    :param add: a [B, T, D].
    :returns: [B, T, N, D].

    Source: Zhang et al. 2017, eq. 5 to 9.
    """
    where = place.transpose(0, 1)[..., None]  # [T, B, N, 1]
    keep = 1 - where * erase.transpose(0, 1)[:, :, None]  # [T, B, N, D]
    more = where * add.transpose(0, 1)[:, :, None]
    memory = start.expand(place.shape[0], *start.shape)
    found = [memory]
    for kept, new in zip(keep[:-1].unbind(), more[:-1].unbind(), strict=True):
        memory = torch.addcmul(new, memory, kept)
        found.append(memory)
    return torch.stack(found, dim=1)


class DKVMNNet(nn.Module):
    """Keys that do not change say where the memory of a student is read and written.

    :param concepts: C.
    :param width: D of keys, values and the summary.
    :param slots: N of the memory.
    """

    def __init__(self, concepts: int, width: int, slots: int, dropout: float, tasks: TaskSet) -> None:
        super().__init__()
        self.asked = SetEmbedding(concepts, width)
        self.right = SetEmbedding(concepts, width)
        self.wrong = SetEmbedding(concepts, width)
        self.keys = nn.Linear(width, slots, bias=False)
        self.start = nn.Parameter(torch.empty(slots, width))
        nn.init.normal_(self.start, std=0.1)
        self.erase, self.add = nn.Linear(width, width), nn.Linear(width, width)
        self.summary = nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(dropout)
        self.heads = TaskHeads(width, tasks)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Raw outputs by task, [B, T, width + free]."""
        concepts, correct = batch.inputs["concepts"], batch.inputs["correct"]
        assert isinstance(concepts, Tensor)
        assert isinstance(correct, Tensor)
        said = correct[..., None]
        answer = said * self.right(concepts) + (1 - said) * self.wrong(concepts)
        asked = self.asked(concepts)
        place = self.keys(asked).softmax(dim=-1)
        memory = memories(self.start, place, self.erase(answer).sigmoid(), self.add(answer).tanh())
        read = (place[:, :, None] @ memory).squeeze(2)  # [B, T, 1, N] @ [B, T, N, D]
        summary = self.summary(torch.cat([read, asked], dim=-1)).tanh()
        raw: dict[str, Tensor] = self.heads(self.dropout(summary))
        return raw


@TRACERS.register(
    "dkvmn", source="Zhang et al. 2017, Dynamic key-value memory networks for knowledge tracing"
)
class DKVMN(NetTracer):
    """A memory of what a student knows, read and written where the concept's key points.

    The key k of what is asked meets N key slots; the softmax of the products is w. Before the answer the
    memory is read, r = sum of w_i M_i, and tanh(W [r, k] + b) leads to the forecast. After it the memory is
    written: with the answer's vector v, e = sigmoid(E v + b), a = tanh(D v + b), each slot becomes
    M_i (1 - w_i e) + w_i a. The question itself is not looked at.

    Deviations: a step's vectors are the means over its set of concepts, where the paper has one row per
    concept; keys, values and summary have one width; the head is that of the tasks.

    Published AUC on ASSISTments 2009: .816 with rows expanded by concept, which leaks (Zhang et al. 2017);
    .7473 in the question protocol of pyKT (Liu et al. 2022). Here the rows of a question are one step and
    every step is scored.

    A fit to the 175,000 training answers of ASSISTments 2009 takes about 22 CPU-seconds.

    :param slots: of the memory.
    """

    name: ClassVar[str] = "dkvmn"

    def __init__(
        self, *, slots: int = 10, width: int = 50, epochs: int = 8, rate: float = 2e-2, **rest: Any
    ) -> None:
        self.slots = whole(self.name, "slots", slots, least=1)
        super().__init__(slots=slots, width=width, epochs=epochs, rate=rate, **rest)

    def build(self) -> nn.Module:
        """The network."""
        return DKVMNNet(len(self.codes.concepts), self.width, self.slots, self.dropout, self.tasks)
