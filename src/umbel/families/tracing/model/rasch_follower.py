"""One student followed by a Rasch LSTM, answer by answer, at a cost that does not grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from umbel.families.tracing.model.calibration import Calibrator
from umbel.families.tracing.model.online import Names
from umbel.families.tracing.model.rasch_tables import RaschTables
from umbel.families.tracing.source.expected import HEARD, OF_QUESTION, Expected
from umbel.families.tracing.source.history import FAST, SLOW, Past, columns

__all__ = ["RaschFollower"]


MOST_ITEMS = 8192
"""Questions whose numbers are kept at hand, some 2 kB each; beyond them all are computed afresh."""


@dataclass(frozen=True)
class _Item:
    """A question as it was put: its numbers, and what a wrong or a right answer adds to the gates."""

    asked: int
    known: list[int]
    names: list[str]
    expected: float
    wrong: NDArray[np.float32]
    right: NDArray[np.float32]


class RaschFollower:
    """See :class:`~umbel.families.tracing.model.online.Online`.

    A state holds the network's output and cell (``memory``, two arrays [W] float32: 512 bytes at width 64),
    seven running numbers, and a short row for each concept and question the student has met.

    :param tables: the network.
    :param names: numbers of questions and concepts.
    :param expected: rates of training students.
    :param rate: average share of right answers in training.
    :param calibrator: of the forecasts.
    """

    def __init__(
        self, tables: RaschTables, names: Names, expected: Expected, rate: float, calibrator: Calibrator
    ) -> None:
        self.tables, self.names, self.rate, self.calibrator = tables, names, rate, calibrator
        rates, seen, won = expected.tables()
        self.rates, self.seen, self.won = rates.tolist(), seen.tolist(), won.tolist()
        self.average = expected.rate
        self._read = tables.reader()
        self._met: dict[tuple[str | None, tuple[str, ...]], _Item] = {}

    def _item(self, question: str | None, concepts: Sequence[str]) -> _Item:
        key = (question, tuple(concepts))
        found = self._met.get(key)
        if found is None:
            asked, known = self.names.question(question), self.names.known(concepts)
            base = sum(self.rates[c] for c in known) / len(known) if known else self.average
            found = _Item(
                asked,
                known,
                [self.names.codes.concepts[c - 1] for c in known],
                (self.won[asked] + OF_QUESTION * base) / (self.seen[asked] + OF_QUESTION),
                self.tables.told(known, asked, 0.0),
                self.tables.told(known, asked, 1.0),
            )
            if len(self._met) >= MOST_ITEMS:
                self._met.clear()
            self._met[key] = found
        return found

    def begin(self) -> dict[str, Any]:
        """The state of a student of whom nothing is known."""
        return {
            "memory": list(self.tables.start()),
            "run": [0.0] * 7,
            "place": 0,
            "concepts": {},
            "questions": {},
        }

    def update(
        self, state: dict[str, Any], question: str | None, concepts: Sequence[str], correct: float
    ) -> dict[str, Any]:
        """The state after one more answer; it is changed in place."""
        item = self._item(question, concepts)
        place = state["place"]
        more = correct - item.expected
        if correct == 1.0:
            told = item.right
        elif correct == 0.0:
            told = item.wrong
        else:
            told = self.tables.told(item.known, item.asked, correct)
        out, cell = state["memory"]
        self._read(out, cell, told)
        run = state["run"]
        last = 2.0 * correct - 1.0
        run[0] += correct
        run[1] = FAST * run[1] + (1 - FAST) * correct
        run[2] = SLOW * run[2] + (1 - SLOW) * correct
        run[3] = last
        run[4] += more
        run[5] = FAST * run[5] + (1 - FAST) * more
        run[6] = SLOW * run[6] + (1 - SLOW) * more
        rows = state["concepts"]
        for name in item.names:
            row = rows.get(name)
            if row is None:
                rows[name] = [1, correct, last, place, more]
            else:
                row[0] += 1
                row[1] += correct
                row[2] = last
                row[3] = place
                row[4] += more
        if item.asked:
            row = state["questions"].get(question)
            if row is None:
                state["questions"][question] = [1, correct, last, place]
            else:
                row[0] += 1
                row[1] += correct
                row[2] = last
                row[3] = place
        state["place"] = place + 1
        return state

    def forecast(self, state: Mapping[str, Any], question: str | None, concepts: Sequence[str]) -> float:
        """Calibrated probability of a right answer right now."""
        item = self._item(question, concepts)
        none = (0.0, 0.0, 0.0, 0.0, 0.0)
        met = [state["concepts"].get(name, none) for name in item.names]
        own = state["questions"].get(question, none[:4]) if item.asked else none[:4]
        past = Past(
            np.array(state["run"])[:, None],
            np.array([float(state["place"])]),
            np.array(met, dtype=np.float64).reshape(len(met), 5).T,
            np.zeros(len(met), dtype=np.int64),
            np.array(own, dtype=np.float64)[:, None],
            np.array([item.expected]),
            np.array([HEARD * self.seen[item.asked]]),
        )
        difficulty, part = self.tables.asked(np.array([item.asked]))
        raw = self.tables.logits(
            np.asarray(state["memory"][0])[None],
            np.array([item.known or [0]], dtype=np.int64),
            difficulty,
            columns(past, self.rate),
            part,
        )
        return float(self.calibrator(expit(raw.astype(np.float64)))[0])
