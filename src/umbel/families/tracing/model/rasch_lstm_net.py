"""The network of umbel's own recurrent model."""

from __future__ import annotations

import torch
from torch import Tensor

from umbel.families.tracing.model.history_net import HistoryNet
from umbel.families.tracing.model.parts import read_through, recurrent, shifted
from umbel.tasks import TaskSet

__all__ = ["RaschLSTMNet"]


class RaschLSTMNet(HistoryNet):
    """An LSTM reads items on the side of right or of wrong answers."""

    def __init__(
        self,
        questions: int,
        concepts: int,
        width: int,
        hidden: int,
        dropout: float,
        tasks: TaskSet,
        attributes: int = 0,
    ) -> None:
        super().__init__(questions, concepts, width, hidden, dropout, tasks, attributes)
        self.reader = recurrent("lstm", 2 * width, width)

    def read(self, item: Tensor, correct: Tensor) -> Tensor:
        """The LSTM's output before each step."""
        said = correct[..., None]
        return read_through(self.reader, shifted(torch.cat([item * said, item * (1 - said)], dim=-1)))
