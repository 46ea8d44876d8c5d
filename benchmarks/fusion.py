"""Fusion: three poor witnesses of a digit in one space, rows that lack one, and a position at the head.

    python benchmarks/fusion.py [--seeds 3]

The rows are those of ``fusion_data.py``. Validation rows stop every model; which fusion joins image and sound
was chosen on validation rows of seed 100, which is not among those that are judged. Test rows are read once.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))

from fusion_data import Witnesses, positions, witnesses
from over_seeds import over_seeds
from record import Table, record
from tables_data import shared_tables

from umbel.data.dataset import Dataset
from umbel.data.prepare import Prepared, attach, prepare
from umbel.data.problem import Problem
from umbel.data.schema import Schema
from umbel.judging.bootstrap import Percentile, Resamples
from umbel.judging.verdict import verdict
from umbel.training.learner import Learner
from umbel.training.making import make

__all__ = ["FUSED", "OPTIONS", "POSITION"]

TYPES = {"image": "image", "sound": "series", "typed": "text"}
MODALITIES = {"image": "images", "sound": "series", "typed": "text"}
RESAMPLES = 2000

# chosen on validation rows of seed 100
OPTIONS: dict[str, Any] = {
    "epochs": 20,
    "patience": 4,
    "width": 128,
    "dropout": 0.3,
    "embedding_dropout": 0.1,
    "wide": "none",
    "diagnose": False,
    "encoders": {
        "images": {"channels": [8, 16], "width": 32},
        "series": {"width": 64, "pool": "mean", "dropout": 0.3},
    },
}
FUSED: dict[str, Any] = {"fusion": "concat", "modality_dropout": 0.2}
FUSIONS = ("concat", "gated", "attention", "film", "tensor")
POSITION: dict[str, Any] = {
    "epochs": 10,
    "patience": 4,
    "width": 128,
    "dropout": 0.1,
    "batch_size": 128,
    "lr": 3e-3,
    "schedule": "one_cycle",
    "wide": "none",
    "diagnose": False,
    "head_hidden": 128,
    "encoders": {"images": {"channels": [16, 32, 64], "width": 128}},
}

Right = NDArray[np.bool_]


@dataclass
class Found:
    """One seed: right answers of each model on the test rows, and the unit each row belongs to.

    :param units: of the witnesses the recording, of the positions the pair.
    """

    units: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    right: dict[str, Right] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def take(self, name: str, right: Right, seconds: float = 0.0) -> None:
        """Keep a model's answers, and say how good they are."""
        self.right[name], self.seconds[name] = right, seconds
        print(f"  {name}: {right.mean():.4f} ({seconds:.0f} CPU-s)", flush=True)


def seeing(rows: Dataset, names: Sequence[str]) -> Dataset:
    """Rows with some of their input columns."""
    return rows.seeing(Schema(tuple(c for c in rows.schema.columns if c.name in names)))


def right_of(learner: Learner, rows: Dataset, target: str = "digit") -> Right:
    """Which rows' most probable class is the true one."""
    found: Right = learner.predict(rows)[target].value.argmax(axis=1) == rows.values(target)
    return found


def lacking(data: Prepared, table: pd.DataFrame, column: str) -> Dataset:
    """The test rows without one witness."""
    bare = table.iloc[data.split.test].reset_index(drop=True).assign(**{column: None})
    return attach(bare, data.dataset.schema, data.dataset.tasks, problem=data.problem)


def _fitted(learner: str, options: Mapping[str, Any], data: Prepared, names: Sequence[str]) -> Any:
    begin = time.process_time()
    made = make(learner, options).fit(seeing(data.train, names), seeing(data.valid, names))
    return made, time.process_time() - begin


