"""Models in service: one student's state, changed by each answer at a cost that does not grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from umbel.families.tracing.source.codes import Codes

__all__ = ["Names", "Online"]


@runtime_checkable
class Online(Protocol):
    """What a fitted model offers that can follow students answer by answer.

    A state is a dict of JSON values; it holds what one student did, and only names of concepts that the model
    knows. Forecasts equal those of :meth:`~umbel.families.tracing.model.tracer.Tracer.predict` on the same
    answers::

        state = model.begin()
        for question, concepts, correct in answers:
            stated = model.forecast(state, question, concepts)
            state = model.update(state, question, concepts, correct)
    """

    def begin(self) -> dict[str, Any]:
        """The state of a student of whom nothing is known."""
        ...

    def update(
        self, state: dict[str, Any], question: str | None, concepts: Sequence[str], correct: float
    ) -> dict[str, Any]:
        """The state after one more answer.

        :param state: the student's state; it is changed in place and handed back.
        :param question: name of the question; None where it has none. One never seen counts as none.
        :param concepts: names of its concepts, in any order; those never seen are left out.
        :param correct: the answer, in [0, 1].
        """
        ...

    def forecast(self, state: Mapping[str, Any], question: str | None, concepts: Sequence[str]) -> float:
        """Calibrated probability that the student would answer this question right now."""
        ...


class Names:
    """The numbers of names in a model's codes, found in constant time.

    >>> names = Names(Codes(("q1",), ("add", "halve")))
    >>> names.question("q1"), names.question(None), names.known(["halve", "new", "add", "halve"])
    (1, 0, [1, 2])
    """

    def __init__(self, codes: Codes) -> None:
        self.codes = codes

    @cached_property
    def _questions(self) -> dict[str, int]:
        return {name: i + 1 for i, name in enumerate(self.codes.questions)}

    @cached_property
    def _concepts(self) -> dict[str, int]:
        return {name: i + 1 for i, name in enumerate(self.codes.concepts)}

    def question(self, name: str | None) -> int:
        """Number of a question, from 1; 0 for one that is not known."""
        return 0 if name is None else self._questions.get(name, 0)

    def known(self, names: Sequence[str]) -> list[int]:
        """Numbers of the concepts that are known, from 1, ascending, each once."""
        return sorted({self._concepts[name] for name in names if name in self._concepts})
