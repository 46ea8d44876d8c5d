"""The contract of a learner: anything that is fitted on rows and predicts in the tasks' own terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

from umbel.data.dataset import Dataset
from umbel.registry import Registry
from umbel.tasks import Prediction

__all__ = ["LEARNERS", "Learner", "Predictions", "State"]

Predictions = dict[str, Prediction]
"""By target column, for all rows asked (also those of unknown groups)."""

State = dict[str, Any]
"""JSON values, numpy arrays and bytes (a scikit-learn member as skops writes it), nested in dicts and
lists; ``training/saving`` writes it as one JSON file and one safetensors file."""


@runtime_checkable
class Learner(Protocol):
    """What compare, tune, group and the report treat alike: nets, linear models, trees, ensembles.

    A learner is made with keyword options (all JSON, kept under their own names, as scikit-learn has
    it), fitted, and then predicts. It looks at the answers of ``train`` only through the known labels,
    chooses its strength or its stopping time on ``valid`` (or by folds of ``train`` where it says so),
    and never sees a test row. ``joint`` says whether its tasks share parameters.
    """

    name: ClassVar[str]

    @property
    def joint(self) -> bool:
        """Whether its tasks share parameters."""
        ...

    def fit(self, train: Dataset, valid: Dataset) -> Learner:
        """Fit on ``train``, choose on ``valid``; both have the same tasks.

        :raises KindError: the learner cannot answer one of the kinds (see :meth:`serves`).
        """
        ...

    def predict(self, rows: Dataset) -> Predictions:
        """Predictions of every target column for all rows; never reads an answer.

        A target of tokens is the exception: what is said of it is the probability of each true token, which
        needs the true ones before it. It decides nothing by them: where no answer is known the values are not
        looked at, and the text that is written (``Prediction.tokens``) owes nothing to an answer.
        """
        ...

    @staticmethod
    def serves(train: Dataset) -> str:
        """Why this learner cannot serve these tasks or rows (kind, size); empty when it can."""
        ...

    @property
    def options(self) -> dict[str, Any]:
        """The keyword options that make this learner again (JSON)."""
        ...

    @property
    def parameters(self) -> int:
        """How many numbers it has learned (for trees, their nodes)."""
        ...

    @property
    def notes(self) -> Mapping[str, Any]:
        """What it chose and why, for the report: strengths, epochs, curves (JSON)."""
        ...

    def state(self) -> State:
        """All that was fitted."""
        ...

    def restore(self, state: State, tasks: Any, schema: Any) -> None:
        """Take back what :meth:`state` gave; ``tasks`` and ``schema`` are those it was fitted on."""
        ...


LEARNERS: Registry[Any] = Registry("learner", "umbel.training.learners")
"""All learners, by name."""
