"""Sections of the report that training knows of: what was chosen, learning curves, cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from umbel.judging.calibration import calibration_section
from umbel.judging.confusion import confusion_section
from umbel.judging.overlap import overlap_section
from umbel.judging.residuals import residual_section
from umbel.judging.scorecard import Candidate, Scorecard
from umbel.judging.section import Figure, Section, Series, TableData
from umbel.judging.truth import Truth
from umbel.training.gradient_sections import affinity_section, gradient_section
from umbel.training.kept import kept
from umbel.training.learner import Learner
from umbel.training.learners.average import Average
from umbel.training.learners.chosen import Chosen
from umbel.training.strategies import Strategies

__all__ = ["choices", "costs", "curves", "learned", "sections"]


_CALIBRATED = ("independent", "joint", "average")


def sections(
    truth: Truth, candidates: Mapping[str, Candidate], done: Strategies, scores: Scorecard
) -> list[Section]:
    """All that a report shows beside the verdicts.

    :param truth: the test rows' answers.
    :param candidates: what each model said of them.
    """
    found = [
        *learned("joint", done.members.learners["joint"]),
        overlap_section(truth),
        residual_section(truth, candidates["independent"]),
        calibration_section(
            truth, {m: candidates[m] for m in ("independent", "joint", "average") if m in candidates}
        ),
        confusion_section(truth, candidates["joint"]),
        choices(done),
        costs(done),
    ]
    return [section for section in found if section is not None]


def learned(name: str, learner: Learner) -> list[Section]:
    """How one model was learned: its curves, its tasks' gradients, their affinity; what there is of them."""
    found = [curves({name: learner}), gradient_section(learner), affinity_section(learner)]
    return [section for section in found if section is not None]


def curves(learners: Mapping[str, Learner], *, most: int = 12) -> Section | None:
    """Validation score of each task over the epochs, where a learner has kept it."""
    figures = []
    for name, learner in learners.items():
        found = kept(learner, "curves")
        if found:
            lines = [
                Series(task, list(range(1, len(line) + 1)), list(line))
                for task, line in list(found.items())[:most]
            ]
            figures.append(
                Figure(
                    "lines",
                    f"Validation loss of the {name} model",
                    lines,
                    x_label="epoch",
                    y_label="loss relative to the constant",
                )
            )
    if not figures:
        return None
    text = ["Each task is stopped at its own best epoch: their curves have their minima at different ones."]
    return Section("Learning curves", text, figures=figures)


def costs(done: Strategies) -> Section:
    """CPU-seconds and learned numbers of every model."""
    rows = [
        [name, round(cost.cpu_seconds, 2), cost.parameters]
        for name, cost in ((n, done.members.costs[n]) for n in done.shown)
    ]
    table = TableData(
        ["model", "CPU-seconds", "learned numbers"],
        rows,
        "Fitting and tuning; an ensemble counts its members. The first model of a kind also pays for "
        "encoding the inputs.",
    )
    return Section(
        "Cost",
        ["A wider separate net has closed more than one published gain: compare the sizes too."],
        tables=[table],
    )


def choices(done: Strategies) -> Section:
    """What validation chose: weights of the average, members, and learners that did not serve."""
    tables = []
    for name in dict.fromkeys([*done.shown, done.saved]):
        learner = done.members.learners[name]
        if isinstance(learner, Average):
            tables.append(_weights(name, learner.weights))
        if isinstance(learner, Chosen):
            tables.append(_skills(name, learner))
    if done.reasons:
        rows: list[list[Any]] = [[name, why] for name, why in done.reasons.items()]
        tables.append(TableData(["learner", "why not"], rows, "Learners that do not serve these tasks."))
    return Section("What validation chose", ["No test row took part in any choice."], tables=tables)


def _weights(name: str, weights: Mapping[str, Mapping[str, float]]) -> TableData:
    members = list(next(iter(weights.values())))
    rows: list[list[Any]] = [[t, *(round(w[m], 2) for m in members)] for t, w in weights.items()]
    return TableData(["task", *members], rows, f"Weights of the {name} model.")


def _skills(name: str, learner: Chosen) -> TableData:
    members = list(learner.overall)
    rows: list[list[Any]] = [
        [t, learner.choice[t], *(None if s[m] is None else round(s[m] or 0.0, 4) for m in members)]
        for t, s in learner.skills.items()
    ]
    return TableData(
        ["task", "chosen", *members],
        rows,
        f"The {name} model: skill on held-out rows (1 - loss / loss of the constant) of every candidate.",
    )
