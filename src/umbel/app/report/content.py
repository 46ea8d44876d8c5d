"""What a report holds, as plain data: made from a comparison, kept in the log of a run, read from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from umbel.app.run import Run, plain
from umbel.errors import DataError
from umbel.judging.section import Figure, Section, Series, TableData

__all__ = ["Comparable", "Report", "read_report", "report_of", "section_of", "write_report"]

Rows = list[dict[str, Any]]


class HasFrame(Protocol):
    """Scores that give a table."""

    def frame(self) -> Any:
        """The table, with the columns of ``scores.csv``."""
        ...


class Comparable(Protocol):
    """What :func:`report_of` needs of a comparison."""

    @property
    def scores(self) -> HasFrame:
        """Per task and model: value, interval, gain, verdict."""
        ...

    @property
    def sections(self) -> Sequence[Section]:
        """What is shown beside the scores."""
        ...

    @property
    def recommendation(self) -> str:
        """In plain words."""
        ...

    @property
    def costs(self) -> Mapping[str, Any]:
        """By model: CPU-seconds and learned numbers."""
        ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """Rows, seed, versions, choices."""
        ...


@dataclass(frozen=True)
class Report:
    """All that a page or a card shows.

    :param title: its heading.
    :param recommendation: in plain words; empty where nothing was compared.
    :param scores: rows with the columns of ``scores.csv``.
    :param costs: by model, ``cpu_seconds`` and ``parameters``.
    :param facts: rows, labels, seed, versions, what was chosen and why.
    :param config: the configuration as YAML.
    :param command: the exact command.
    """

    title: str
    recommendation: str = ""
    scores: Rows = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    costs: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    config: str = ""
    command: str = ""


def report_of(result: Comparable, *, title: str, config: str = "", command: str = "") -> Report:
    """The report of a comparison.

    :param result: what ``umbel.compare`` returns.
    :param title: its heading.
    :param config: the configuration as YAML.
    :param command: the exact command.
    """
    return Report(
        title,
        result.recommendation,
        plain(result.scores.frame().to_dict("records")),
        [*_verdicts(result), *result.sections],
        plain(result.costs),
        plain(result.facts),
        config,
        command,
    )


def _verdicts(result: Comparable) -> list[Section]:
    """Verdicts and gains come first; of the final scores, which may be those over several splits."""
    from umbel.judging.scores import Scorecard
    from umbel.judging.verdicts import gain_section, verdict_section

    if not isinstance(result.scores, Scorecard) or any(s.title == "Verdicts" for s in result.sections):
        return []
    return [verdict_section(result.scores), gain_section(result.scores)]


def write_report(run: Run, report: Report) -> None:
    """Keep what the page is drawn from: the scores as a table, the rest in the log.

    :raises DiskError: a file could not be written.
    """
    if report.scores:
        run.write_scores(report.scores)
    for section in report.sections:
        run.log("section", section=section)
    run.log(
        "result",
        title=report.title,
        recommendation=report.recommendation,
        costs=report.costs,
        facts=report.facts,
    )


def read_report(run: Run) -> Report:
    """The report of a run.

    :raises DataError: the folder is no run, or the run has not ended.
    """
    if not any(run.events("result")):
        state = "whose log has no result" if run.log_file.is_file() else "without log.jsonl"
        raise DataError(
            "a report is drawn from a run that has ended",
            found=f"'{run.folder}', {state}",
            remedy="give the --out folder of `umbel compare`, `umbel demo` or `umbel fit`",
        )
    start: dict[str, Any] = next(run.events("start"), {})
    result: dict[str, Any] = next(run.events("result"), {})
    return Report(
        str(result.get("title") or run.folder.name),
        str(result.get("recommendation", "")),
        run.read_scores() if run.scores.is_file() else [],
        [section_of(event["section"]) for event in run.events("section")],
        dict(result.get("costs", {})),
        dict(result.get("facts", {})),
        run.config.read_text(encoding="utf-8") if run.config.is_file() else "",
        str(start.get("command", "")),
    )


def section_of(state: Mapping[str, Any]) -> Section:
    """A section from the JSON it was kept as."""
    figures = []
    for figure in state["figures"]:
        labels = figure["labels"]
        figures.append(
            Figure(
                **{
                    **figure,
                    "series": [Series(**_numbers(one)) for one in figure["series"]],
                    "matrix": _floats(figure["matrix"]),
                    "labels": None if labels is None else (labels[0], labels[1]),
                }
            )
        )
    tables = [TableData(**table) for table in state["tables"]]
    return Section(state["title"], list(state["text"]), tables, figures)


def _numbers(series: Mapping[str, Any]) -> dict[str, Any]:
    return {**series, **{k: _floats(series[k]) for k in ("y", "low", "high")}}


def _floats(values: Any) -> Any:
    """An array again, with what JSON could not hold undefined."""
    import numpy as np

    return None if values is None else np.array(values, dtype=float)
