"""Sharing architectures beside hard sharing on two tables: the films and School."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from architectures_sizes import dense_options
from numpy.typing import NDArray
from over_seeds import over_seeds
from record import Table
from tables_data import school

from umbel.app.commands.demo import MODEL
from umbel.data.films import films, films_problem
from umbel.data.prepare import Prepared, prepare
from umbel.judging.corrected import corrected_interval
from umbel.judging.metrics import METRICS
from umbel.judging.scorecard import Candidate, Scorecard, judge
from umbel.judging.verdict import verdict
from umbel.training.held import fit_rules, held_out
from umbel.training.learner import LEARNERS
from umbel.training.learners.net_options import NetOptions
from umbel.training.truths import truth_of

__all__ = ["LINEAR", "Gap", "Part", "on_films", "on_school"]

LINEAR = ("mean_regularised", "hierarchical", "trace_norm", "task_covariance", "clustered")

# the same for all architectures; rate, width, decay and weighting were tried with hard sharing on the
# validation rows of seed 100, which is not among those that are judged
WARDS = NetOptions(
    width=64,
    depth=2,
    activation="silu",
    lr=1e-3,
    weight_decay=1.0,
    task_weighting="labels",
    epochs=40,
    patience=8,
)


@dataclass(frozen=True)
class Gap:
    """A difference to hard sharing with its interval; positive is better."""

    mean: float
    low: float
    high: float
    digits: int = 4

    def __str__(self) -> str:
        ends = ", ".join(f"{end:+.{self.digits}f}" for end in (self.low, self.high))
        return f"{self.mean:+.{self.digits}f} [{ends}]"

    @property
    def verdict(self) -> str:
        """gains, no evidence, loses."""
        return verdict(self.low, self.high)


@dataclass(frozen=True)
class Part:
    """What one place says.

    :param columns: of the summary, each with differences to hard sharing by model.
    :param sizes: learned numbers of each architecture's trunk.
    """

    name: str
    seeds: list[int]
    table: Table
    columns: dict[str, dict[str, Gap]]
    sizes: dict[str, int]
    raw: dict[str, Any]
    cpu_seconds: float


def _net(data: Prepared, name: str, options: dict[str, Any], seed: int) -> tuple[Candidate, int, float]:
    """A learner fitted on training rows; validation rows stop it and choose how it decides."""
    begin = time.process_time()
    made = LEARNERS.get(name)(**options)
    learner = made.fit(data.train, data.valid)
    spent = time.process_time() - begin
    rules = fit_rules(held_out(learner, data.valid))
    return Candidate(learner.predict(data.test), rules), learner.parameters, spent


def _relative(card: Scorecard, model: str) -> tuple[float, NDArray[np.float64]]:
    """Mean over tasks of the relative gain over hard in percent (Maninis et al. 2019), and replicates."""
    points, shares = [], []
    for task in card.tasks:
        metric = METRICS.get(card.primary[task])
        mine, base = card.value(task, model), card.value(task, "hard")
        assert mine is not None
        assert base
        points.append(metric.sign * (mine - base) / abs(base))
        v, b = (card.replicates[task, metric.name, one] for one in (model, "hard"))
        shares.append(metric.sign * (v - b) / np.abs(b))
    return 100 * float(np.mean(points)), 100 * np.mean(shares, axis=0)


def on_films(seeds: Sequence[int], *, only: Sequence[str] = (), **changes: Any) -> Part:
    """Seven tasks on the embedded films, one net each with the options of `umbel demo`'s joint net.

    :param only: these architectures beside hard sharing; all where empty.
    """
    begin, frame = time.process_time(), films()
    options = replace(NetOptions(**MODEL["space"][0]), **changes)  # type: ignore[arg-type]  # options as YAML has them
    cards: list[Scorecard] = []
    spent: dict[str, list[float]] = {}
    sized: dict[str, tuple[NetOptions, int]] = {}
    rows: tuple[int, int, int] = (0, 0, 0)
    for seed in seeds:
        data = prepare(frame, films_problem(), seed=seed)
        rows = len(data.train), len(data.valid), len(data.test)
        sized = sized or dense_options(data.train, options, only=only)
        candidates = {}
        for name, (own, _) in sized.items():
            candidates[name], _, took = _net(data, "net", replace(own, seed=seed).options, seed)
            spent.setdefault(name, []).append(took)
            print(f"  films {seed} {name} {took:.1f} s", flush=True)
        cards.append(judge(truth_of(data.test), candidates, reference="hard", resamples=1000, seed=seed))
    gaps, lines, primary = {}, [], cards[0].primary
    for name, (own, size) in sized.items():
        values = [float(np.mean([c.value(task, name) for c in cards])) for task in primary]
        gap = None
        if name != "hard":
            found = [_relative(card, name) for card in cards]
            whole = np.mean([r for _, r in found], axis=0)
            gap = gaps[name] = Gap(*over_seeds(np.array([p for p, _ in found]), whole), 2)
        told = [gap.mean, gap.low, gap.high, gap.verdict] if gap else [None] * 4
        lines.append([name, own.width, size, *told, *values, float(np.mean(spent[name]))])
    caption = (
        f"Films: mean over tasks of the relative gain in the primary metric over hard sharing, in percent, "
        f"and each task's value; mean over {len(seeds)} random splits. Rows: {rows[0]} training, {rows[1]} "
        f"validation, {rows[2]} test. The interval (95 %) covers the test films, by a paired bootstrap, and "
        "the chance of splits and parameters, by the spread over the splits."
    )
    columns = ["architecture", "width", "trunk", "gain %", "low", "high", "verdict"]
    columns += [f"{task} ({metric})" for task, metric in primary.items()]
    raw = {"scores": [c.frame().to_dict(orient="records") for c in cards], "cpu_seconds_of_fits": spent}
    table = Table(caption, [*columns, "CPU-s"], lines)
    sizes = {name: size for name, (_, size) in sized.items()}
    summary = {"films, gain %": gaps}
    return Part("films", list(seeds), table, summary, sizes, raw, time.process_time() - begin)


def on_school(seeds: Sequence[int], **changes: Any) -> Part:
    """139 schools, one target: nets whose heads differ by school, and the linear family."""
    begin = time.process_time()
    frame, problem = school()
    sized: dict[str, tuple[NetOptions, int]] = {}
    values: dict[str, list[float]] = {}
    spent: dict[str, list[float]] = {}
    learned: dict[str, int] = {}
    rows: tuple[int, int, int] = (0, 0, 0)
    for seed in seeds:
        data = prepare(frame, problem, seed=seed)
        rows = len(data.train), len(data.valid), len(data.test)
        sized = sized or dense_options(data.train, replace(WARDS, **changes))
        todo: dict[str, tuple[str, dict[str, Any]]] = {
            name: ("net", replace(own, seed=seed).options) for name, (own, _) in sized.items()
        }
        todo |= {name: (name, {}) for name in ("linear", *LINEAR) if name in LEARNERS.names()}
        for name, (learner, options) in todo.items():
            candidate, learned[name], took = _net(data, learner, options, seed)
            card = judge(truth_of(data.test), {name: candidate}, reference=name, resamples=0, metrics="all")
            value = card.value("all", name, "r2")
            assert value is not None
            values.setdefault(name, []).append(value)
            spent.setdefault(name, []).append(took)
            print(f"  school {seed} {name} {took:.1f} s", flush=True)
    gaps, lines = {}, []
    for name, found in values.items():
        gap = None
        if name != "hard":
            lost = np.array(found) - np.array(values["hard"])
            gap = gaps[name] = Gap(float(lost.mean()), *corrected_interval(lost, rows[0] + rows[1], rows[2]))
        told = [gap.mean, gap.low, gap.high, gap.verdict] if gap else [None] * 4
        width, trunk = (sized[name][0].width, sized[name][1]) if name in sized else (None, None)
        mean, sd = float(np.mean(found)), float(np.std(found, ddof=1))
        lines.append([name, width, trunk, learned[name], mean, sd, *told, float(np.mean(spent[name]))])
    caption = (
        "School: explained variance over all test rows, mean and standard deviation over "
        f"{len(seeds)} seeds, each a split of its own; difference to the net with hard sharing with the "
        f"Nadeau-Bengio interval. Rows: {rows[0]} training, {rows[1]} validation, {rows[2]} test. `linear` "
        "is separate per school."
    )
    columns = ["model", "width", "trunk", "all learned numbers", "mean", "sd"]
    columns += ["minus hard", "low", "high", "verdict", "CPU-s"]
    raw = {"r2": values, "cpu_seconds_of_fits": spent}
    sizes = {name: size for name, (_, size) in sized.items()}
    return Part(
        "School",
        list(seeds),
        Table(caption, columns, lines),
        {"School, explained variance": gaps},
        sizes,
        raw,
        time.process_time() - begin,
    )
