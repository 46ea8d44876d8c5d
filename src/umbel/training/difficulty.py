"""How hard each row is: the out-of-fold loss of a cheap model, task by task and over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.data.prepare import Prepared, prepare
from umbel.data.problem import Problem
from umbel.data.split import Split
from umbel.data.split import folds as make_folds
from umbel.data.split_spec import CHEAP
from umbel.errors import DataError, KindError
from umbel.tasks import Kind, Prediction
from umbel.training.held import held_out
from umbel.training.learner import LEARNERS
from umbel.training.making import make
from umbel.training.skill import losses

__all__ = ["Difficulty", "find_difficulty", "make_ready", "negative_log_likelihood", "rank_mean"]

LEAST = 1e-12
"""Of a spread and of an expected count, so that a likelihood is finite."""


@dataclass(frozen=True)
class Difficulty:
    """How hard the rows are.

    :param rows: [B] in (0, 1), larger is harder; NaN where no task has a label.
    :param losses: by target column, [B] negative log likelihood of the answer; NaN where unknown. In
        the rows layout a row belongs to one task of the column, that of its group.
    """

    rows: NDArray[np.float64]
    losses: Mapping[str, NDArray[np.float64]]


def make_ready(frame: pd.DataFrame, problem: Problem, *, seed: int = 0) -> Prepared:
    """Make a table ready for learning, be it split by the loss of a model: ``data.prepare`` knows no model.

    A split by difficulty that follows no column is measured here: the learner answers each entity without
    having seen it, on all rows that have labels, before the rows are split.

    :param frame: the table.
    :param problem: what is asked and what is given.
    :param seed: the run's seed (the split's, unless the problem has its own).
    :returns: see :func:`umbel.data.prepare.prepare`.
    :raises UmbelError: the table or the problem breaks a rule.
    """
    spec = problem.split
    if spec.how != "difficulty" or spec.difficulty is not None:
        return prepare(frame, problem, seed=seed)
    whole = prepare(frame, problem, seed=seed, split=Split.of(np.zeros(len(frame), dtype=np.int64)))
    drawn = seed if spec.seed is None else spec.seed
    found = find_difficulty(whole.train, learner=spec.learner or CHEAP, folds=spec.folds or 5, seed=drawn)
    return prepare(frame, problem, seed=seed, difficulty=found.rows)


def find_difficulty(
    rows: Dataset,
    *,
    learner: str = CHEAP,
    options: Mapping[str, Any] | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Difficulty:
    """How hard each row is for each task, to a model that has not seen its entity.

    The learner is cross-fitted with folds of whole entities; a learner that does not stop early may choose
    the strength of its penalty on the fold it answers (see ``CrossFit``). The loss of a row is the
    negative log likelihood of its answer under the held-out prediction (of several labels: the mean over
    the known ones). Over tasks, which have different scales, a row takes the mean of its ranks
    (:func:`rank_mean`).

    :param rows: all rows with their answers, [B]; their kinds are fitted.
    :param learner: name of a cheap learner that serves these tasks.
    :param options: its options.
    :param folds: at least 2.
    :param seed: which folds.
    :raises DataError: there are fewer entities than folds, or all labels of a task are in one fold.
    :raises KindError: the learner does not serve these tasks, or predicts a number without its spread.

    Source: Hacohen & Weinshall 2019, section 3.1 (difficulty by another model's loss, cross-validated);
    Breiman 1996 (out-of-fold predictions).
    """
    why = LEARNERS.get(learner).serves(rows)
    if why:
        raise KindError(
            "difficulty is measured by a learner that serves the tasks",
            found=f"'{learner}': {why}",
            remedy="choose another learner; `umbel methods` lists them",
        )
    _check_folds(rows, folds, seed)
    nobody = rows.take(np.zeros(0, dtype=np.int64))
    asked = {"learner": learner, "options": options, "folds": folds, "seed": seed}
    held = held_out(make("cross_fit", asked).fit(rows, nobody), rows).predictions
    found = {
        target.name: _by_row(
            negative_log_likelihood(target.kind, held[target.name], rows.values(target.name)),
            rows.weights(target.name),
        )
        for target in rows.tasks.targets
    }
    return Difficulty(rank_mean(found, rows.group), found)


def _check_folds(rows: Dataset, folds: int, seed: int) -> None:
    """Every task can be learned without any one fold."""
    entities = len(np.unique(rows.entity))
    if folds < 2 or entities < folds:
        raise DataError(
            "difficulty needs two folds or more, and an entity for each",
            found=f"{entities} entities in {len(rows)} rows, {folds} folds",
            remedy="give more rows, or fewer folds",
        )
    fold = make_folds(rows.entity, folds, seed=seed)  # as CrossFit makes them
    for target in rows.tasks.targets:
        labels = fold[rows.known(target.name)]
        if len(np.unique(labels)) < 2:
            raise DataError(
                "each task has labels in at least two folds",
                found=f"'{target.name}': its labels ({len(labels)}) are in one of {folds} folds",
                remedy="leave the task out, or fold by another seed",
            )


def negative_log_likelihood(kind: Kind, prediction: Prediction, values: NDArray[Any]) -> NDArray[np.float64]:
    """-log p of each answer under a prediction: ``Kind.nll`` of it, without class weights or smoothing.

    Numbers are in the units of their Gaussian's scale (``Kind.nll``: in standard deviations). Counts are
    negative binomial with the predicted variance; Poisson where it is not above the mean.

    :param kind: of the target.
    :param prediction: of B rows.
    :param values: encoded answers, [B], [B, L] or [B, C] (shares).
    :returns: the shape of the kind's label weights, [B] or [B, L].
    :raises KindError: a Gaussian without its spread.
    """
    if kind.response == "gaussian":
        if prediction.spread is None:
            raise KindError(
                "the likelihood of a number needs a predicted spread",
                found="none",
                remedy="choose a learner that predicts it (linear, net)",
            )
        spread = np.maximum(prediction.spread, LEAST)
        z = (np.asarray(values, dtype=np.float64) - prediction.value) / spread
        return np.asarray(0.5 * np.log(2 * np.pi) + np.log(spread) + 0.5 * np.square(z))
    if kind.response == "poisson":
        return _count_nll(prediction, np.asarray(values, dtype=np.float64))
    return losses(kind, prediction.value, values)


def _count_nll(prediction: Prediction, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Negative binomial with the size mean^2 / (variance - mean), or Poisson, [B]."""
    from scipy.stats import nbinom, poisson

    mean = np.maximum(prediction.value, LEAST)
    variance = mean if prediction.spread is None else np.square(prediction.spread)
    wide = variance > mean * (1 + 1e-9)
    size = mean**2 / np.where(wide, variance - mean, 1.0)
    broad = -nbinom.logpmf(counts, size, size / (size + mean))
    return np.asarray(np.where(wide, broad, -poisson.logpmf(counts, mean)))


def _by_row(nll: NDArray[np.float64], weights: NDArray[Any]) -> NDArray[np.float64]:
    """Mean over the known labels of a row, [B]; NaN where there is none."""
    known = np.asarray(weights) != 0
    if known.ndim == 1:
        return np.where(known, nll, np.nan)
    count = known.sum(axis=1)
    total = np.where(known, nll, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def rank_mean(
    losses: Mapping[str, NDArray[np.float64]], groups: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """One difficulty per row from losses of different scales: the mean of its ranks in its known tasks.

    The rank of a row within the n known rows of a task is (r - 1/2) / n, r = 1 for the easiest; equal
    losses share their mean rank.

    :param losses: by target column, [B]; NaN where unknown.
    :param groups: task group of each row, [B], in the rows layout: ranks are within the group.
    :returns: [B] in (0, 1); NaN where no task is known.

    >>> rank_mean({"a": np.array([0.1, 0.2, np.nan]), "b": np.array([3.0, 9.0, np.nan])})
    array([0.25, 0.75,  nan])
    """
    table = pd.DataFrame(dict(losses))
    keys = np.zeros(len(table), dtype=np.int64) if groups is None else groups
    by_task = table.groupby(keys)
    ranks = (by_task.rank() - 0.5) / by_task.transform("count")
    return ranks.mean(axis=1).to_numpy(np.float64)
