"""The verdict table and the plot of gains, as report sections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from umbel.judging.metrics import METRICS
from umbel.judging.scores import Score, Scorecard
from umbel.judging.section import Figure, Section, Series, TableData
from umbel.judging.verdict import GAINS, LOSES, NO_EVIDENCE
from umbel.judging.words import interval, number, signed

__all__ = ["gain_section", "verdict_section"]

_MOST_ROWS = 60
"""Tasks a table or a plot shows one by one; of more, the pooled ones and both extremes."""


def _shown(scores: list[Score], scorecard: Scorecard) -> list[Score]:
    """Pooled lines first; of many tasks the ones with the largest and the smallest gains."""
    pooled = [s for s in scores if s.task in scorecard.pooled]
    single = [s for s in scores if s.task not in scorecard.pooled]
    if len(single) > _MOST_ROWS:
        judged = sorted((s for s in single if s.gain is not None), key=lambda s: -(s.gain or 0.0))
        half = _MOST_ROWS // 2
        single = judged[:half] + judged[max(half, len(judged) - half) :]
    return pooled + single


def _others(scorecard: Scorecard, models: Sequence[str] | None) -> list[str]:
    named = scorecard.models if models is None else [m for m in models if m in scorecard.models]
    return [model for model in named if model != scorecard.reference]


def verdict_section(
    scorecard: Scorecard, *, main: str = "joint", models: Sequence[str] | None = None
) -> Section:
    """Values of all models, and what the gains of one of them deserve.

    :param main: the model whose gains and verdicts stand in the first table.
    :param models: the models shown; all where None.
    """
    tables = []
    mine = scorecard.of(main)
    if mine and main != scorecard.reference:
        tables.append(_verdict_table(scorecard, _shown(mine, scorecard), main))
    tables.append(_value_table(scorecard, mine or scorecard.of(scorecard.reference), models))
    tables.append(_count_table(scorecard, models))
    text = [
        "Every model is scored on the same known test rows. A gain is the difference to the "
        f"{scorecard.reference} model in the task's primary metric, signed so that positive is better; "
        "its 95 % interval decides: all above 0 is 'gains', all below is 'loses', else 'no evidence'."
    ]
    hidden = len(scorecard.tasks) - _MOST_ROWS
    if hidden > 0:
        text.append(
            f"Of {len(scorecard.tasks)} tasks the {_MOST_ROWS} with the largest and the smallest gains "
            f"are shown; scores.csv has all."
        )
    mean = scorecard.mean_gain(main) if mine and main != scorecard.reference else None
    if mean is not None and mean.percent is not None:
        text.append(
            f"Mean relative gain of {main}: {signed(mean.percent)} % {interval(mean.low, mean.high)} over "
            f"{len(mean.used)} tasks. {mean.definition}"
        )
        text += [f"Left out of that mean: {task}, {why}." for task, why in mean.left_out.items()]
    notes = scorecard.notes()
    text += notes[:_MOST_ROWS]
    if len(notes) > _MOST_ROWS:
        text.append(f"{len(notes) - _MOST_ROWS} more notes of this sort are not shown.")
    return Section("Verdicts", text, tables)


def _verdict_table(scorecard: Scorecard, shown: list[Score], main: str) -> TableData:
    base = {s.task: s.value for s in scorecard.of(scorecard.reference)}
    rows: list[list[Any]] = []
    for score in shown:
        rows.append(
            [
                score.task,
                METRICS.get(score.metric).title,
                scorecard.rows.get(score.task),
                number(base.get(score.task)),
                number(score.value),
                signed(score.gain),
                interval(score.gain_low, score.gain_high) if score.gain is not None else "-",
                score.verdict,
            ]
        )
    columns = ["task", "metric", "test rows", scorecard.reference, main, "gain", "95 % interval", "verdict"]
    return TableData(columns, rows, f"Does a task gain from the {main} model over {scorecard.reference}?")


def _value_table(scorecard: Scorecard, order: list[Score], models: Sequence[str] | None) -> TableData:
    named = scorecard.models if models is None else [m for m in models if m in scorecard.models]
    value = {(s.task, s.metric, s.model): s.value for s in scorecard.scores}
    rows: list[list[Any]] = [
        [s.task, METRICS.get(s.metric).title, *(number(value.get((s.task, s.metric, m))) for m in named)]
        for s in _shown(order, scorecard)
    ]
    return TableData(["task", "metric", *named], rows, "Values of all models, baselines beside.")


def _count_table(scorecard: Scorecard, models: Sequence[str] | None) -> TableData:
    rows: list[list[Any]] = []
    for model in _others(scorecard, models):
        said = [s.verdict for s in scorecard.of(model) if s.task not in scorecard.pooled]
        counts = [sum(v == wanted for v in said) for wanted in (GAINS, NO_EVIDENCE, LOSES)]
        mean = scorecard.mean_gain(model)
        percent = "-" if mean.percent is None else f"{signed(mean.percent)} % {interval(mean.low, mean.high)}"
        rows.append([model, *counts, len(said) - sum(counts), percent])
    columns = ["model", GAINS, NO_EVIDENCE, LOSES, "not judged", "mean relative gain"]
    return TableData(columns, rows, f"Verdicts by model, against {scorecard.reference}.")


def gain_section(scorecard: Scorecard, *, models: Sequence[str] | None = None) -> Section:
    """Gains with their intervals, one figure per model.

    :param models: the models shown; all but the reference and ``constant`` where None.
    """
    figures = []
    for model in _others(scorecard, models):
        if models is None and model == "constant":
            continue  # its losses would dwarf all else
        shown = [s for s in _shown(scorecard.of(model), scorecard) if s.gain is not None]
        if shown:
            figures.append(_gain_figure(model, shown, scorecard.reference))
    text = ["Right of 0 is better. Each gain is in the unit of its task's primary metric."] if figures else []
    return Section("Gains", text, figures=figures)


def _gain_figure(model: str, shown: list[Score], reference: str) -> Figure:
    nan = float("nan")
    series = Series(
        model,
        [s.task for s in shown],
        [nan if s.gain is None else s.gain for s in shown],
        [nan if s.gain_low is None else s.gain_low for s in shown],
        [nan if s.gain_high is None else s.gain_high for s in shown],
    )
    return Figure(
        "intervals",
        f"Gain of {model} over {reference}",
        [series],
        x_label="gain in the primary metric",
        caption=f"Gain of the {model} model over the {reference} model by task, with 95 % intervals.",
    )
