"""A fit over a Parquet file that is never held: a sample says what is learned, the row groups teach it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from umbel.data.dataset import Dataset
from umbel.data.drawn import counters, draw
from umbel.data.prepare import Prepared, prepare
from umbel.data.problem import Problem
from umbel.data.schema import Schema
from umbel.data.streamed import StreamedTable
from umbel.errors import ConfigError
from umbel.judging.section import Section, TableData
from umbel.tasks import TaskSet
from umbel.training.build import checked
from umbel.training.config import Config, StreamConfig
from umbel.training.held import fit_rules, held_out
from umbel.training.learner import LEARNERS, Learner
from umbel.training.learners.streamed_net import Source, StreamedNet
from umbel.training.making import make
from umbel.training.pieces import Taught, is_parquet
from umbel.training.skill import skill

__all__ = ["Streamed", "fit_streamed", "stream_section"]


@dataclass(frozen=True)
class Streamed:
    """What a streamed fit gives.

    :param net: fitted on all training rows of the file.
    :param baselines: by name, fitted on the sample alone.
    :param notes: of the net, with rows by side and skills on validation (JSON).
    """

    net: Taught
    baselines: Mapping[str, Taught]
    tasks: TaskSet
    schema: Schema
    notes: Mapping[str, Any]


def fit_streamed(
    table: Any, config: Config, *, valid: float, note: Callable[[str], None] = lambda text: None
) -> Streamed:
    """Fit a net on a Parquet file, some row groups at a time.

    One pass reads the columns of entities and targets, and puts each entity on a side by a hash of its
    values; a second draws the sample and the validation rows. What follows are the epochs of the net. Test
    rows are not read.

    :param table: the path of a Parquet file.
    :param config: the run, with ``stream``.
    :param valid: share of the entities for validation, in (0, 1).
    :param note: told what happens now.
    :raises UmbelError: the file or the configuration breaks a rule, or needs the whole table.
    """
    spec = config.stream
    assert spec is not None
    options = _options(table, config)
    file = StreamedTable(
        table, config.problem, valid=valid, test=spec.test, seed=config.seed, most=spec.valid
    )
    note(f"a sample of {min(spec.sample, file.sizes['train']):,} of {file.sizes['train']:,} training rows")
    data = _sampled(file, config.problem, spec, config.seed)
    source = Source(file.only(0, data.train.schema.names), config.problem, spec.buffer)
    note(f"net, on {file.sizes['train']:,} rows")
    net = _taught(StreamedNet(**options).fit_from(source, data.train, data.valid), data.valid)
    baselines = {}
    for name in spec.baselines:
        if not LEARNERS.get(name).serves(data.train):
            note(f"{name}, on the sample")
            baselines[name] = _taught(make(name, {}).fit(data.train, data.valid), data.valid)
    skills = {name: _skills(taught.learner, data.valid) for name, taught in {"net": net, **baselines}.items()}
    notes = {
        **net.learner.notes,
        "rows": {**file.sizes, "sample": len(data.train), "held_valid": len(data.valid)},
        "skill": skills,
        "data": [*config.problem.notes, _sides_told(config.problem)],
    }
    return Streamed(net, baselines, data.train.tasks, data.train.schema, notes)


def _options(table: Any, config: Config) -> dict[str, Any]:
    """The options of the net.

    :raises ConfigError: the table is no Parquet file, or the model needs all rows at once.
    """
    model = config.model
    if not is_parquet(table):
        raise ConfigError(
            "only a Parquet file is streamed",
            found=str(table) if isinstance(table, str | Path) else type(table).__name__,
            remedy="write it as one: frame.to_parquet(path, row_group_size=20_000)",
        )
    if model.name not in ("auto", "net"):
        raise ConfigError(
            "only nets learn from a stream, all other learners need the whole table",
            found=f"model: {model.name}",
            remedy="model: net, or leave the stream out",
        )
    if model.space or model.folds not in (None, 0, 1):
        raise ConfigError(
            "a streamed fit is one fit",
            found=f"folds: {model.folds}, {len(model.space)} further sets of options",
            remedy="leave folds and space out, or choose them on a part of the table",
        )
    checked(model)
    return {"seed": config.seed, **model.sets[0]}


def _sampled(file: StreamedTable, problem: Problem, spec: StreamConfig, seed: int) -> Prepared:
    """The sample and the validation rows, made ready for learning."""
    drawn = draw(file, spec.sample)
    counting = counters(file, drawn.frame.iloc[drawn.split.train]) if problem.inputs is None else []
    left = [name for name in counting if name not in {*problem.types, *problem.sources, *problem.entity}]
    problem = problem.model_copy(update={"ignore": [*problem.ignore, *left]})
    return prepare(drawn.frame, problem, seed=seed, split=drawn.split)


def _sides_told(problem: Problem) -> str:
    if not problem.entity:
        return "The side of each row follows from a hash of its number: no column names an entity."
    return (
        f"The side of each row follows from a hash of {', '.join(problem.entity)}: an entity is on one side."
    )


def _taught(learner: Learner, valid: Dataset) -> Taught:
    return Taught(learner, fit_rules(held_out(learner, valid)))


def _skills(learner: Learner, valid: Dataset) -> dict[str, float | None]:
    """The skill of each target on the validation rows (see ``training.skill``)."""
    said = learner.predict(valid)
    return {
        t.name: skill(t.kind, said[t.name], valid.values(t.name), valid.weights(t.name))
        for t in valid.tasks.targets
    }


def stream_section(notes: Mapping[str, Any]) -> Section:
    """What a report tells of a streamed fit.

    :param notes: of :func:`fit_streamed`.
    """
    rows, skills = notes["rows"], notes["skill"]
    words = [
        f"{rows['train']:,} rows trained the net, read from the file some row groups at a time. Columns, "
        f"kinds, encoders and baselines know a sample of {rows['sample']:,} of them. {rows['held_valid']:,} "
        f"rows chose its epochs; {rows['test']:,} were left alone.",
        *notes["data"],
    ]
    targets = list(skills["net"])
    body: list[list[Any]] = [
        [name, *(None if found[t] is None else round(found[t], 4) for t in targets)]
        for name, found in skills.items()
    ]
    told = "Skill on the validation rows (1 - loss / loss of the constant), which chose the net's epochs."
    return Section("A table that was streamed", words, [TableData(["model", *targets], body, told)])
