"""How much each task relies on each modality: what its score loses when the modality's cells are shuffled."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from umbel.data.dataset import Dataset
from umbel.data.schema import COLUMN_TYPES
from umbel.encoders.by_type import ENCODER_OF
from umbel.judging.scorecard import Candidate, judge, pooled_name
from umbel.judging.scores import Score
from umbel.judging.section import Figure, Section, Series, TableData
from umbel.seeding import numpy_generator
from umbel.tasks import Encoded, Rule
from umbel.training.kept import kept
from umbel.training.learner import Learner
from umbel.training.truths import truth_of

__all__ = ["reliance_section", "shuffled"]


def shuffled(rows: Dataset, names: list[str], seed: int) -> Dataset:
    """The same rows with the cells of some columns dealt to other rows, those of one row together.

    :param names: the columns.
    """
    order = numpy_generator(seed, "shuffled", *names).permutation(len(rows))
    frame = rows.frame(rows.schema.names)
    dealt = frame.assign(**{name: frame[name].to_numpy()[order] for name in names})
    answers = {
        target: Encoded(encoded.values[rows.rows], encoded.weights[rows.rows])
        for target, encoded in rows.answers.items()
    }
    places = np.arange(len(rows), dtype=np.int64)
    return Dataset(dealt, rows.schema, rows.tasks, places, answers, rows.entity, rows.group)


def reliance_section(
    name: str, learner: Learner, rows: Dataset, rules: Mapping[str, Rule], *, seed: int, resamples: int = 200
) -> Section | None:
    """Loss of each task's primary metric without each modality, with paired intervals.

    A modality is all input columns of one type. Its cells are shuffled among the rows, so that it says
    nothing of its own row while its distribution stays (permutation importance; Breiman 2001, section 10;
    Fisher et al. 2019). Modalities that tell the same are each missed little.

    :param name: what the model is called.
    :param rows: rows that took no part in any choice; nothing is chosen by what is found here.
    :returns: None where there is one modality.
    """
    columns: dict[str, list[str]] = {}
    for kind in COLUMN_TYPES:
        if found := [c.name for c in rows.schema.columns if c.type == kind and not c.table]:
            columns[ENCODER_OF[kind]] = found  # type: ignore[index]  # get_args gives plain strings
    if len(columns) < 2:
        return None
    said = {"": Candidate(learner.predict(rows), rules)}
    for modality, names in columns.items():
        said[modality] = Candidate(learner.predict(shuffled(rows, names, seed)), rules)
    card = judge(truth_of(rows), said, reference="", resamples=resamples, seed=seed)
    tasks = rows.tasks
    shown = [pooled_name(tasks, t.name) if tasks.by_rows else t.name for t in tasks.targets]
    lost = {(s.task, s.model): s for s in card.scores if s.gain is not None and s.task in shown}
    lines: list[list[Any]] = []
    for task, modality in product(shown, columns):
        if score := lost.get((task, modality)):
            numbers = (score.gain, score.gain_high, score.gain_low)
            lines.append(
                [task, score.metric, modality, *(None if v is None else round(-v, 4) for v in numbers)]
            )
    figures = [
        _series(modality, [lost[t, modality] for t in shown if (t, modality) in lost]) for modality in columns
    ]
    tables = [TableData(["task", "metric", "without", "loses", "low", "high"], lines)]
    shares = kept(learner, "fusion_shares")
    if shares:
        tables.append(
            TableData(
                ["modality", "share"],
                [[modality, round(float(share), 3)] for modality, share in shares.items()],
                "What the fusion has learned to take from each modality, mean over the validation rows; the "
                "fusion stands before the tasks part.",
            )
        )
    held = "; ".join(f"{modality}: {', '.join(names)}" for modality, names in columns.items())
    text = [
        f"What the {name} model's score of each task loses when the cells of a modality are shuffled among "
        "the test rows. Two modalities that tell the same are each missed little.",
        f"Modalities: {held}.",
    ]
    chart = Figure("intervals", "Loss without a modality", figures, x_label="loss of the metric")
    return Section("What each task relies on", text, tables=tables, figures=[chart] if lines else [])


def _series(modality: str, scores: list[Score]) -> Series:
    """What each task loses without a modality, with its interval."""
    lost = [-float(s.gain or 0.0) for s in scores]
    low, high = (
        [-float(v if v is not None else s.gain or 0.0) for s in scores for v in [getattr(s, end)]]
        for end in ("gain_high", "gain_low")
    )
    return Series(modality, [s.task for s in scores], lost, low, high)