def see(rows: Witnesses, seed: int, found: Found) -> None:
    """Every model of image, sound and typed word."""
    problem = Problem.of({"digit": "multiclass"}, types=TYPES)
    data = prepare(rows.table, problem, seed=seed, split=rows.split)
    found.units["witnesses"] = rows.recording[data.split.test]
    options = {**OPTIONS, "seed": seed}
    every = tuple(TYPES)
    for name, learner, names in (("constant", "constant", every), ("linear, all three", "linear", every)):
        made, seconds = _fitted(learner, {}, data, names)
        found.take(name, right_of(made, seeing(data.test, names)), seconds)
    for name in every:
        made, seconds = _fitted("net", options, data, [name])
        found.take(f"{name} alone", right_of(made, seeing(data.test, [name])), seconds)
    two = ["image", "sound"]
    made, seconds = _fitted("linear", {}, data, two)
    found.take("linear, image and sound", right_of(made, seeing(data.test, two)), seconds)
    for fusion in FUSIONS:
        made, seconds = _fitted("net", {**options, **FUSED, "fusion": fusion}, data, two)
        found.take(f"image and sound, {fusion}", right_of(made, seeing(data.test, two)), seconds)
        if fusion == FUSED["fusion"]:
            for gone in two:
                bare = seeing(lacking(data, rows.table, gone), two)
                found.take(f"image and sound, {fusion}; the {gone} is missing", right_of(made, bare))
    for how in ("product", "average"):
        made, seconds = _fitted("late_fusion", {"how": how, "options": options}, data, two)
        found.take(f"image and sound, late ({how})", right_of(made, seeing(data.test, two)), seconds)
    made, seconds = _fitted("net", {**options, **FUSED}, data, every)
    found.take("all three, fused", right_of(made, data.test), seconds)
    for gone in every:
        found.take(f"all three, fused; {gone} is missing", right_of(made, lacking(data, rows.table, gone)))


def place(seed: int, found: Found) -> None:
    """MultiMNIST read by two heads, and by one head that is told the position."""
    pairs, questions, of_pairs, of_questions = positions(seed)
    options = {**POSITION, "seed": seed}
    asked = Problem.of({"left": "multiclass", "right": "multiclass"}, types={"picture": "image"})
    data = prepare(pairs, asked, seed=seed, split=of_pairs)
    two, seconds = _fitted("net", options, data, ["picture"])
    by_two = np.concatenate([right_of(two, data.test, digit) for digit in ("left", "right")])
    found.units["positions"] = np.tile(np.arange(len(data.test)), 2)
    found.take("two heads", by_two, seconds)
    asked = Problem.of(
        {"digit": "multiclass"}, types={"picture": "image", "position": "category"}, side="position"
    )
    data = prepare(questions, asked, seed=seed, split=of_questions)
    one, seconds = _fitted("net", options, data, ["picture", "position"])
    found.take("one head, told the position", right_of(one, data.test), seconds)


@dataclass(frozen=True)
class Gap:
    """Accuracy of one model less that of another, over the seeds."""

    mean: float
    low: float
    high: float
    each: list[float]

    @property
    def verdict(self) -> str:
        """gains, no evidence, loses."""
        return verdict(self.low, self.high)


def gap(runs: Sequence[Found], what: str, mine: str, theirs: str) -> Gap:
    """The mean difference with its interval: units (recordings, pairs) are drawn, and seeds spread."""
    units = np.unique(np.concatenate([run.units[what] for run in runs]))
    each = np.arange(len(units))
    drawn = Resamples(each, RESAMPLES, 0)
    replicates = np.empty((len(runs), RESAMPLES + 1))
    for s, run in enumerate(runs):
        place_of = np.searchsorted(units, run.units[what])
        lead = run.right[mine].astype(float) - run.right[theirs]
        sums = np.bincount(place_of, weights=lead, minlength=len(units))
        sizes = np.bincount(place_of, minlength=len(units))
        for span, counts in drawn.blocks(each):
            replicates[s, span] = (sums @ counts) / (sizes @ counts)
    points = replicates[:, 0]
    if len(runs) == 1:
        ends = Percentile()(replicates[0, 1:], len(units))
        assert ends is not None
        return Gap(float(points[0]), float(ends[0]), float(ends[1]), [float(points[0])])
    mean, low, high = over_seeds(points, replicates[:, 1:].mean(axis=0))
    return Gap(mean, low, high, [float(p) for p in points])


