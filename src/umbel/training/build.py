"""From configuration to learners: which ones serve a problem, and under which name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from umbel.data.dataset import Dataset
from umbel.errors import ConfigError
from umbel.training.config import ModelConfig
from umbel.training.learner import LEARNERS, Learner
from umbel.training.learners.independent import Independent
from umbel.training.making import make
from umbel.training.search import EachInTurn, Search

__all__ = ["FEW_ROWS", "Plan", "candidates", "checked", "counterpart", "folds_for", "plan", "sets_for"]

FEW_ROWS = 5000
"""Up to so many training and validation rows the default is to cross-fit: one validation part would
hold too few labels to stop, choose and decide by."""

_LEFT_OUT = "left out, as the configuration has it"

_COUNTERPARTS = {
    "mean_regularised": "linear",
    "hierarchical": "linear",
    "trace_norm": "linear",
    "task_covariance": "linear",
    "clustered": "linear",
    "multitask_gp": "gaussian_process",
    "forest": "forest_per_task",
    "kernel_ridge": "kernel_ridge_per_task",
}
_JOINT = ("net", "mean_regularised", "hierarchical", "forest", "kernel_ridge")
_ALONE = ("linear", "boosted", "forest_per_task", "kernel_ridge_per_task", "gaussian_process")


@dataclass(frozen=True)
class Plan:
    """A learner to be made: its name, its sets of options, and how it is fitted.

    :param learner: registered name.
    :param space: sets of options to try.
    :param folds: cross-fit with so many folds; 0: the given validation rows serve.
    :param keep: see ``training.search``.
    """

    learner: str
    space: list[dict[str, Any]]
    folds: int = 0
    keep: Literal["best", "average"] = "best"

    def fit(self, train: Dataset, valid: Dataset, *, seed: int = 0, search: Search | None = None) -> Learner:
        """Make and fit it; the best set of options on held-out rows is kept."""
        finder = search or EachInTurn(self.keep)
        space = [_seeded(self.learner, options, seed) for options in self.space]
        if not self.folds:
            return finder.choose(self.learner, space, train, valid)
        wrapped = [
            {"learner": self.learner, "options": options, "folds": self.folds, "seed": seed}
            for options in space
        ]
        return finder.choose("cross_fit", wrapped, train, valid)


def _seeded(learner: str, options: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The options with the run's seed, where the learner has one and was not given another."""
    if "space" in options:  # a learner per task: its options are those of the learner it holds
        inner = [_seeded(options["learner"], more, seed) for more in options["space"]]
        return {**options, "space": inner}
    known = inspect.signature(LEARNERS.get(learner)).parameters
    return {"seed": seed, **options} if "seed" in known else dict(options)


def folds_for(model: ModelConfig, rows: int) -> int:
    """How many folds to cross-fit with: as told, or 5 when there are at most ``FEW_ROWS`` rows."""
    if model.folds is not None:
        return 0 if model.folds == 1 else model.folds
    return 5 if rows <= FEW_ROWS else 0


def counterpart(joint: str, model: ModelConfig, train: Dataset) -> tuple[str, list[dict[str, Any]]]:
    """The separate model that a joint learner is held against, with the same space of options."""
    if joint in _COUNTERPARTS:
        name = _COUNTERPARTS[joint]
        if LEARNERS.get(name).serves(train):  # not of these tasks together, but of each by itself
            return Independent.name, [{"learner": name, "space": [{}], "keep": model.keep}]
        return name, sets_for(name, model)
    return Independent.name, [{"learner": joint, "space": sets_for(joint, model), "keep": model.keep}]


def sets_for(learner: str, model: ModelConfig) -> list[dict[str, Any]]:
    """The config's options belong to the learner it names (the nets, with ``auto``)."""
    return model.sets if learner == ("net" if model.name == "auto" else model.name) else [{}]


def checked(model: ModelConfig) -> None:
    """Make every learner that the configuration has options for, before anything is fitted.

    :raises ConfigError: an option is unknown, or has a value that it cannot have.
    """
    name = "net" if model.name == "auto" else model.name
    for options in model.sets:
        make(name, options)


def candidates(model: ModelConfig, train: Dataset, *, rows: int) -> tuple[dict[str, Plan], dict[str, str]]:
    """With ``auto``: every learner that serves these tasks, and why the others do not.

    :param train: the training rows.
    :param rows: training and validation rows together.
    :returns: plans by learner name, and reasons by learner name.
    """
    folds = folds_for(model, rows)
    plans: dict[str, Plan] = {}
    reasons: dict[str, str] = {}
    for name in (*_ALONE, *_JOINT):
        if name not in LEARNERS.names():
            continue
        why = LEARNERS.get(name).serves(train)
        if name in model.leave_out:
            reasons[name] = _LEFT_OUT
        elif why:
            reasons[name] = why
        else:
            plans[name] = Plan(name, sets_for(name, model), folds, model.keep)
    if "independent" in model.leave_out:
        reasons["independent"] = _LEFT_OUT
    elif len(train.tasks) == 1:
        reasons["independent"] = "there is one task: its net is the net"
    elif not train.tasks.by_rows:
        plans["independent"] = Plan(
            Independent.name,
            [{"learner": "net", "space": sets_for("net", model), "keep": model.keep}],
            folds,
        )
    else:
        reasons["independent"] = f"one net for each of {len(train.tasks)} groups is too much for its rows"
    return plans, reasons


def plan(model: ModelConfig, train: Dataset, *, rows: int) -> Plan:
    """The plan of a learner that is named.

    :raises ConfigError: it does not serve these tasks; the reason is given.
    """
    why = LEARNERS.get(model.name).serves(train)
    if why:
        raise ConfigError(
            "a model must serve the tasks it is given",
            found=f"'{model.name}': {why}",
            remedy="choose another (`umbel methods` lists them), or `auto`",
        )
    return Plan(model.name, model.sets, folds_for(model, rows), model.keep)
