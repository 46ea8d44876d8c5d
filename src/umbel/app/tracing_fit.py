"""``umbel tracing fit``: its configuration, and the two ways it goes: a log, or a simulated class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from umbel.app.console import Teller
from umbel.app.run import Run
from umbel.app.tracing import DEMO, fit_into, read_answers
from umbel.errors import ConfigError, near
from umbel.judging.section import Section, TableData

if TYPE_CHECKING:
    from umbel.families.tracing.graph.graph import ConceptGraph
    from umbel.families.tracing.source.log import AnswerLog
    from umbel.families.tracing.study import Study

__all__ = ["FitConfig", "fit_demo", "fit_log", "settings"]

SHOWN = 30
"""Test students, and concepts, that the heat map of a report shows."""


class FitConfig(BaseModel):
    """What is fitted, on what.

    :param data: files of the log.
    :param demo: a simulated class instead.
    :param model: a name of ``umbel methods tracer``.
    :param options: of the model.
    :param also: labels that a network learns beside the answer.
    :param members: further models that the intervals of mastery rest on.
    :param graph: look for the graph of concepts, too.
    :param shares: of students for training, validation and test.
    :param fold: the files' own fold for validation; then their test fold is the test.
    :param reading: options of the reader.
    """

    model_config = ConfigDict(extra="forbid")

    data: list[str] = Field(default_factory=list)
    demo: bool = False
    model: str = "rasch_lstm"
    options: dict[str, Any] = Field(default_factory=dict)
    also: list[str] = Field(default_factory=list)
    members: int = 0
    graph: bool = False
    shares: tuple[float, float, float] = (0.64, 0.16, 0.2)
    fold: int | None = None
    reading: dict[str, Any] = Field(default_factory=dict)
    seed: int = 0


def settings(
    given: Mapping[str, Any], file: Path | None, out: Path | None, *, resume: bool
) -> tuple[FitConfig, Path]:
    """The configuration of a file and of the command line over it, and the folder of the run.

    :raises ConfigError: an unknown key or a value it cannot have, no log, or a run that cannot go on.
    """
    from pydantic import ValidationError

    from umbel.app.yamlfile import read_yaml

    asked = {key: value for key, value in given.items() if value is not None}
    if isinstance(asked.get("shares"), str):
        asked["shares"] = [part.strip() for part in asked["shares"].split(",")]
    if resume:
        if out is None or asked or file is not None or not (out / "config.yaml").is_file():
            raise ConfigError(
                "a run goes on with the configuration it has",
                found="no --out with a config.yaml" if not asked else ", ".join(asked),
                remedy="umbel tracing fit --resume --out RUN",
            )
        file = out / "config.yaml"
    keys = {} if file is None else dict(read_yaml(file).keys)
    unknown = [key for key in keys if key not in FitConfig.model_fields]
    if unknown:
        raise ConfigError(
            "a key of the configuration must be one there is",
            found=f"'{unknown[0]}' in '{file}'",
            remedy=near(unknown[0], FitConfig.model_fields),
        )
    try:
        config = FitConfig.model_validate({**keys, **asked})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(
            f"'{'.'.join(map(str, first['loc']))}' must be what it says",
            found=f"{first['input']!r}: {first['msg']}",
            remedy="see `umbel tracing fit --help`",
        ) from error
    if not config.data and not config.demo:
        raise ConfigError(
            "a fit needs answers", found="no log", remedy="umbel tracing fit LOG, or --demo for a class"
        )
    name = "tracing-demo" if config.demo else Path(config.data[0]).name.split(".")[0]
    return config, out or Path("runs") / name


def _tracer(config: FitConfig) -> Any:
    from umbel.families.tracing.estimator import KnowledgeTracer

    options = dict(config.options) | ({"also": config.also} if config.also else {})
    return KnowledgeTracer(
        config.model, members=config.members, seed=config.seed, reading=config.reading, **options
    )


def fit_log(run: Run, config: FitConfig, *, quiet: bool, as_json: bool, resume: bool) -> None:
    """A model of a log, split by student."""
    from umbel.families.tracing.source.split import split_folds, split_students

    tracer = _tracer(config)
    found = read_answers([Path(path) for path in config.data], config.reading, Teller(quiet=quiet))
    if config.fold is not None:
        if found.folds is None:
            raise ConfigError(
                "the files must give a fold to each student",
                found=f"--fold {config.fold}, and the format '{found.report.format}' has none",
                remedy="leave --fold out: students are split at random",
            )
        parts = split_folds(found.log, found.folds, valid=config.fold)
    else:
        parts = split_students(found.log, config.shares, seed=config.seed)

    def more(_: Study) -> list[Section]:
        """Mastery of some test students, and the graph where it is asked for."""
        few = parts.test.take(np.arange(min(len(parts.test), SHOWN)))
        sections = [tracer.mastery(few, concepts=_frequent(parts.train, few)).section()]
        if config.graph:
            graph = tracer.graph(found.log, seed=config.seed)
            graph.to_graphml(run.folder / "graph.graphml")
            sections.append(graph.section())
        return sections

    fit_into(
        run,
        parts,
        tracer,
        config.model_dump(),
        title=f"Knowledge tracing of {Path(config.data[0]).name.split('.')[0]}",
        sections=[found.report.section()],
        extra=more,
        quiet=quiet,
        as_json=as_json,
        resume=resume,
    )


def _frequent(train: AnswerLog, log: AnswerLog) -> list[str]:
    """The concepts that training students meet most, of those that a log names."""
    _, concept = train.concept_sets.spread(train.sets)
    count = np.bincount(concept, minlength=len(train.concepts))
    named = set(log.concepts)
    order = [train.concepts[c] for c in np.argsort(-count, kind="stable") if count[c]]
    return [name for name in order if name in named][:SHOWN]


def fit_demo(run: Run, config: FitConfig, *, quiet: bool, as_json: bool, resume: bool) -> None:
    """A model of a simulated class, whose truth it is held against."""
    from umbel.families.tracing.graph.picture import save_picture
    from umbel.families.tracing.source.simulate import simulate
    from umbel.families.tracing.source.split import split_students

    made = simulate(**DEMO, seed=config.seed)
    parts = split_students(made.log, config.shares, seed=config.seed)
    tracer = _tracer(config)

    def more(found: Study) -> list[Section]:
        """Mastery of the test students, and the graph beside the truth."""
        states = tracer.mastery(parts.test, at=range(0, DEMO["steps"] + 1, 10))
        graph = tracer.graph(made.log, seed=config.seed)
        graph.to_graphml(run.folder / "graph.graphml")
        save_picture(graph, run.folder / "graph.svg")
        return [states.section(), graph.section(), _truth(graph, made.prerequisites)]

    fit_into(
        run,
        parts,
        tracer,
        config.model_dump(),
        title=f"A simulated class of {DEMO['students']:,} students",
        extra=more,
        quiet=quiet,
        as_json=as_json,
        resume=resume,
    )


def _truth(graph: ConceptGraph, prerequisites: NDArray[np.bool_]) -> Section:
    """What was found beside what the class was made with."""
    found, count = graph.needs(), len(graph.concepts)
    reached = prerequisites.copy()
    for middle in range(count):  # what is needed by way of others
        reached |= reached[:, [middle]] & reached[[middle]]
    rows = [
        [
            graph.concepts[i],
            ", ".join(graph.concepts[j] for j in np.flatnonzero(prerequisites[i])) or "nothing",
            ", ".join(graph.needed(graph.concepts[i])) or "nothing",
        ]
        for i in range(count)
    ]
    text = [
        f"Of {int(prerequisites.sum())} prerequisites that the class was made with, "
        f"{int((found & prerequisites).sum())} were found; {int((found & ~reached).sum())} edges are false."
    ]
    return Section("The graph and the truth", text, [TableData(["concept", "needs", "found"], rows)])
