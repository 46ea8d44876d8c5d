"""Should they be learned together? Six real tables, ten seeds each, the same rows for every model.

    python benchmarks/tables.py [TABLE ...] [--seeds 10]

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

from record import record
from tables_data import TABLES, shared_tables
from tables_runs import RUNS

from umbel.errors import UmbelError
from umbel.judging.corrected import corrected_interval
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


def summary(found: list[Mapping[str, float]], train: int, test: int) -> dict[str, Any]:
    """Mean, standard deviation over seeds, and the difference to independent with its interval."""
    result: dict[str, Any] = {}
    for model in found[0]:
        values = np.array([one[model] for one in found])
        gain = values - np.array([one["independent"] for one in found])
        low, high = corrected_interval(gain, train, test) if len(found) > 1 else (None, None)
        result[model] = {
            "mean": values.mean(),
            "sd": values.std(ddof=1) if len(found) > 1 else None,
            "minus_independent": gain.mean(),
            "low": low,
            "high": high,
            "each": values.tolist(),
        }
    return result


def run(table: str, seeds: int) -> dict[str, Any]:
    """One table, all seeds."""
    frame, problem = TABLES[table]()
    asked = RUNS[table]
    begin, found = time.process_time(), []
    last: Comparison | None = None
    for seed in range(seeds):
        config = Config.read(
            {
                "problem": problem.model_dump(),
                "seed": seed,
                "model": asked["model"],
                "compare": {"resamples": 50, "metrics": "all", **asked.get("compare", {})},
            }
        )
        last = compare(frame, config)
        found.append(measures(table, last.scores.frame()))
        print(table, seed, {k: round(float(v), 4) for k, v in found[-1].items()}, flush=True)
    assert last is not None
    rows = last.facts["rows"]
    return {
        "table": table,
        "cpu_seconds": time.process_time() - begin,
        "rows": rows,
        "models": summary(found, rows["train"] + rows["valid"], rows["test"]),
        "chosen": last.facts["chosen"],
        "costs": {
            k: {"cpu_seconds": v.cpu_seconds, "parameters": v.parameters} for k, v in last.costs.items()
        },
    }


def main() -> int:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], default=list(TABLES))
    parser.add_argument("--seeds", type=int, default=10)
    asked = parser.parse_args()
    if not shared_tables().is_dir():
        print(f"skipped: the tables are not there ({shared_tables()}); set UMBEL_SHARED")
        return 0
    try:
        for table in asked.tables or TABLES:
            record(f"tables-{table}", run(table, asked.seeds), seeds=list(range(asked.seeds)))
    except UmbelError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
