"""What several commands do: read the configuration, fit or compare, write the run, say the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from umbel.app.config import config_text, read_config
from umbel.app.console import Teller, command_line, print_json, print_table
from umbel.app.processes import leads
from umbel.app.run import Run, plain
from umbel.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from umbel.app.report.content import Report
    from umbel.training.config import Config

__all__ = ["compare_into", "fit_into", "model_folder", "options_of", "resumed", "say_scores"]


def options_of(
    *,
    targets: Sequence[str] | None = None,
    by: str | None = None,
    entity: Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
    model: str | None = None,
    sharing: str | None = None,
    balancing: str | None = None,
    gradients: str | None = None,
    curriculum: str | None = None,
    splits: int | None = None,
    stream: bool | None = None,
    seed: int | None = None,
) -> dict[str, Any]:
    """Options of the command line at their places in the configuration; None is not given."""
    return {
        "problem.targets": targets,
        "problem.by": by,
        "problem.entity": entity,
        "problem.inputs": inputs,
        "model.name": model,
        "model.sharing": sharing,
        "model.balancing": balancing,
        "model.gradients": gradients,
        "model.curriculum": curriculum,
        "compare.splits": splits,
        "stream": stream,
        "seed": seed,
    }


def resumed(out: Path | None, options: Mapping[str, Any], file: Path | None) -> tuple[Path, Config]:
    """The folder and the configuration of a run that is to go on.

    :param out: the folder of the run.
    :param options: of the command line; none may be given, as the run has its own.
    :param file: a configuration file; likewise.
    :raises ConfigError: there is no such run, it has ended, or it is asked for something else.
    """
    given = [path for path, value in options.items() if value is not None]
    if out is None or given or file is not None:
        raise ConfigError(
            "a run goes on with the configuration it has",
            found="no --out" if out is None else ", ".join([*given, *(["--config"] if file else [])]),
            remedy="umbel fit --resume --out RUN",
        )
    run = Run(out)
    if not run.config.is_file() or not run.checkpoint.is_dir():
        raise ConfigError(
            "a run that goes on has config.yaml and a checkpoint",
            found=f"no {run.config.name if not run.config.is_file() else run.checkpoint.name} in '{out}'",
            remedy="a run that has ended has no checkpoint: its model is in model/",
        )
    return out, read_config(run.config, {})


def model_folder(path: Path) -> Path:
    """The model of a run, or the folder itself where it is a model."""
    return path / "model" if (path / "model" / "model.json").is_file() else path


def compare_into(
    run: Run, frame: pd.DataFrame, config: Config, *, title: str, quiet: bool, as_json: bool
) -> None:
    """Compare, write the run with its page and model, and say what was found.

    :raises UmbelError: the table or the configuration breaks a rule, or the disk is full.
    """
    from umbel.app.report.card import card
    from umbel.app.report.content import report_of, write_report
    from umbel.app.report.page import render
    from umbel.training.compare import compare

    told = Teller(quiet=quiet)
    text = config_text(config)
    run.start(text, command_line())
    with run.interruptible():
        found = compare(frame, _shown(config, quiet), note=told)
        told("the report")
        report = report_of(found, title=title, config=text, command=command_line())
        if run.writes:
            write_report(run, report)
            run.write(run.report, render(report))
            found.model.save(run.model, card=card(report, found.model))
        run.log("end")
    told("compared")
    if leads():
        _say_comparison(run, report, as_json=as_json)


def _say_comparison(run: Run, report: Report, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "run": run.folder,
                "recommendation": report.recommendation,
                "scores": report.scores,
                "costs": report.costs,
            }
        )
        return
    say_scores(report.scores)
    print(report.recommendation)
    print(f"\nreport: {run.report}\nscores: {run.scores}\nmodel:  {run.model}")


def say_scores(rows: Sequence[dict[str, Any]]) -> None:
    """Scores as a table: models side by side, and the verdict on the joint one; of one model alone its
    intervals.

    :param rows: of ``scores.csv``.
    """
    from umbel.app.report.tables import score_grid

    grid = score_grid(rows)
    verdicts = {(r["task"], r["metric"]): r["verdict"] or "" for r in rows if r.get("model") == "joint"}
    body = []
    for cells in grid.rows:
        name = (cells[0].text, cells[0].note)
        line = [*name, *(f"{c.text} *" if c.style == "best" else c.text for c in cells[1:])]
        if len(cells) == 2:
            line.append(cells[1].note)
        body.append([*line, verdicts[name]] if verdicts else line)
    columns = ["task", "metric", *grid.columns[1:]]
    if len(columns) == 3:
        columns.append("95 % interval")
    if verdicts:
        columns.append("joint: verdict")
    print_table(columns, body, right=[False, False, *grid.numeric[1:], False])


def fit_into(
    run: Run,
    table: pd.DataFrame | Path,
    config: Config,
    *,
    title: str,
    quiet: bool,
    as_json: bool,
    resume: bool,
) -> None:
    """Fit one model on all rows of a table and write the run. A checkpoint is kept while it goes on.

    :param table: the path of a Parquet file where the configuration streams it.
    :param resume: go on from the checkpoint of the run, where there is one.
    :raises UmbelError: the table or the configuration breaks a rule, or the disk is full.
    """
    from umbel.app.report.card import card
    from umbel.app.report.content import Report, write_report
    from umbel.app.report.page import render
    from umbel.app.streams import streamed_facts
    from umbel.training.estimator import MultiTask
    from umbel.training.sections import learned

    told = Teller(quiet=quiet)
    text = config_text(config)
    if not resume:
        run.drop_checkpoint()
    run.start(text, command_line())
    again = ["umbel", "fit", "--resume", "--out", str(run.folder)]
    with run.interruptible(resume=again):
        asked = _kept(_shown(config, quiet), run)
        model = MultiTask.of(asked).fit(table, note=told)
        facts = {"seed": config.seed, "chosen": {"model": model.notes_}}
        scores, sections = [], learned("fitted", model.learner_)
        if not isinstance(table, Path):
            facts["rows"] = {"all": len(table)}
        elif run.writes:
            told("the test rows")
            streamed = streamed_facts(model, table, config)
            scores, sections = streamed.scores, [streamed.section, *sections]
            facts |= streamed.facts
        told("the report")
        report = Report(
            title,
            scores=scores,
            sections=sections,
            facts=plain(facts),
            config=text,
            command=command_line(),
        )
        if run.writes:
            write_report(run, report)
            run.write(run.report, render(report))
            model.save(run.model, card=card(report, model))
        run.log("end")
    run.drop_checkpoint()
    told("fitted")
    if leads():
        if as_json:
            print_json({"run": run.folder, "model": run.model, "notes": model.notes_, "scores": scores})
        else:
            if scores:
                say_scores(scores)
            print(f"model:  {run.model}\nreport: {run.report}")


def _shown(config: Config, quiet: bool) -> Config:
    """With a progress bar where there is a terminal and the model is a net."""
    return config if quiet else _with_net_options(config, progress=None)


def _kept(config: Config, run: Run) -> Config:
    """With checkpoints in the run's folder, where the model is a net."""
    often = {} if config.stream is None else {"every": 1000}  # its epochs are long
    return _with_net_options(config, checkpoint=str(run.checkpoint), **often)


def _with_net_options(config: Config, **options: Any) -> Config:
    """With further options of the nets, unless the user has set them."""
    if config.model.name not in ("auto", "net"):
        return config
    more = {**options, **config.model.options}
    return config.model_copy(update={"model": config.model.model_copy(update={"options": more})})
