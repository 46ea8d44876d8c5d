"""One Gaussian process for all tasks: smooth functions whose covariance across tasks is learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.encoders.design import DesignMatrix, fitted_design
from umbel.errors import ConfigError, near
from umbel.seeding import numpy_generator
from umbel.tasks import Prediction
from umbel.training.learner import LEARNERS, Predictions, State
from umbel.training.learners.classic import Classic
from umbel.training.learners.gaussian_process import too_wide
from umbel.training.learners.task_covariance import correlation_note
from umbel.training.learners.task_labels import TaskLabels, labels_by_column, labels_by_group, some_labels
from umbel.training.solvers.multitask_gp import Coregional, Posterior, fit_coregional, posterior
from umbel.training.solvers.task_covariance import correlations

__all__ = ["MultitaskGP"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
MOST_LABELS = 3000
KERNEL_LABELS = 800
"""Labels, of rows drawn at random, that the parameters are chosen on where there are more."""

_LENGTHS = ("one", "each")


@dataclass(frozen=True)
class _Process:
    """A fitted process and its way back to the answers' own units; the last task is one never seen.

    :param posterior: of P + 1 tasks.
    :param names: of the tasks, [P].
    :param offsets: [P + 1].
    :param scales: [P + 1].
    """

    posterior: Posterior
    names: list[str]
    offsets: Array
    scales: Array

    def predict(self, X: Array, task: Ints) -> Prediction:
        """Mean and standard deviation of answers in their own units; task -1 is one never seen."""
        mean, variance = self.posterior.predict(X, task)
        scale = self.scales[task]
        return Prediction(self.offsets[task] + scale * mean, scale * np.sqrt(variance))

    def state(self) -> dict[str, Any]:
        """All of it as arrays and JSON."""
        known = {f.name: getattr(self.posterior, f.name) for f in fields(Posterior) if f.name != "model"}
        model = {f.name: getattr(self.posterior.model, f.name) for f in fields(Coregional)}
        rest = {f.name: getattr(self, f.name) for f in fields(_Process) if f.name != "posterior"}
        return {"model": model, "known": known, **rest}

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> _Process:
        """The process that :meth:`state` tells of."""
        numbers = {key: np.asarray(value) for key, value in state["model"].items() if key != "slope"}
        model = Coregional(slope=float(state["model"]["slope"]), **numbers)
        known = Posterior(model, **{key: np.asarray(value) for key, value in state["known"].items()})
        units = np.asarray(state["offsets"]), np.asarray(state["scales"])
        return _Process(known, list(state["names"]), *units)


@LEARNERS.register("multitask_gp", source="Bonilla, Chai & Williams 2008")
class MultitaskGP(Classic):
    """Radial kernel times a task covariance of low rank plus a diagonal, by the marginal likelihood.

    Columns: one process over all targets, each standardised. Groups: one process per target over all
    groups; a group never seen is a draw from the groups' loadings. Exact, so for few labels.

    :param rank: most directions that the tasks share, at most the number of tasks; BIC chooses.
    :param lengths: ``one`` length for all inputs, or ``each`` its own (relevance determination).
    :param linear: a linear kernel beside the radial one, its size learned.
    :param restarts: further random beginnings of the search for the parameters.
    """

    name: ClassVar[str] = "multitask_gp"
    shares: ClassVar[bool] = True

    def __init__(
        self, *, rank: int = 2, lengths: str = "one", linear: bool = False, restarts: int = 1
    ) -> None:
        super().__init__()
        if lengths not in _LENGTHS:
            raise ConfigError(
                "the lengths must be one or each", found=f"'{lengths}'", remedy=near(lengths, _LENGTHS)
            )
        for option, value, least in (("rank", rank, 1), ("restarts", restarts, 0)):
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ConfigError(
                    f"{option} must be a whole number of at least {least}",
                    found=f"{value!r}",
                    remedy="leave the option out for its default",
                )
        if not isinstance(linear, bool):
            raise ConfigError("linear must be true or false", found=f"{linear!r}", remedy="linear: true")
        self.rank, self.lengths, self.linear, self.restarts = rank, lengths, linear, restarts
        self._design: DesignMatrix | None = None
        self._processes: dict[str, _Process] = {}

    @staticmethod
    def serves(train: Dataset) -> str:
        """Numbers in at least two tasks, at most 3,000 labels and 500 features; see :class:`Learner`."""
        for target in train.tasks.targets:
            if target.kind.response != "gaussian":
                return f"'{target.name}' is {target.kind.name}: only gaussian answers"
        counts = {t.name: int(train.known(t.name).sum()) for t in train.tasks.targets}
        for name, count in counts.items():
            if count == 0:
                return f"'{name}' has no known label"
        if not train.tasks.by_rows:
            if len(counts) < 2:
                return "there is only one task"
            counts = {"all targets together": sum(counts.values())}
        for name, count in counts.items():
            if count > MOST_LABELS:
                return f"{count} known labels ({name}), more than the {MOST_LABELS} of an exact process"
        return too_wide(train) or Classic.serves(train)

    def _fit(self, train: Dataset, valid: Dataset) -> None:
        self._design = fitted_design(train)
        X = self._design.transform(train)
        self._processes = {}
        if train.tasks.by_rows:
            for target in train.tasks.targets:
                self._fit_one(target.name, X, labels_by_group(train, target.name))
        else:
            self._fit_one("all", X, labels_by_column(train))

    def _fit_one(self, key: str, X: Array, labels: TaskLabels) -> None:
        count = len(labels.names)
        some = some_labels(labels.rows, KERNEL_LABELS, key)
        found, table = self._choose(labels, X, some, key)
        chosen = np.bincount(labels.task[some], minlength=count) > 0
        model = found.completed(chosen)
        known = posterior(model, X[labels.rows], labels.y, labels.task, labels.weights)
        offsets = np.append(labels.offsets, labels.offsets.mean())
        scales = np.append(labels.scales, labels.scales.mean())
        self._processes[key] = _Process(known, labels.names, offsets, scales)
        self._notes[key] = {
            "lengths": model.lengths.tolist(),
            "slope": model.slope,
            "noise": dict(zip(labels.names, model.noise[:-1].tolist(), strict=True)),
            "rank": found.loadings.shape[1],
            "bic": {str(rank): value for rank, value in table.items()},
            "labels": len(labels.y),
            "parameters_from_labels": len(some),
            "chosen_on": "evidence of training, the rank by its BIC",
            **correlation_note(labels.names, correlations(model.tasks[:count, :count])),
        }

    def _choose(
        self, labels: TaskLabels, X: Array, some: Ints, key: str
    ) -> tuple[Coregional, dict[int, float]]:
        """The parameters of the rank of the least BIC, and the criterion of every rank tried.

        A loading costs half the log of the number of labels (Schwarz 1978): a rank that the labels
        do not ask for would fit their noise, most of all in many groups of few labels.
        """
        count, rows = len(labels.names), labels.rows[some]
        best: Coregional | None = None
        table: dict[int, float] = {}
        for rank in range(1, min(self.rank, count) + 1):
            starts = [self._start(count, rank, X.shape[1], key, r) for r in range(self.restarts + 1)]
            trials = [
                fit_coregional(X[rows], labels.y[some], labels.task[some], labels.weights[some], start=start)
                for start in starts
            ]
            model, value = max(trials, key=lambda trial: trial[1])
            free = count * rank - rank * (rank - 1) // 2  # loadings up to a rotation
            table[rank] = -2 * value + free * float(np.log(len(some)))
            if best is not None and table[rank] >= table[rank - 1]:
                break
            best = model
        assert best is not None
        return best, table

    def _start(self, count: int, rank: int, width: int, key: str, restart: int) -> Coregional:
        """Where a search begins: tasks alike at first, at random afterwards."""
        draw = numpy_generator(0, self.name, key, restart).normal(size=(count, rank))
        loadings = 0.7 * draw
        if restart == 0:
            loadings = 0.1 * draw
            loadings[:, 0] = 0.7
        length = np.full(width if self.lengths == "each" else 1, np.sqrt(max(width, 1)))
        own, noise = np.full(count, 0.3), np.full(count, 0.1)
        return Coregional(length, 0.1 if self.linear else 0.0, loadings, own, noise)

    def predict(self, rows: Dataset) -> Predictions:
        """See :class:`Learner`."""
        assert self._design is not None, "predict comes after fit"
        X = self._design.transform(rows)
        if rows.tasks.by_rows:
            assert rows.group is not None, "the rows layout has groups"
            return {t.name: self._processes[t.name].predict(X, rows.group) for t in rows.tasks.targets}
        process = self._processes["all"]
        return {
            t.name: process.predict(X, np.full(len(X), process.names.index(t.name)))
            for t in rows.tasks.targets
        }

    @property
    def parameters(self) -> int:
        """One weight per known label and the parameters of the covariance."""
        return sum(p.posterior.alpha.size + p.posterior.model.packed().size for p in self._processes.values())

    def state(self) -> State:
        """See :class:`Learner`."""
        assert self._design is not None, "state comes after fit"
        return {
            "design": self._design.state(),
            "processes": {name: process.state() for name, process in self._processes.items()},
        }

    def _restore(self, state: State, schema: Schema) -> None:
        self._design = DesignMatrix.restore(schema, state["design"])
        self._processes = {n: _Process.from_state(s) for n, s in state["processes"].items()}
