"""Splits: rows per second, peak memory, and how even the sides are beside what others offer.

    python benchmarks/splits.py [--rows 10000000] [--entities 2000000] [--tasks 20] [--seeds 5]

The large table is split in a process of its own, so that its peak of memory is its own. The balance is that
of an 80 / 20 split, by the counts of each task's classes, labels and quartiles.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from record import Table, record
from tables_data import TABLES, shared_tables

from umbel.data.balance import split_balanced, strata_of
from umbel.data.entities import find_entities
from umbel.data.films import films, films_problem
from umbel.data.problem import Problem
from umbel.data.targets import target_column

Labels = dict[str, NDArray[Any]]
SHARES = (0.8, 0.2)
LARGE = (0.7, 0.1, 0.2)


def synthetic(rows: int, entities: int, tasks: int, *, missing: float = 0.4) -> tuple[Any, Labels]:
    """Tasks of four classes, one of them rare, in entities of several rows."""
    chance = np.random.default_rng(0)
    labels: Labels = {}
    for task in range(tasks):
        codes = np.searchsorted([0.5, 0.8, 0.99], chance.random(rows, dtype=np.float32), side="right")
        codes[chance.random(rows, dtype=np.float32) < missing] = -1
        labels[f"task {task}"] = codes
    owners = np.arange(rows) if entities == rows else chance.integers(0, entities, rows)
    return owners, labels


def labels_of(frame: pd.DataFrame, problem: Problem) -> Labels:
    """The answers of a problem as codes or 0/1."""
    labels = {}
    for name, spec in problem.targets.items():
        separator = spec.options.get("separator")
        answers = target_column(frame, problem, name)
        labels[name] = strata_of(answers, spec.kind or "multiclass", separator=separator)[0]
    return labels


def cells(labels: Labels) -> dict[tuple[str, str], NDArray[np.bool_]]:
    """Whether each row has each class or label, and whether it is labelled."""
    found = {}
    for task, values in labels.items():
        if values.ndim == 2:
            found[task, "labelled"] = ~np.isnan(values).all(1)
            found.update({(task, str(c)): values[:, c] == 1 for c in range(values.shape[1])})
        else:
            found[task, "labelled"] = values >= 0
            found.update({(task, str(c)): values == c for c in range(int(values.max()) + 1)})
    return {name: has for name, has in found.items() if has.any()}


def judged(entities: NDArray[np.int64], labels: Labels, test: NDArray[np.bool_]) -> dict[str, float]:
    """How far the share of each class in test is from the wish, and what leaked."""
    off, units = [], []
    for has in cells(labels).values():
        deviation = abs(float(test[has].mean()) - SHARES[1])
        off.append(deviation)
        units.append(deviation * len(np.unique(entities[has])))
    sides = pd.Series(test).groupby(entities).nunique()
    return {
        "largest": max(off),
        "mean": statistics.mean(off),
        "mean_in_entities": statistics.mean(units),
        "entities_on_two_sides": int((sides > 1).sum()),
    }


def ways(entities: NDArray[np.int64], labels: Labels) -> Iterator[tuple[str, Callable[[int], Any]]]:
    """Each way that can split this table, from a seed to test rows."""
    from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit
    from sklearn.model_selection import GroupShuffleSplit, StratifiedGroupKFold

    rows = len(entities)
    x = np.zeros((rows, 1))

    def chosen(test: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.isin(np.arange(rows), test)

    def grouped(seed: int) -> NDArray[np.bool_]:
        maker = GroupShuffleSplit(1, test_size=SHARES[1], random_state=seed)
        return chosen(next(maker.split(x, groups=entities))[1])

    def one_task(seed: int) -> NDArray[np.bool_]:
        first = next((v for v in labels.values() if v.ndim == 1), next(iter(labels.values())))
        y = first if first.ndim == 1 else np.nan_to_num(first[:, 0], nan=-1).astype(int)
        maker = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        return chosen(next(maker.split(x, y, groups=entities))[1])

    def iterative(seed: int) -> NDArray[np.bool_]:
        y = np.stack([has for (_, name), has in cells(labels).items() if name != "labelled"], 1).astype(int)
        maker = MultilabelStratifiedShuffleSplit(1, test_size=SHARES[1], random_state=seed)
        return chosen(next(maker.split(x, y))[1])

    yield "umbel", lambda seed: split_balanced(entities, labels, SHARES, seed=seed).sides == 1
    yield "GroupShuffleSplit", grouped
    yield "StratifiedGroupKFold (first task)", one_task
    if all((v >= 0).all() for v in labels.values()):  # false of NaN, too
        yield "MultilabelStratifiedShuffleSplit", iterative


def balance(seeds: int) -> dict[str, Any]:
    """Every table, every way that can split it: means over seeds."""
    made: dict[str, tuple[Any, Labels]] = {}
    table, problem = films(), films_problem()
    made["films"] = (find_entities(table, problem), labels_of(table, problem))
    for name in ("wq", "emotions") if shared_tables().is_dir() else ():
        table, problem = TABLES[name]()
        made[name] = (find_entities(table, problem), labels_of(table, problem))
    made["synthetic, 40 % missing"] = synthetic(10_000, 3_000, 10)
    made["synthetic, complete, single rows"] = synthetic(2_000, 2_000, 10, missing=0.0)
    found: dict[str, Any] = {}
    for name, (entities, labels) in made.items():
        found[name] = {}
        for way, split in ways(entities, labels):
            begin = time.process_time()
            tests = [split(seed) for seed in range(seeds)]
            seconds = (time.process_time() - begin) / seeds
            figures = [judged(entities, labels, test) for test in tests]
            found[name][way] = {key: statistics.mean(f[key] for f in figures) for key in figures[0]}
            found[name][way]["cpu_seconds"] = seconds
            print(name, way, json.dumps(found[name][way]), flush=True)
    return found


def child(rows: int, entities: int, tasks: int) -> None:
    """Split one large table and tell what it took."""
    owners, labels = synthetic(rows, entities, tasks)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    begin = time.process_time()
    found = split_balanced(owners, labels, LARGE, seed=0)
    seconds = time.process_time() - begin
    lines = found.deviations
    told = {
        "rows": rows,
        "entities": len(np.unique(owners)),
        "tasks": tasks,
        "cpu_seconds": seconds,
        "rows_per_cpu_second": rows / seconds,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "peak_bytes_before": before,
        "largest": found.largest,
        "most_in_entities": float((lines["deviation"].abs() * lines["entities"]).max()),
    }
    print(json.dumps(told))


NOTES = [
    "An 80 / 20 split; one line per table and way. Deviation: the share of a class's (label's, quartile's, "
    "task's) labelled rows in test minus 0.2, as a mean over seeds of its largest and its mean magnitude. "
    "In entities: the mean of deviation times the entities that carry the class.",
    "GroupShuffleSplit knows no labels, StratifiedGroupKFold is given the first task of one answer per row "
    "and a missing label as a class of its own; MultilabelStratifiedShuffleSplit needs complete labels and "
    "knows no entities, so it splits only the tables without either.",
    "The large split: a table of random labels, 40 % of them missing, made and split in one process; the "
    "peak holds the table itself, whose labels are 64-bit codes.",
]


def tables_of(large: Mapping[str, Any], found: Mapping[str, Any]) -> list[Table]:
    """For the docs."""
    rows = [
        [
            name,
            way,
            f["largest"],
            f["mean"],
            f["mean_in_entities"],
            f["entities_on_two_sides"],
            f["cpu_seconds"],
        ]
        for name, made in found.items()
        for way, f in made.items()
    ]
    columns = ["table", "way", "largest", "mean", "mean, in entities", "on two sides", "CPU-seconds"]
    big = [
        ["rows", large["rows"], ""],
        ["entities", large["entities"], ""],
        ["tasks", large["tasks"], ""],
        ["CPU-seconds", large["cpu_seconds"], "at most 60"],
        ["rows per CPU-second", large["rows_per_cpu_second"], ""],
        ["peak memory, GiB", large["peak_bytes"] / 2**30, "less than 4"],
        ["peak memory before the split, GiB", large["peak_bytes_before"] / 2**30, ""],
        ["largest deviation", large["largest"], ""],
        ["the largest in entities", large["most_in_entities"], ""],
    ]
    return [
        Table("How far the shares of classes are from the wish, and entities on two sides", columns, rows),
        Table("A large table split in three", ["figure", "measured", "asked"], big),
    ]


def main() -> int:
    """Run it, record it; 1 where a figure misses what is asked of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--entities", type=int, default=2_000_000)
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--child", action="store_true")
    chosen = parser.parse_args()
    size = (chosen.rows, chosen.entities, chosen.tasks)
    if chosen.child:
        child(*size)
        return 0
    command = [sys.executable, __file__, "--child"]
    for name, number in zip(("rows", "entities", "tasks"), size, strict=True):
        command += [f"--{name}", str(number)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    large = json.loads(told.stdout)
    print(json.dumps(large), flush=True)
    found = balance(chosen.seeds)
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    record(
        "splits",
        {"large": large, "balance": found},
        seeds=range(chosen.seeds),
        title="Splits",
        tables=tables_of(large, found),
        cpu_seconds=sum(use.ru_utime + use.ru_stime for use in uses),
        notes=NOTES,
    )
    return 0 if large["cpu_seconds"] <= 60 and large["peak_bytes"] < 4 * 2**30 else 1


if __name__ == "__main__":
    sys.exit(main())
