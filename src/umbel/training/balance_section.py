"""How near a balanced split has come to its wish, as a part of the report."""

from __future__ import annotations

import pandas as pd

from umbel.data.split import Split
from umbel.judging.section import Section, TableData

__all__ = ["MOST", "balance_section", "balance_table"]

MOST = 40
"""Lines of the table; those with the largest deviation."""


def balance_table(deviations: pd.DataFrame, *, most: int = MOST) -> TableData:
    """A line per task and class: the part of its rows on each side, and the largest deviation.

    :param deviations: of a split, see ``Balanced.deviations``.
    :param most: lines at most.
    :returns: columns of text and numbers; the wish stands in the names of the columns.

    >>> from umbel.data.balance import split_balanced
    >>> import numpy as np
    >>> labels, classes = {"ill": np.array([0] * 6 + [1] * 2)}, {"ill": ["no", "yes"]}
    >>> found = split_balanced(np.arange(8), labels, (0.5, 0.5), seed=0, classes=classes)
    >>> table = balance_table(found.deviations)
    >>> table.columns
    ['task', 'class', 'entities', 'side 0 (0.5)', 'side 1 (0.5)', 'deviation']
    >>> table.rows[:2]
    [['ill', 'no', 6, 0.5, 0.5, 0.0], ['ill', 'yes', 2, 0.5, 0.5, 0.0]]
    """
    sides = list(dict.fromkeys(deviations["side"]))
    wished = deviations["wished"].iloc[: len(sides)]
    lines, off = [], []
    for begin in range(0, len(deviations), len(sides)):
        part = deviations.iloc[begin : begin + len(sides)]
        about = part.iloc[0]
        reached = [round(float(share), 3) for share in part["reached"]]
        off.append(round(float(part["deviation"].abs().max()), 3))
        lines.append([str(about["task"]), str(about["class"]), int(about["entities"]), *reached, off[-1]])
    far = sorted(range(len(lines)), key=lambda line: -off[line])[:most]
    shown = [lines[line] for line in sorted(far)]
    names = [f"{side} ({share:g})" for side, share in zip(sides, wished, strict=True)]
    caption = (
        "Parts of each class's rows on each side, and the wish beside the side's name. Entities carry the "
        "class; one that weighs no more than the others moves a part by 1 / entities."
    )
    left = f" The {len(lines) - len(shown)} nearer to the wish are left out." if lines[len(shown) :] else ""
    return TableData(["task", "class", "entities", *names, "deviation"], shown, caption + left)


def balance_section(split: Split) -> list[Section]:
    """The table of a balanced split; nothing of another one.

    :param split: with what it has reached.
    """
    if split.balance is None:
        return []
    return [Section("Balance of the split", list(split.notes), [balance_table(split.balance)])]
