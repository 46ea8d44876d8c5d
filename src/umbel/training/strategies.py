"""The models of a comparison: baselines, separate, shared, and the ensembles of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from umbel.data.dataset import Dataset
from umbel.errors import ConfigError
from umbel.training.build import Plan, candidates, checked, counterpart, folds_for, plan, sets_for
from umbel.training.config import Config
from umbel.training.estimate import LONG, estimate
from umbel.training.learner import LEARNERS
from umbel.training.learners.average import Average
from umbel.training.learners.chosen import Chosen
from umbel.training.learners.stacked import Stacked
from umbel.training.members import Members
from umbel.training.search import Search

__all__ = ["Strategies", "fit_auto", "fit_strategies"]

_PER_TASK_NET = "net_per_task"


@dataclass
class Strategies:
    """Fitted models by the names the scorecard has.

    :param members: every fitted learner, with held-out predictions and cost.
    :param shown: names the scorecard shows, in order.
    :param saved: the name of the model a run saves.
    :param reasons: learners that do not serve these tasks, and why.
    """

    members: Members
    shown: list[str] = field(default_factory=list)
    saved: str = "joint"
    reasons: dict[str, str] = field(default_factory=dict)


def _announce(members: Members, plans: dict[str, Plan]) -> None:
    """Say what a long fit will cost before it begins."""
    if len(members.train) >= LONG:
        members.note("estimate")
        members.note(str(estimate(members.train, members.valid, plans)))


def _quiet(text: str) -> None:
    pass


def fit_strategies(
    train: Dataset,
    valid: Dataset,
    config: Config,
    *,
    seed: int,
    note: Callable[[str], None] = _quiet,
    search: Search | None = None,
) -> Strategies:
    """Fit every model of a comparison; no test row is seen.

    :param train, valid: of the same source; validation chooses strengths, epochs, weights and rules.
    :param seed: of this split.
    :param note: told what is fitted now.
    :raises ConfigError: the model that is named does not serve these tasks, or shares nothing.
    """
    checked(config.model)
    members = Members(train, valid, seed=seed, note=note, search=search)
    found = Strategies(members)
    folds = folds_for(config.model, len(train) + len(valid))
    for name in (*config.compare.baselines, *config.compare.extra):
        why = LEARNERS.get(name).serves(train)
        if why:
            found.reasons[name] = why
        else:
            members.fit(name, Plan(name, sets_for(name, config.model), folds, config.model.keep))
            found.shown.append(name)
    if config.model.name == "auto":
        alone, together = _fit_candidates(found, config)
        members.combine("independent", Chosen(), _with_mean(members, "apart", alone))
        members.combine("joint", Chosen(whole=True), _with_mean(members, "together", together))
    else:
        _fit_pair(found, config, folds)
    found.shown += ["independent", "joint"]
    _fit_ensembles(found, config)
    return found


def fit_auto(
    train: Dataset,
    valid: Dataset,
    config: Config,
    *,
    seed: int,
    note: Callable[[str], None] = _quiet,
    search: Search | None = None,
) -> Strategies:
    """Fit every learner that serves, and choose target by target; ``saved`` is the choice."""
    checked(config.model)
    members = Members(train, valid, seed=seed, note=note, search=search)
    found = Strategies(members)
    alone, together = _fit_candidates(found, config)
    _choose_overall(found, config, alone + together)
    return found


def _fit_candidates(found: Strategies, config: Config) -> tuple[list[str], list[str]]:
    """Fit what serves; names of the separate and of the shared ones."""
    members = found.members
    plans, reasons = candidates(config.model, members.train, rows=len(members.train) + len(members.valid))
    found.reasons |= reasons
    _announce(members, plans)
    names = {n: _PER_TASK_NET if n == "independent" else n for n in plans}
    for name, todo in plans.items():
        members.fit(names[name], todo)
    alone = [names[n] for n in plans if not members.learners[names[n]].joint]
    together = [names[n] for n in plans if members.learners[names[n]].joint]
    if not together:
        raise ConfigError(
            "a comparison needs a model that shares between the tasks",
            found="; ".join(f"{name}: {why}" for name, why in found.reasons.items()),
            remedy="fit a separate learner by its name (`umbel methods` lists them)",
        )
    return alone, together


def _with_mean(members: Members, what: str, names: list[str]) -> list[str]:
    """The names, and an average of them as one more candidate: shared and separate models alike."""
    if len(names) < 2:
        return names
    members.combine(f"average_{what}", Average(), names)
    return [*names, f"average_{what}"]


def _fit_pair(found: Strategies, config: Config, folds: int) -> None:
    members = found.members
    todo = plan(config.model, members.train, rows=len(members.train) + len(members.valid))
    name, space = counterpart(config.model.name, config.model, members.train)
    _announce(members, {"joint": todo, "independent": Plan(name, space, folds)})
    joint = members.fit("joint", todo)
    if not joint.joint:
        raise ConfigError(
            "a comparison needs a model that shares between the tasks",
            found=f"'{config.model.name}' fits each task alone",
            remedy="choose net, mean_regularised, hierarchical, forest or auto",
        )
    if name in members.learners and space == [{}]:
        members.rename("independent", name)
    else:
        members.fit("independent", Plan(name, space, folds))


def _fit_ensembles(found: Strategies, config: Config) -> None:
    members = found.members
    pool = [n for n in members.learners if n != "constant"]
    if config.model.name == "auto":  # the two are among the candidates already
        made = ("independent", "joint", "average_apart", "average_together")
        pool = [n for n in pool if n not in made]
    if "average" in config.compare.ensembles:
        members.combine("average", Average(), pool)
        found.shown.append("average")
    if "stacked" in config.compare.ensembles:
        members.combine("stacked", Stacked(), pool)
        found.shown.append("stacked")
    if config.model.name == "auto":
        _choose_overall(found, config, pool)
        found.shown.append("auto")


def _choose_overall(found: Strategies, config: Config, pool: list[str]) -> None:
    members = found.members
    names = list(pool)
    if config.model.average:
        if "average" not in members.learners:
            members.combine("average", Average(), pool)
        names.append("average")
    members.combine("auto", Chosen(), names)
    found.saved = "auto"
