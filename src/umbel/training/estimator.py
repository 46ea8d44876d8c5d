"""The estimator: from a table to a fitted, saved model, with scikit-learn's conventions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from umbel.data.dataset import Dataset
from umbel.data.keys import read_keys
from umbel.data.prepare import attach
from umbel.data.problem import Problem
from umbel.data.read import read_table
from umbel.data.schema import Schema
from umbel.errors import ConfigError, DataError, UmbelError
from umbel.judging.scorecard import Candidate, judge
from umbel.tasks import Rule, TaskSet
from umbel.training.build import checked, plan
from umbel.training.config import Config, ModelConfig, StreamConfig
from umbel.training.difficulty import make_ready
from umbel.training.estimate import LONG, estimate
from umbel.training.held import fit_rules, held_out
from umbel.training.learner import Learner, Predictions
from umbel.training.making import freeze
from umbel.training.pieces import Taught, is_parquet, score_streamed
from umbel.training.saving import write_model
from umbel.training.search import Search
from umbel.training.strategies import fit_auto
from umbel.training.streaming import fit_streamed
from umbel.training.truths import truth_of

__all__ = ["MultiTask"]

_LONE = "y"


class MultiTask(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Several columns of a table learned together, or apart where that is better.

    :param targets: target columns: a name, a list, or a mapping to kinds or their options. None when
        ``fit`` is given ``y``.
    :param by: the column that says which task each row belongs to (rows layout).
    :param inputs: input columns (a list, or a mapping to types); all that is left where None.
    :param ignore: columns that are no inputs.
    :param entity: rows with the same values in all of these columns are one entity.
    :param problem: other keys of :class:`umbel.data.problem.Problem`.
    :param model: ``auto`` or a learner (``umbel methods`` lists them).
    :param options: keyword options of the learner.
    :param sharing: how the nets share, by name (``umbel methods sharing``); ``hard`` where None.
    :param balancing: how their losses are balanced (``umbel methods balancer``); ``equal`` where None.
    :param gradients: where task gradients are taken for that: ``features`` (where None), ``parameters``
        or ``subsample``.
    :param curriculum: whether the nets see easy rows first: ``quantile``, ``competence``; ``none`` where
        None.
    :param space: further sets of options to try.
    :param keep: of several sets of options the ``best`` on validation, or the ``average`` of all.
    :param folds: cross-fit with so many folds; 0 never; None: 5 when there are few rows.
    :param valid: share of the entities that choose (strengths, epochs, weights, thresholds), in (0, 1).
    :param stream: read a Parquet file row group by row group, never as a whole: True, or the options of
        :class:`umbel.training.config.StreamConfig`.
    :param seed: of everything random.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"x": range(40)}).assign(a=lambda f: 2.0 * f["x"], b=lambda f: -1.0 * f["x"])
    >>> model = MultiTask(["a", "b"], model="linear").fit(frame)
    >>> model.predict(frame[["x"]])["a"].round(0).tolist()[20:23]
    [40.0, 42.0, 44.0]
    """

    def __init__(
        self,
        targets: str | Sequence[str] | Mapping[str, Any] | Problem | None = None,
        *,
        by: str | None = None,
        inputs: Sequence[str] | Mapping[str, Any] | None = None,
        ignore: Sequence[str] | None = None,
        entity: Sequence[str] | None = None,
        problem: Mapping[str, Any] | None = None,
        model: str = "auto",
        options: Mapping[str, Any] | None = None,
        sharing: str | None = None,
        balancing: str | None = None,
        gradients: str | None = None,
        curriculum: str | None = None,
        space: Sequence[Mapping[str, Any]] | None = None,
        keep: str = "best",
        folds: int | None = None,
        valid: float = 0.15,
        stream: bool | Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        self.targets = targets
        self.by = by
        self.inputs = inputs
        self.ignore = ignore
        self.entity = entity
        self.problem = problem
        self.model = model
        self.options = options
        self.sharing = sharing
        self.balancing = balancing
        self.gradients = gradients
        self.curriculum = curriculum
        self.space = space
        self.keep = keep
        self.folds = folds
        self.valid = valid
        self.stream = stream
        self.seed = seed

    @classmethod
    def of(cls, config: Config) -> Self:
        """The estimator of a whole configuration."""
        model = config.model
        return cls(
            config.problem,
            model=model.name,
            options=model.options or None,
            sharing=model.sharing,
            balancing=model.balancing,
            gradients=model.gradients,
            curriculum=model.curriculum,
            space=model.space or None,
            keep=model.keep,
            folds=model.folds,
            stream=None if config.stream is None else config.stream.model_dump(),
            seed=config.seed,
        )

    def config(self, lone: str | None = None) -> Config:
        """The parameters as a checked configuration.

        :raises ConfigError: a parameter is unknown or has a value it cannot have.
        """
        asked = self.targets if self.targets is not None else lone
        if asked is None:
            raise ConfigError(
                "a model needs targets",
                found="neither targets nor y",
                remedy='name the columns: MultiTask(targets=["a", "b"]).fit(table)',
            )
        whole = Problem.of(
            asked,
            by=self.by,
            inputs=self.inputs,
            ignore=self.ignore,
            entity=self.entity,
            **(self.problem or {}),
        )
        model = read_keys(
            ModelConfig,
            {
                "name": self.model,
                "options": dict(self.options or {}),
                "sharing": self.sharing,
                "balancing": self.balancing,
                "gradients": self.gradients,
                "curriculum": self.curriculum,
                "space": [dict(s) for s in self.space or []],
                "keep": self.keep,
                "folds": self.folds,
            },
            "model",
        )
        stream = None if self.stream in (None, False) else StreamConfig()
        if isinstance(self.stream, Mapping):
            stream = read_keys(StreamConfig, self.stream, "stream")
        return Config(problem=whole, model=model, stream=stream, seed=self.seed)

    def fit(
        self,
        table: Any,
        y: Any = None,
        *,
        note: Callable[[str], None] = lambda text: None,
        search: Search | None = None,
    ) -> Self:
        """Fit on all rows of a table; a share of its entities chooses.

        :param table: a data frame, an Arrow table, an array, or the path of a CSV or Parquet file.
        :param y: answers of one task, [B], where the table does not hold them.
        :param note: told what is fitted now.
        :raises UmbelError: the table or a parameter breaks a rule.
        """
        if self.stream not in (None, False):
            if y is not None or search is not None:
                raise ConfigError(
                    "a streamed fit is one fit of the file's own columns",
                    found="y" if y is not None else "a search",
                    remedy="name the targets; search on a part of the table",
                )
            asked = self.config()
            read = fit_streamed(table, asked, valid=self.valid, note=note)
            self.baselines_ = dict(read.baselines)
            net = read.net
            return self.take(asked, net.learner, read.tasks, read.schema, net.rules, read.notes)
        frame = _frame(table)
        lone = None
        if y is not None:
            lone = str(getattr(y, "name", None) or _LONE)
            frame = frame.assign(**{lone: np.asarray(y)})
        config = self.config(lone)
        spec = config.problem.split
        share = (1 - self.valid, self.valid, 0.0)
        problem = config.problem.model_copy(
            update={"split": spec.model_copy(update={"shares": share, "valid_from": None, "test_from": None})}
        )
        data = make_ready(frame, problem, seed=self.seed)
        if config.model.name == "auto":
            found = fit_auto(data.train, data.valid, config, seed=self.seed, note=note, search=search)
            learner: Learner = found.members.learners[found.saved]
            held = found.members.held[found.saved]
            costs = {name: cost.cpu_seconds for name, cost in found.members.costs.items()}
            notes = {**learner.notes, "cpu_seconds": costs, "left_out": found.reasons}
        else:
            checked(config.model)
            todo = plan(config.model, data.train, rows=len(data.train) + len(data.valid))
            if len(data.train) >= LONG:
                note(str(estimate(data.train, data.valid, {config.model.name: todo})))
            note(config.model.name)
            learner = todo.fit(data.train, data.valid, seed=self.seed, search=search)
            held = held_out(learner, data.valid)
            notes = dict(learner.notes)
        return self.take(config, learner, data.train.tasks, data.train.schema, fit_rules(held), notes, lone)

    def take(
        self,
        config: Config,
        learner: Learner,
        tasks: TaskSet,
        schema: Schema,
        rules: Mapping[str, Rule],
        notes: Mapping[str, Any],
        lone: str | None = None,
    ) -> Self:
        """Become the model of a learner that is fitted already."""
        self.config_, self.learner_, self.tasks_, self.schema_ = config, learner, tasks, schema
        self.rules_, self.notes_, self.lone_ = dict(rules), dict(notes), lone
        self.n_features_in_ = len(schema.columns)
        return self

    def _fitted(self) -> None:
        if not hasattr(self, "learner_"):
            raise UmbelError(
                "a model is fitted before it predicts", found="no fit", remedy="call fit(table) first"
            )

    def rows(self, table: Any) -> Dataset:
        """A table as this model sees it; target columns may be absent.

        :raises DataError: an input column is missing or holds infinite numbers.
        """
        self._fitted()
        return attach(_frame(table), self.schema_, self.tasks_, problem=self.config_.problem)

    def predictions(self, table: Any) -> Predictions:
        """Probabilities, or means and spreads, by target column, in encoded terms."""
        rows = self.rows(table)
        return self.learner_.predict(rows)

    def predict(self, table: Any) -> Any:
        """Answers in the user's own terms.

        :returns: a data frame with the decision of each target, its probabilities, or its mean and
            interval; the decisions alone, [B], when the model was fitted with ``y``.
        """
        found = self.predictions(table)
        if self.lone_ is not None:
            target = self.tasks_.target(self.lone_)
            answer = target.kind.to_columns(target.name, found[target.name], self.rules_[target.name])
            return np.asarray(answer[target.name])
        columns: dict[str, NDArray[Any]] = {}
        for target in self.tasks_.targets:
            columns |= target.kind.to_columns(target.name, found[target.name], self.rules_[target.name])
        return pd.DataFrame(columns)

    def evaluate(self, table: Any, *, resamples: int = 1000, test: bool = False) -> pd.DataFrame:
        """Every metric of every task on rows whose answers are in the table, with intervals.

        A model that was fitted from a stream reads a Parquet file in parts.

        :param test: of the file that a streamed fit was fitted on, only the test rows.
        :raises DataError: no answer is known, or one does not fit its task.
        :raises ConfigError: ``test`` is asked for, and there was no such fit.
        """
        self._fitted()
        if test or (self.config_.stream is not None and is_parquet(table)):
            models = {"model": Taught(self.learner_, self.rules_)}
            scores = self.score_stream(table, models, resamples=resamples, test=test)
            return scores[["task", "metric", "value", "low", "high"]]
        rows = self.rows(table)
        if not any(rows.known(target.name).any() for target in rows.tasks.targets):
            raise DataError(
                "an evaluation needs known answers",
                found="no label of " + ", ".join(f"'{t.name}'" for t in rows.tasks.targets),
                remedy="give a table with the target columns, under the names they had in training",
            )
        mine = Candidate(self.learner_.predict(rows), self.rules_)
        card = judge(truth_of(rows), {"model": mine}, reference="model", resamples=resamples, metrics="all")
        frame: pd.DataFrame = card.frame()
        return frame[["task", "metric", "value", "low", "high"]]

    def score_stream(
        self,
        path: str | Path,
        models: Mapping[str, Taught],
        *,
        resamples: int = 1000,
        metrics: Literal["primary", "all"] = "all",
        test: bool = True,
    ) -> pd.DataFrame:
        """Scores of models on a Parquet file that is read in parts, with the columns of ``scores.csv``.

        :param path: the file.
        :param models: by name, fitted on the same tasks: the first is what the others are measured by.
        :param metrics: the primary one of each kind, or all.
        :param test: only the test rows of a streamed fit; else all.
        """
        self._fitted()
        card = score_streamed(
            path,
            models,
            self.config_,
            self.tasks_,
            self.schema_,
            test=test,
            resamples=resamples,
            metrics=metrics,
        )
        frame: pd.DataFrame = card.frame()
        return frame

    def score(self, table: Any, y: Any = None) -> float:
        """Mean over targets of the primary metric (of the one task, when fitted with ``y``)."""
        frame = _frame(table)
        if y is not None and self.lone_ is not None:
            frame = frame.assign(**{self.lone_: np.asarray(y)})
        rows = self.rows(frame)
        mine = Candidate(self.learner_.predict(rows), self.rules_)
        card = judge(truth_of(rows), {"model": mine}, reference="model", resamples=0).frame()
        values = card["value"].dropna()
        if len(values) == 0:
            raise DataError(
                "a score needs known answers",
                found="no target is known in these rows",
                remedy="give a table with target columns",
            )
        return float(values.mean())

    def save(self, folder: str | Path, *, card: str = "") -> Path:
        """Write the model as one folder (safetensors and JSON), atomically.

        :raises DiskError: it could not be written; what stood there is untouched.
        """
        self._fitted()
        state = {
            "config": self.config_.model_dump(mode="json"),
            "tasks": self.tasks_.state,
            "schema": self.schema_.state,
            "learner": freeze(self.learner_),
            "rules": self.rules_,
            "notes": self.notes_,
            "lone": self.lone_,
        }
        from umbel._version import __version__

        place = self.config_.model.options.get("checkpoint")
        told = state if place is None else _without(state, "checkpoint", place)
        write_model(Path(folder), told, version=__version__, card=card)
        return Path(folder)


def _frame(table: Any) -> pd.DataFrame:
    if isinstance(table, np.ndarray):
        names = [f"x{i}" for i in range(table.shape[1] if table.ndim == 2 else 1)]
        return pd.DataFrame(table.reshape(len(table), -1), columns=names)
    return read_table(table)


def _without(state: Any, key: str, value: Any) -> Any:
    """A nested state without the entries ``key: value``: a model does not tell where it was made."""
    if isinstance(state, Mapping):
        return {k: _without(v, key, value) for k, v in state.items() if k != key or v != value}
    if isinstance(state, list | tuple):
        return [_without(v, key, value) for v in state]
    return state
