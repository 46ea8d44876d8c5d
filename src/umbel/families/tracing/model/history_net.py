"""What umbel's own networks have in common: Rasch items, the history before each step, and the head."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from umbel.data.batch import Batch
from umbel.errors import ConfigError
from umbel.families.tracing.model.net_tracer import NetTracer, TaskHeads
from umbel.families.tracing.model.rasch_items import ItemPrior, RaschItems
from umbel.families.tracing.source.codes import Coded, Codes
from umbel.families.tracing.source.expected import Expected
from umbel.families.tracing.source.history import FEATURES, history
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.sequences import Sequences
from umbel.sharing.options import whole
from umbel.tasks import TaskSet
from umbel.training.prior import Prior

__all__ = ["HistoryNet", "HistoryTracer"]


class HistoryNet(nn.Module):
    """A reader of answers, and a head that sees its state, the item asked, and the history.

    :param questions: Q.
    :param concepts: C.
    :param width: units of items and of the state.
    :param hidden: units of the head's hidden layer.
    """

    def __init__(
        self, questions: int, concepts: int, width: int, hidden: int, dropout: float, tasks: TaskSet
    ) -> None:
        super().__init__()
        self.items = RaschItems(questions, concepts, width)
        self.register_buffer("centre", torch.zeros(len(FEATURES)))
        self.register_buffer("spread", torch.ones(len(FEATURES)))
        self.inner = nn.Linear(2 * width + len(FEATURES) + 1, hidden)
        self.dropout = nn.Dropout(dropout)
        self.heads = TaskHeads(hidden + 1, tasks)

    def scalars(self) -> list[nn.Parameter]:
        """Numbers that few steps teach, and that need longer ones."""
        return [self.items.difficulty]

    @abstractmethod
    def read(self, item: Tensor, correct: Tensor) -> Tensor:
        """The state before each step, [B, T, width], from items [B, T, width] and answers [B, T]."""

    def judge(self, state: Tensor, item: Tensor, difficulty: Tensor, features: Tensor) -> dict[str, Tensor]:
        """Raw outputs by task, [B, T, width + free], from what is known before each step."""
        told = (features - self.get_buffer("centre")) / self.get_buffer("spread")
        seen = torch.cat([self.dropout(state), item, told, difficulty[..., None]], dim=-1)
        met = self.dropout(torch.relu(self.inner(seen)))
        raw: dict[str, Tensor] = self.heads(torch.cat([met, difficulty[..., None]], dim=-1))
        raw["correct"] = raw["correct"] - difficulty[..., None]
        return raw

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Raw outputs by task, [B, T, width + free]."""
        question, concepts, correct, features = (
            batch.inputs[name] for name in ("question", "concepts", "correct", "features")
        )
        assert isinstance(question, Tensor)
        assert isinstance(concepts, Tensor)
        assert isinstance(correct, Tensor)
        assert isinstance(features, Tensor)
        item, difficulty = self.items(question, concepts)
        return self.judge(self.read(item, correct), item, difficulty, features)


class HistoryTracer(NetTracer):
    """A network of Rasch items and of the history before each step.

    :param hidden: units of the head's hidden layer.
    :param item_spread: standard deviation of the questions' own difficulties, beside what the rate of a
        question in training says; above 0.
    """

    def __init__(
        self,
        *,
        width: int = 64,
        hidden: int = 64,
        item_spread: float = 0.125,
        rate: float = 2e-3,
        dropout: float = 0.4,
        tokens: int = 2048,
        **rest: Any,
    ) -> None:
        self.hidden = whole(self.name, "hidden", hidden, least=1)
        if not item_spread > 0:
            raise ConfigError(
                f"'item_spread' of '{self.name}' is above 0",
                found=f"{item_spread!r}",
                remedy="item_spread: 0.125",
            )
        self.item_spread = item_spread
        super().__init__(
            width=width,
            hidden=hidden,
            item_spread=item_spread,
            rate=rate,
            dropout=dropout,
            tokens=tokens,
            **rest,
        )
        self.expected = Expected(np.zeros((2, 5, 1)), np.zeros((2, 5, 1)))
        self._folds: NDArray[np.int64] | None = None

    @property
    def average_rate(self) -> float:
        """Share of correct answers in training."""
        return float(self.tasks.targets[0].kind.fitted["rate"])

    def prior(self) -> Prior:
        """Of the difficulties."""
        return ItemPrior(self.item_spread)

    def features(self, log: AnswerLog, coded: Coded) -> NDArray[np.float32]:
        """The history before each step, [N, 22]."""
        return history(log, coded, self.expected(log, coded, self._folds), self.average_rate)

    def _prepare(self, train: AnswerLog) -> None:
        super()._prepare(train)
        coded = self.codes(train)
        known = len(self.codes.questions), len(self.codes.concepts)
        self.expected = Expected.of(train, coded, *known, self.seed)
        self._folds = Expected.folds(len(train), self.seed)

    def _training(self, train: AnswerLog) -> Sequences:
        found = super()._training(train)
        self._folds = None  # from here on, logs are of other students
        assert found.features is not None
        assert isinstance(self.net, HistoryNet)
        told = torch.from_numpy(found.features)
        self.net.get_buffer("centre").copy_(told.mean(dim=0))
        self.net.get_buffer("spread").copy_(told.std(dim=0, correction=0).clamp(min=1e-3))
        return found

    def _state(self) -> dict[str, Any]:
        return super()._state() | {"expected": self.expected.state}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.codes = Codes.from_state(state["codes"])
        self.expected = Expected.from_state(state["expected"])
        super()._restore(state)
