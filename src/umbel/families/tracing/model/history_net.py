"""What umbel's own networks have in common: Rasch items, the history before each step, and the head."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from umbel.data.batch import Batch
from umbel.errors import ConfigError
from umbel.families.tracing.model.net_tracer import NetTracer, TaskHeads
from umbel.families.tracing.model.rasch import ItemPrior, RaschItems
from umbel.families.tracing.source.attributes import Attributes
from umbel.families.tracing.source.codes import Coded, Codes
from umbel.families.tracing.source.expected import Expected
from umbel.families.tracing.source.history import FEATURES, history
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.sequences import Sequences
from umbel.seeding import numpy_generator
from umbel.sharing.options import fraction, whole
from umbel.tasks import TaskSet
from umbel.training.prior import Prior

__all__ = ["FARTHEST", "HistoryNet", "HistoryTracer"]


FARTHEST = 4.0
"""Standard deviations that a number of the history may lie from its mean: beyond them a network has met too
few to know more (a question never seen, where all of training were answered often)."""
UNSEEN, UNSEEN_TOLD = 0.05, 0.2
"""Share of questions met as if new in training: without attributes, and with them, to be learned."""
NARROWEST = 0.05
"""The least standard deviation a number is divided by: what hardly varies in training must not loom later."""


class HistoryNet(nn.Module):
    """A reader of answers, and a head that sees its state, the item asked, and the history.

    :param questions: Q.
    :param concepts: C.
    :param width: units of items and of the state.
    :param hidden: units of the head's hidden layer.
    :param attributes: numbers that are known about each question.
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
    ) -> None:
        super().__init__()
        self.items = RaschItems(questions, concepts, width, attributes)
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
        told = told.clamp(-FARTHEST, FARTHEST)
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
        about = batch.inputs.get("about")
        assert about is None or isinstance(about, Tensor)
        item, difficulty = self.items(question, concepts, about)
        return self.judge(self.read(item, correct), item, difficulty, features)


class HistoryTracer(NetTracer):
    """A network of Rasch items and of the history before each step.

    Where the training log tells attributes of its questions (``log.about``), they are a part of the items
    (:class:`~umbel.families.tracing.model.rasch.RaschItems`). What tells most of a question, the answers of
    others, is then hidden from some training students: so the network learns what to say of a question that
    nobody has answered yet.

    :param hidden: units of the head's hidden layer.
    :param item_spread: standard deviation of the questions' own difficulties, beside what the rate of a
        question in training says; above 0.
    :param unseen: share of the questions that each training student meets as if they were new, [0, 1): what
        is said of questions of average difficulty (mastery), and of new ones, is learned from them. None: .2
        where questions have attributes, else .05.
    """

    def __init__(
        self,
        *,
        width: int = 64,
        hidden: int = 128,
        item_spread: float = 0.2,
        rate: float = 2e-3,
        epochs: int = 14,
        dropout: float = 0.4,
        tokens: int = 2048,
        unseen: float | None = None,
        **rest: Any,
    ) -> None:
        self.hidden = whole(self.name, "hidden", hidden, least=1)
        if not item_spread > 0:
            raise ConfigError(
                f"'item_spread' of '{self.name}' is above 0",
                found=f"{item_spread!r}",
                remedy="item_spread: 0.2",
            )
        self.item_spread = item_spread
        self.unseen = None if unseen is None else fraction(self.name, "unseen", unseen, below_1=True)
        super().__init__(
            width=width,
            hidden=hidden,
            item_spread=item_spread,
            rate=rate,
            epochs=epochs,
            dropout=dropout,
            tokens=tokens,
            unseen=unseen,
            **rest,
        )
        self.attributes: Attributes | None = None
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

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Q, C, and how many numbers are known about each question."""
        told = 0 if self.attributes is None else self.attributes.width
        return len(self.codes.questions), len(self.codes.concepts), told

    def sequences(self, log: AnswerLog) -> Sequences:
        """A log ready for the network."""
        found = super().sequences(log)
        if self.attributes is None:
            return found
        return replace(found, about=self.attributes(log, found.coded.question))

    def about(self, log: AnswerLog) -> NDArray[np.float32] | None:
        """Attributes of each step's question, [N, A]; None where the model knows of none."""
        if self.attributes is None:
            return None
        table, row = self.attributes(log, self.codes(log).question)
        return table[row]

    def _prepare(self, train: AnswerLog) -> None:
        super()._prepare(train)
        self.attributes = None
        if train.about is not None:
            self.attributes = Attributes.of(train, self.codes.questions, seed=self.seed)
            self.notes["about"] = self.attributes.words
        coded = self.codes(train)
        known = len(self.codes.questions), len(self.codes.concepts)
        self.expected = Expected.of(train, coded, *known, self.seed)
        self._folds = Expected.folds(len(train), self.seed)

    def _training(self, train: AnswerLog) -> Sequences:
        found = super()._training(train)
        share = self.unseen
        if share is None:
            share = UNSEEN if self.attributes is None else UNSEEN_TOLD
        if share and found.coded.question.any():
            coded = self._hidden(train, found.coded, share)
            found = replace(found, coded=coded, features=self.features(train, coded))
        self._folds = None  # from here on, logs are of other students
        assert found.features is not None
        assert isinstance(self.net, HistoryNet)
        told = torch.from_numpy(found.features)
        self.net.get_buffer("centre").copy_(told.mean(dim=0))
        self.net.get_buffer("spread").copy_(told.std(dim=0, correction=0).clamp(min=NARROWEST))
        return found

    def _hidden(self, train: AnswerLog, coded: Coded, share: float) -> Coded:
        """The same with some questions unknown, others for each student, at all of the student's attempts."""
        count = len(self.codes.questions) + 1
        _, pair = np.unique(train.student * count + coded.question, return_inverse=True)
        drawn = numpy_generator(self.seed, "unseen").random(int(pair.max()) + 1)
        return replace(coded, question=np.where(drawn[pair] < share, 0, coded.question))

    def _state(self) -> dict[str, Any]:
        told = {} if self.attributes is None else {"about": self.attributes.state}
        return super()._state() | {"expected": self.expected.state} | told

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.codes = Codes.from_state(state["codes"])
        self.expected = Expected.from_state(state["expected"])
        if "about" in state:
            self.attributes = Attributes.from_state(state["about"], self.codes.questions)
        super()._restore(state)
