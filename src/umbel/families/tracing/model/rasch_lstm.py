"""umbel's own model: a recurrent network over Rasch-style items, and a head that is fed the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from umbel.families.tracing.model.asking import as_log
from umbel.families.tracing.model.calibration import Calibrator
from umbel.families.tracing.model.history_net import HistoryTracer
from umbel.families.tracing.model.online import Names
from umbel.families.tracing.model.rasch_follower import RaschFollower
from umbel.families.tracing.model.rasch_lstm_net import RaschLSTMNet
from umbel.families.tracing.model.rasch_pool import RaschPool
from umbel.families.tracing.model.rasch_tables import RaschTables
from umbel.families.tracing.model.tracer import TRACERS, Tracer
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.probes import Probes

__all__ = ["RaschLSTM"]


@TRACERS.register(
    "rasch_lstm",
    source="umbel; after Piech et al. 2015 (LSTM), Ghosh et al. 2020 (items), Pavlik et al. 2009 (counts)",
)
class RaschLSTM(HistoryTracer):
    """An LSTM over Rasch items whose head also sees counts and rates of the history.

    Three sources meet: what the student did lately (the state), how hard the question is (its rate among
    training students and a difficulty of its own), and how often the student met the question and its
    concepts, and with what success. None of them holds an answer that comes later.

    In service a question of training has the attributes that the training log told. Of one that was not
    there no attributes are known to :meth:`update` and :meth:`forecast`: in all that they tell it is a mean
    question. The methods of whole logs, and those of a pool, can be told them.
    """

    name: ClassVar[str] = "rasch_lstm"
    _following: RaschFollower | None = None

    def build(self) -> RaschLSTMNet:
        """The network."""
        questions, concepts, told = self.sizes
        return RaschLSTMNet(questions, concepts, self.width, self.hidden, self.dropout, self.tasks, told)

    # ---- in service ----

    def _follower(self) -> RaschFollower:
        if self._following is None:
            assert isinstance(self.net, RaschLSTMNet)
            tables = RaschTables(self.net, None if self.attributes is None else self.attributes.known)
            self._following = RaschFollower(
                tables, Names(self.codes), self.expected, self.average_rate, self._calibrator
            )
        return self._following

    def begin(self) -> dict[str, Any]:
        """The state of a student of whom nothing is known."""
        return self._follower().begin()

    def update(
        self, state: dict[str, Any], question: str | None, concepts: Sequence[str], correct: float
    ) -> dict[str, Any]:
        """The state after one more answer, in constant time; it is changed in place."""
        return self._follower().update(state, question, concepts, correct)

    def forecast(self, state: Mapping[str, Any], question: str | None, concepts: Sequence[str]) -> float:
        """Calibrated probability that the student would answer this question right now."""
        return self._follower().forecast(state, question, concepts)

    def pool(self, students: int) -> RaschPool:
        """Students followed together.

        :param students: how many, all new.
        """
        follower = self._follower()
        return RaschPool(follower.tables, self.expected, self.average_rate, self._calibrator, students)

    def fit(self, *logs: Any, **rest: Any) -> Tracer:
        """See :meth:`Tracer.fit`."""
        self._following = None
        return super().fit(*logs, **rest)

    def _ask(self, log: AnswerLog, probes: Probes) -> NDArray[np.float64]:
        """Forecasts of probes at the end of each student's answers, from the state there."""
        pool = self.followed(log)
        asked = as_log(log, probes)
        coded, about = self.codes(asked), self.about(asked)
        students = np.repeat(np.arange(len(log), dtype=np.int64), len(probes))
        question = np.tile(coded.question, len(log))
        concepts = np.tile(coded.table[coded.sets], (len(log), 1))
        pool.calibrator = Calibrator()
        told = None if about is None else np.tile(about, (len(log), 1))
        return pool.forecast(students, question, concepts, told).reshape(len(log), len(probes))

    def followed(self, log: AnswerLog) -> RaschPool:
        """All students of a log, after all of their answers."""
        pool = self.pool(len(log))
        coded, about = self.codes(log), self.about(log)
        table = coded.table[coded.sets]
        order = np.argsort(-log.lengths, kind="stable")
        starts, lengths = log.offsets[:-1][order], log.lengths[order]
        for place in range(int(lengths.max(initial=0))):
            active = int(np.searchsorted(-lengths, -place, side="left"))
            at = starts[:active] + place
            told = None if about is None else about[at]
            pool.update(order[:active], coded.question[at], table[at], log.correct[at], told)
        return pool
