"""What the commands of `umbel tracing` do: read logs, fit, judge, write the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import umbel.app.options as app_options
from umbel.app.console import Teller, command_line, print_json, print_table
from umbel.app.doors import model_folder
from umbel.app.run import Run, plain
from umbel.app.yamlfile import to_yaml

if TYPE_CHECKING:
    from umbel.app.report.content import Report
    from umbel.families.tracing.estimator import KnowledgeTracer
    from umbel.families.tracing.source.log import AnswerLog
    from umbel.families.tracing.source.split import Parts
    from umbel.families.tracing.study import Study
    from umbel.judging.section import Section

__all__ = [
    "DEMO",
    "chosen_student",
    "fit_into",
    "loaded",
    "page_of",
    "read_answers",
    "say_scores",
    "tables_of",
    "times_of",
]

DEMO: dict[str, Any] = {"world": "chain", "students": 3000, "concepts": 6, "questions": 10, "steps": 60}
"""The class of `--demo`."""


def read_answers(paths: Sequence[Path], reading: Mapping[str, Any], told: Teller) -> Any:
    """The log of some files with what was found in it; the findings are told.

    :returns: a :class:`~umbel.families.tracing.source.read.ReadLog`.
    """
    from umbel.families.tracing.source.read import read_log

    found = read_log(list(paths), **reading)
    told(f"{found.log.steps:,} answers of {app_options.count(len(found.log), 'student')}")
    for remark in found.report.remarks:
        if remark.count:
            told(f"  {remark.check}: {remark.count:,} {remark.words} {remark.where}".rstrip())
    return found


def loaded(model: Path) -> KnowledgeTracer:
    """The model of a run, or of a model folder."""
    from umbel.families.tracing.estimator import KnowledgeTracer

    return KnowledgeTracer.load(model_folder(model))


def fit_into(
    run: Run,
    parts: Parts,
    tracer: KnowledgeTracer,
    config: Mapping[str, Any],
    *,
    title: str,
    sections: Sequence[Section] = (),
    extra: Any = None,
    quiet: bool,
    as_json: bool,
    resume: bool = False,
) -> None:
    """Fit beside baselines, judge, write scores, report and model.

    :param sections: what stands before the rest of the report.
    :param extra: called with the study; gives further sections.
    """
    from umbel.app.report.content import Report, write_report
    from umbel.app.report.page import render
    from umbel.families.tracing.study import study
    from umbel.training.checkpoint import Store

    told = Teller(quiet=quiet)
    text = to_yaml(plain(config))
    command = command_line()
    if resume:
        run.log("resume", command=command)
    else:
        run.start(text, command)
        run.drop_checkpoint()
    with run.interruptible(["umbel", "tracing", "fit", "--resume", "--out", str(run.folder)]):
        found = study(
            parts,
            tracer.tracer_,
            seed=tracer.seed,
            show=False if quiet else None,
            store=Store(run.checkpoint),
            note=told,
        )
        if tracer.count:
            told(f"{app_options.count(tracer.count, 'further model')} for the intervals of mastery")
            tracer.fit_members(parts.train, parts.valid)
        more = [] if extra is None else list(extra(found))
        told("the report")
        report = Report(
            title,
            found.recommendation,
            plain(found.scores.rows),
            [*sections, *more, *found.sections],
            plain(found.costs),
            plain(found.facts),
            text,
            command,
        )
        write_report(run, report)
        run.write(run.report, render(report))
        tracer.save(run.model, card=_card(report, found))
        run.drop_checkpoint()
        run.log("end")
    told("fitted")
    if as_json:
        print_json({"run": run.folder, "recommendation": report.recommendation, "scores": report.scores})
        return
    say_scores(report.scores)
    print(report.recommendation)
    print(f"\nreport: {run.report}\nscores: {run.scores}\nmodel:  {run.model}")


def say_scores(rows: Sequence[Mapping[str, Any]]) -> None:
    """Models by line, metrics by column."""
    from umbel.judging.words import number

    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    models = list(dict.fromkeys(row["model"] for row in rows))
    cells = {(row["model"], row["metric"]): number(row["value"]) for row in rows}
    verdicts = {row["model"]: row.get("verdict") or "" for row in rows if row["metric"] == "auc"}
    print_table(
        ["model", *(metric.replace("_", " ") for metric in metrics), "verdict"],
        [[model, *(cells.get((model, m), "") for m in metrics), verdicts.get(model, "")] for model in models],
        right=[False, *(True for _ in metrics), False],
    )


def _card(report: Report, found: Study) -> str:
    model = found.model
    lines = [
        f"# {report.title}",
        f"A model of knowledge (`{model.name}`, {model.parameters:,} learned numbers), fitted by umbel.",
        "## What it answers",
        "The probability that a student answers a question right, stated before the answer, from the answers "
        "before it; and by that, mastery of each concept.",
        "## How good it is",
        report.recommendation,
        "Judged on students it has not seen; every answer was scored once, the first included.",
        "## Where not to use it",
        "For decisions about single persons without a look at the interval of their mastery; for concepts it "
        "has not met; where the log's students are unlike those it is used for.",
    ]
    return "\n\n".join(lines) + "\n"


def tables_of(log: AnswerLog) -> dict[str, list[Any]]:
    """A log as the columns of a table, one row an answer."""
    return {
        "student": [log.students[i] for i in log.student],
        "question": ["" if q < 0 else log.questions[q] for q in log.question],
        "concepts": [";".join(log.concepts[c] for c in log.concept_sets[s]) for s in log.sets],
        "correct": [int(c) if c in (0, 1) else float(c) for c in log.correct],
    }


def chosen_student(log: AnswerLog, student: str) -> AnswerLog:
    """The answers of one student.

    :raises DataError: there is none of that name.
    """
    from umbel.errors import DataError, near

    if student not in log.students:
        raise DataError(
            "a student must be one of the log's", found=f"'{student}'", remedy=near(student, log.students)
        )
    return log.take([log.students.index(student)])


def times_of(text: str) -> Any:
    """``end``, ``every``, or numbers of answers.

    >>> times_of("0, 10,20"), times_of("end")
    ([0, 10, 20], 'end')
    """
    parts = [part.strip() for part in text.split(",")]
    return [int(part) for part in parts] if all(part.isdigit() for part in parts) else text


def page_of(title: str, sections: Sequence[Section]) -> str:
    """A page of its own with some sections."""
    from umbel.app.report.content import Report
    from umbel.app.report.page import render

    return render(Report(title, sections=list(sections), command=command_line()))