PAIRS = (
    ("witnesses", "image and sound, concat", "image alone"),
    ("witnesses", "image and sound, concat", "sound alone"),
    ("witnesses", "image and sound, concat", "linear, image and sound"),
    ("witnesses", "all three, fused", "image and sound, concat"),
    ("witnesses", "all three, fused", "typed alone"),
    ("witnesses", "all three, fused", "linear, all three"),
    ("witnesses", "image and sound, concat; the image is missing", "sound alone"),
    ("witnesses", "image and sound, concat; the sound is missing", "image alone"),
    ("positions", "one head, told the position", "two heads"),
)


def judged(runs: Sequence[Found]) -> tuple[list[Table], dict[str, Any]]:
    """The tables, and every difference."""
    models = []
    for name in runs[0].right:
        values = [float(run.right[name].mean()) for run in runs]
        each = ", ".join(f"{v:.4f}" for v in values)
        models.append([name, float(np.mean(values)), each, float(np.mean([r.seconds[name] for r in runs]))])
    gaps, raw = [], {}
    for what, mine, theirs in PAIRS:
        one = gap(runs, what, mine, theirs)
        each = ", ".join(f"{v:+.4f}" for v in one.each)
        gaps.append([f"{mine} minus {theirs}", one.mean, one.low, one.high, one.verdict, each])
        raw[f"{mine} minus {theirs}"] = [one.mean, one.low, one.high, *one.each]
    tables = [
        Table(
            "Accuracy of the digit on the test rows, mean and value of each seed.",
            ["model", "accuracy", "each seed", "CPU-s"],
            models,
        ),
        Table(
            "Differences of accuracy with 95 % intervals: test recordings (or pairs) are drawn anew by a "
            "paired bootstrap, and the spread over the seeds is added.",
            ["models", "difference", "low", "high", "verdict", "each seed"],
            gaps,
        ),
    ]
    return tables, raw


def main() -> int:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    folder = shared_tables().parent
    if not (folder / "images" / "mnist").is_dir() or not (folder / "audio" / "fsdd").is_dir():
        print("skipped: the data is not there; set UMBEL_SHARED to the folder of images/mnist and audio/fsdd")
        return 0
    begin, runs = time.process_time(), []
    seeds = range(asked.first, asked.first + asked.seeds)
    for seed in seeds:
        print(f"seed {seed}", flush=True)
        found = Found()
        see(witnesses(seed), seed, found)
        place(seed, found)
        runs.append(found)
    tables, raw = judged(runs)
    for table in tables:
        for row in table.rows:
            print("  ", *(round(c, 4) if isinstance(c, float) else c for c in row), flush=True)
    notes = [
        "Images 0 to 6999 of the official MNIST test file (6,000 for training, 1,000 for validation) and "
        "7000 to 9999 for test, drawn again from 4 principal components of the first 7000; recordings of "
        "FSDD by its official split (each tenth training one for validation), 20 steps of 33 log-mel bands "
        "with Gaussian noise of 3 standard deviations; the digit's name with each letter replaced with "
        "probability .6. Each image has a recording and a word of its digit; the seed draws pairs, noise, "
        "validation images, parameters and batches.",
        "The sound is read as a series of 33 features. Nets, fusions and options were compared on validation "
        f"rows of seed 100; '{FUSED['fusion']}' with modality dropout {FUSED['modality_dropout']} was taken "
        "from there as the fused model. Late fusion has an expert per modality, each stopped by itself.",
        "Position: the pairs of the MultiMNIST benchmark, once with a head per digit and once with one head "
        "that has the position as a side input; the same net and options otherwise.",
    ]
    result = {
        "accuracy": [{k: float(v.mean()) for k, v in run.right.items()} for run in runs],
        "differences": raw,
    }
    spent = time.process_time() - begin
    title = "Fusion: image, sound and a typed word"
    record("fusion", result, seeds=seeds, title=title, tables=tables, notes=notes, cpu_seconds=spent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
