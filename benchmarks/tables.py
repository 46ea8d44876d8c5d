"""Should they be learned together? Seven problems of real tables, ten seeds each, the same rows for all.

    python benchmarks/tables.py [TABLE ...] [--seeds 10] [--first 0]

Everything is chosen on validation rows; test rows are read once. Intervals over seeds carry the
correction of Nadeau and Bengio (2003).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))

from record import Table, record
from tables_data import TABLES, shared_tables
from tables_runs import RUNS

from umbel.errors import UmbelError
from umbel.judging.corrected import combine, corrected_interval
from umbel.training.compare import Comparison, compare
from umbel.training.config import Config


def measures(table: str, scores: pd.DataFrame) -> dict[str, float]:
    """The figure each model of one seed is held against, by model."""
    values = scores.pivot_table(index=["task", "metric"], columns="model", values="value")
    if table == "school":
        return dict(values.loc[("all", "r2")])
    if table == "wq":
        rmse = values.xs("rmse", level="metric")
        return dict(rmse.div(rmse["constant"], axis=0).mean())
    if table == "sarcos":  # squared error over the variance of the test rows
        return dict(1 - values.xs("r2", level="metric").mean())
    primary = values[values.index.get_level_values("metric").isin(["auc", "macro_auc", "r2"])]
    return dict(primary.mean())


ERRORS = {"wq": "average relative RMSE", "sarcos": "mean normalised squared error"}
"""Tables whose figure is an error: smaller is better."""

FIGURES = {
    "school": "explained variance, 1 - SSE/SST over all test rows",
    "emotions": "macro AUC",
    "scene": "macro AUC",
    "diabetes130": "mean of five AUC and three R2",
    "health": "mean of five AUC and three R2",
    **ERRORS,
}


def summary(found: list[Mapping[str, float]], train: int, test: int) -> dict[str, Any]:
    """Mean, standard deviation over seeds, and the gain over independent with its corrected interval.

    :param found: figures by model, for each seed.
    """
    result: dict[str, Any] = {}
    for model in found[0]:
        values = np.array([one[model] for one in found])
        result[model] = {
            "mean": values.mean(),
            "sd": values.std(ddof=1) if len(found) > 1 else None,
            "each": values.tolist(),
        }
        for other in ("independent", "linear", "forest_per_task"):
            if other in found[0]:
                gain = values - np.array([one[other] for one in found])
                low, high = corrected_interval(gain, train, test) if len(found) > 1 else (None, None)
                result[model][f"minus_{other}"] = [gain.mean(), low, high]
    return result


def run(table: str, seeds: range) -> tuple[dict[str, Any], Table]:
    """One table, all seeds."""
    frame, problem = TABLES[table]()
    asked = RUNS[table]
    begin, found = time.process_time(), []
    last: Comparison | None = None
    cards = []
    for seed in seeds:
        config = Config.read(
            {
                "problem": problem.model_dump(),
                "seed": seed,
                "model": asked["model"],
                "compare": {"resamples": 50, "metrics": "all", **asked.get("compare", {})},
            }
        )
        last = compare(frame, config)
        cards.append(last.scores)
        found.append(measures(table, last.scores.frame()))
        print(table, seed, {k: round(float(v), 4) for k, v in found[-1].items()}, flush=True)
    assert last is not None
    rows = last.facts["rows"]
    train = rows["train"] + rows["valid"]
    models = summary(found, train, rows["test"])
    whole = combine(cards, train=train, test=rows["test"]) if len(seeds) > 1 else cards[0]
    verdicts = {m: [s.verdict for s in whole.of(m)] for m in whole.models if m != "independent"}
    result = {
        "table": table,
        "figure": FIGURES[table],
        "asked": asked,
        "cpu_seconds": time.process_time() - begin,
        "rows": rows,
        "models": models,
        "verdicts": verdicts,
        "costs": {k: [v.cpu_seconds, v.parameters] for k, v in last.costs.items()},
    }
    lines = []
    for model, one in models.items():
        mean, low, high = one["minus_independent"]
        lines.append([model, one["mean"], one["sd"], mean, low, high, last.costs[model].cpu_seconds])
    better = "smaller" if table in ERRORS else "larger"
    caption = (
        f"{table}: {FIGURES[table]} ({better} is better), mean and standard deviation over "
        f"{len(seeds)} seeds; difference to independent with the Nadeau-Bengio interval. "
        f"Rows: {rows['train']} training, {rows['valid']} validation, {rows['test']} test. "
        "CPU-seconds of the last seed."
    )
    columns = ["model", "mean", "sd", "minus independent", "low", "high", "CPU-s"]
    return result, Table(caption, columns, lines)


def main() -> int:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=", ".join(TABLES))
    parser.add_argument("--seeds", type=int, default=10, help="how many seeds, each a split of its own")
    parser.add_argument("--first", type=int, default=0, help="the first seed; fresh ones for a blind run")
    asked = parser.parse_args()
    names, seeds = asked.tables or list(TABLES), range(asked.first, asked.first + asked.seeds)
    for name in names:
        if name not in TABLES:
            parser.error(f"no table '{name}'; there is {', '.join(TABLES)}")
    if not shared_tables().is_dir():
        print("skipped: the tables are not there; set UMBEL_SHARED to their folder")
        return 0
    for name in names:
        try:
            result, table = run(name, seeds)
        except UmbelError as error:
            print(error, file=sys.stderr)
            return error.exit_code
        for line in table.rows:
            print("  ", *(round(c, 4) if isinstance(c, float) else c for c in line), flush=True)
        record(f"tables-{name}", result, seeds=seeds, tables=[table])
    return 0


if __name__ == "__main__":
    sys.exit(main())
