"""The sections of the report on task gradients: do the tasks pull alike, how hard, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.judging.section import Figure, Section, Series
from umbel.training.kept import kept
from umbel.training.learner import Learner

__all__ = ["affinity_section", "gradient_section"]

_MOST = 12
"""Tasks that are drawn."""
_WHERE = {
    "features": "at the features that all tasks share",
    "parameters": "at the parameters that tasks share",
    "subsample": "at the parameters that tasks share, from a few rows of each task",
}
Told = Mapping[str, Any]


def gradient_section(learner: Learner) -> Section | None:
    """Cosines, conflicts, lengths and weights of the tasks' gradients.

    :param learner: a net, or what holds nets: the first that has kept them is shown.
    :returns: None where none has kept any, as for a single task.
    """
    told = kept(learner, "gradients")
    figures = [] if not told else [f for f in (_cosines(told), *_lines(told)) if f is not None]
    if not figures:
        return None
    text = [
        f"Gradients were taken {_WHERE[told['place']]}. Two tasks conflict where the cosine of their "
        "gradients is below 0: a small step for one of them alone then hurts the other."
    ]
    if told["cosines"] is None and told["place"] == "features" and _known(told["norms"]):
        text.append("No two tasks are known in the same row: there their gradients never meet.")
    return Section("Task gradients", [*text, *_left_out(told)], figures=figures)


def affinity_section(learner: Learner) -> Section | None:
    """What a step for one task does to the losses of the others.

    :param learner: a net, or what holds nets: the first that has kept it is shown.
    :returns: None where none has kept any.

    Source: Fifty et al. 2021, eq. 1.
    """
    told = kept(learner, "gradients")
    matrix = _by_own(_square(told.get("affinity") or []))
    if not np.isfinite(matrix).any():
        return None
    epochs = told["affinity_epochs"]
    when = f"epoch {epochs[0]}" if len(epochs) == 1 else f"{len(epochs)} epochs"
    figure = Figure(
        "heat",
        "Inter-task affinity",
        matrix=matrix,
        labels=(_names(told), _names(told)),
        x_label="whose loss falls",
        y_label="whose step",
        caption="How much a step for the row's task lowers the loss of the column's task, where 1 is what "
        f"that task's own step does; mean of {when}. Below 0 it raises it.",
    )
    text = [
        "Tasks that help each other, above 0 both ways, are candidates for one group (Fifty et al. 2021). "
        "Each time it is one plain gradient step of the shared parameters with the net's learning rate, on "
        "the same training rows, whatever the optimiser."
    ]
    return Section("Task affinity", [*text, *_left_out(told)], figures=[figure])


def _cosines(told: Told) -> Figure | None:
    matrix = _square(told["cosines"] or [])
    if not np.isfinite(matrix).any():
        return None
    return Figure(
        "heat",
        "Cosines of task gradients",
        matrix=matrix,
        labels=(_names(told), _names(told)),
        caption="Mean over the epochs: 1 where two tasks pull alike, 0 where neither minds the other, below "
        "0 where they conflict; empty where no row looked at knows both.",
    )


def _lines(told: Told) -> list[Figure | None]:
    """Curves over the epochs."""
    return [
        _curves(
            "Pairs of tasks that conflict",
            {"": told["conflicts"]},
            "share of pairs",
            "The share of pairs with a cosine below 0. About one half means directions of no relation; much "
            "more of it speaks for another balancer, or for groups.",
        ),
        _curves(
            "Length of task gradients",
            told["norms"],
            "length",
            "A task whose gradient is many times as long as the others' decides where the shared part goes, "
            "unless a balancer holds it back.",
        ),
        None
        if _constant(told["weights"])
        else _curves(
            "Weights of the balancer",
            told["weights"],
            "mean weight",
            "The mean weight of each task's loss in an epoch; 1 is what a plain sum gives it.",
        ),
    ]


def _curves(
    title: str, lines: Mapping[str, Sequence[float | None]], what: str, caption: str
) -> Figure | None:
    series = []
    for name, line in list(lines.items())[:_MOST]:
        known = [(epoch, value) for epoch, value in enumerate(line, start=1) if value is not None]
        if known:
            series.append(Series(name, [epoch for epoch, _ in known], [value for _, value in known]))
    if not series:
        return None
    return Figure("lines", title, series, x_label="epoch", y_label=what, caption=caption)


def _known(lines: Mapping[str, Sequence[float | None]]) -> bool:
    return any(value is not None for line in lines.values() for value in line)


def _constant(lines: Mapping[str, Sequence[float | None]]) -> bool:
    """True where all weights are one number: nothing was weighed."""
    return len({value for line in lines.values() for value in line if value is not None}) < 2


def _square(rows: Sequence[Sequence[float | None]]) -> NDArray[np.float64]:
    """The part of a matrix that is drawn, NaN where undefined; empty where there is none."""
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(rows))[:_MOST, :_MOST]


def _by_own(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each column divided by its diagonal; undefined where a task's own step did not help it.

    Losses have other sizes, and may be near 0: so columns can be read side by side.
    """
    own = matrix.diagonal()
    found: NDArray[np.float64] = matrix / np.where(own > 0, own, np.nan)
    return found


def _names(told: Told) -> list[str]:
    return list(told["tasks"][:_MOST])


def _left_out(told: Told) -> list[str]:
    more = len(told["tasks"]) - _MOST
    total = len(told["tasks"])
    return [f"The first {_MOST} of {total} tasks are drawn (left out: {more})."] if more > 0 else []
