"""Should these tasks be learned together? Every model on the same rows, test read once."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from umbel._version import __version__
from umbel.data.auditing import audit
from umbel.data.prepare import Prepared
from umbel.errors import ConfigError
from umbel.judging.corrected import combine
from umbel.judging.recommend import recommend
from umbel.judging.scorecard import Candidate, Scorecard, judge
from umbel.judging.section import Section
from umbel.training.audit_section import audit_section
from umbel.training.balance_section import balance_section
from umbel.training.config import Config
from umbel.training.difficulty import make_ready
from umbel.training.estimator import MultiTask
from umbel.training.held import fit_rules
from umbel.training.members import Cost
from umbel.training.reliance import reliance_section
from umbel.training.search import Search
from umbel.training.sections import sections
from umbel.training.strategies import Strategies, fit_strategies
from umbel.training.truths import truth_of

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    :param scores: per task and model: value, interval, gain over independent, verdict.
    :param sections: what the report shows beside the scores.
    :param recommendation: in plain words.
    :param costs: CPU-seconds and learned numbers, by model (of the first split).
    :param facts: rows, split, seed, versions, what was chosen and why (JSON).
    :param model: the fitted model that a run saves.
    """

    scores: Scorecard
    sections: list[Section]
    recommendation: str
    costs: dict[str, Cost]
    facts: dict[str, Any]
    model: MultiTask


def compare(
    frame: pd.DataFrame,
    config: Config,
    *,
    note: Callable[[str], None] = lambda text: None,
    search: Search | None = None,
) -> Comparison:
    """Fit constant, linear, boosted, independent, joint and ensembles, and hold them side by side.

    Validation rows choose everything; the test rows are predicted once by each finished model. With
    several splits each has its own rows and models, and intervals are those over splits.

    :param frame: the whole table.
    :param note: told what is fitted now.
    :param search: how options are searched, for shared and separate models alike.
    :raises UmbelError: the table or the configuration breaks a rule.
    """
    if config.stream is not None:
        raise ConfigError(
            "a comparison holds its table: most of its models need all rows",
            found="stream",
            remedy="umbel fit --stream, or compare on a part of the table",
        )
    cards: list[Scorecard] = []
    first: tuple[Prepared, Strategies, Comparison] | None = None
    begin = time.process_time()
    for index in range(config.compare.splits):
        seed = config.seed + index
        told = note if config.compare.splits == 1 else _prefixed(note, index, config.compare.splits)
        data = make_ready(frame, config.problem, seed=seed)
        done = fit_strategies(data.train, data.valid, config, seed=seed, note=told, search=search)
        told("the test rows")
        one = _judge(data, done, config, seed)
        cards.append(one.scores)
        if first is None:
            first = data, done, _audited(frame, data, config, one) if config.compare.audit else one
    assert first is not None, "there is at least one split"
    data, done, one = first
    scores = one.scores if len(cards) == 1 else combine(cards, train=len(data.train), test=len(data.test))
    facts = one.facts | {"cpu_seconds": time.process_time() - begin, "splits": len(cards)}
    words = recommend(scores, joint="joint")
    return Comparison(scores, one.sections, words, one.costs, facts, one.model)


def _audited(frame: pd.DataFrame, data: Prepared, config: Config, found: Comparison) -> Comparison:
    """With what an audit of the split found: a section, and a note for each leak it suspects."""
    problem = data.problem
    entities = data.dataset.entities if problem.entity or problem.group else None
    report = audit(frame, problem, data.split, entities=entities, seed=config.seed)
    suspected = [f"A leak, as it seems: {leak.words} {leak.remedy}".strip() for leak in report.leaks]
    notes = [*found.facts["notes"], *suspected]
    facts = found.facts | {"notes": notes, "audit": report.words}
    return replace(found, sections=[*found.sections, audit_section(report)], facts=facts)


def _prefixed(note: Callable[[str], None], index: int, count: int) -> Callable[[str], None]:
    return lambda text: note(f"split {index + 1} of {count}: {text}")


def _judge(data: Prepared, done: Strategies, config: Config, seed: int) -> Comparison:
    members = done.members
    rules = {name: fit_rules(members.held[name]) for name in {*done.shown, done.saved}}
    test = data.test
    candidates = {name: Candidate(members.learners[name].predict(test), rules[name]) for name in done.shown}
    truth = truth_of(test)
    scores = judge(
        truth,
        candidates,
        reference="independent",
        resamples=config.compare.resamples,
        seed=seed,
        metrics=config.compare.metrics,
    )
    facts: dict[str, Any] = {
        "rows": {"train": len(data.train), "valid": len(data.valid), "test": len(test)},
        "entities": {
            side: len(np.unique(rows.entity))
            for side, rows in (("train", data.train), ("valid", data.valid), ("test", test))
        },
        "labels": {
            side: {t.name: int(rows.known(t.name).sum()) for t in rows.tasks.targets}
            for side, rows in (("train", data.train), ("valid", data.valid), ("test", test))
        },
        "notes": list(data.notes),
        "seed": seed,
        "model": config.model.model_dump(mode="json"),
        "left_out": done.reasons,
        "saved": done.saved,
        "chosen": {name: dict(members.learners[name].notes) for name in done.shown},
        "versions": {
            "umbel": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "numpy", "pandas", "scikit-learn")},
        },
    }
    saved = MultiTask(config.problem, model=config.model.name, seed=config.seed).take(
        config,
        members.learners[done.saved],
        data.train.tasks,
        data.train.schema,
        rules[done.saved],
        members.learners[done.saved].notes,
    )
    costs = {name: members.costs[name] for name in done.shown}
    relied = reliance_section("joint", members.learners["joint"], test, rules["joint"], seed=seed)
    more = [] if relied is None else [relied]
    return Comparison(
        scores,
        [*sections(truth, candidates, done, scores), *more, *balance_section(data.split)],
        recommend(scores),
        costs,
        facts,
        saved,
    )
