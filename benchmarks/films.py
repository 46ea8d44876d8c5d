"""The films: three random splits and one by time, everything chosen on validation, test read once.

    python benchmarks/films.py [--seeds 3]

The joint model's gain on each task is given per seed with its paired bootstrap interval, and as the
mean over seeds with the interval of that mean; the test rows of different seeds overlap in part, which
the latter does not account for.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from record import Table, record

from umbel.app.commands.demo import MODEL
from umbel.data.films import films, films_problem
from umbel.training.compare import Comparison, compare
from umbel.training.config import Config

MODELS = ["constant", "linear", "boosted", "independent", "joint", "average", "stacked"]


def run(seed: int, by_time: bool) -> Comparison:
    """One split, as `umbel demo` makes it."""
    problem = films_problem(by_time=by_time).model_dump(mode="json")
    config = Config.read({"problem": problem, "model": MODEL, "seed": seed})
    return compare(films(), config, note=lambda text: print(f"  {text}", flush=True))


def told(found: Comparison) -> dict[str, Any]:
    """Scores and costs of one split."""
    return {
        "scores": found.scores.frame().to_dict(orient="records"),
        "costs": {k: [v.cpu_seconds, v.parameters] for k, v in found.costs.items()},
        "cpu_seconds": found.facts["cpu_seconds"],
        "recommendation": found.recommendation,
    }


def pooled(runs: list[Comparison], task: str, metric: str) -> tuple[float, float, float]:
    """Mean gain of joint over independent, and the interval of its bootstrap replicates."""
    gains = [
        r.scores.replicates[task, metric, "joint"] - r.scores.replicates[task, metric, "independent"]
        for r in runs
    ]
    points = [r.scores.value(task, "joint") - r.scores.value(task, "independent") for r in runs]
    low, high = np.nanquantile(np.mean(gains, axis=0), [0.025, 0.975])
    return float(np.mean(points)), float(low), float(high)


def tables(runs: list[Comparison], late: Comparison | None) -> list[Table]:
    """For the docs."""
    primary = runs[0].scores.primary
    means = [
        [task, metric, *(float(np.mean([r.scores.value(task, m) for r in runs])) for m in MODELS)]
        for task, metric in primary.items()
    ]
    gains = []
    for task, metric in primary.items():
        mean, low, high = pooled(runs, task, metric)
        verdicts = [r.scores.score(task, "joint").verdict for r in runs]
        gains.append([task, metric, mean, low, high, "; ".join(verdicts)])
    found = [
        Table(
            f"The films, mean over {len(runs)} random splits 70/10/20 by film; test read once. Set sizes and "
            "missingness carry much of box_office: it fills in a value, it does not forecast one.",
            ["task", "metric", *MODELS],
            means,
            readme=True,
        ),
        Table(
            "Joint over independent (same search space): mean gain over the splits with its bootstrap "
            "interval, and the verdict of each split.",
            ["task", "metric", "gain", "low", "high", "verdicts"],
            gains,
        ),
    ]
    if late is not None:
        rows = [
            [
                task,
                metric,
                *(late.scores.value(task, m) for m in MODELS),
                late.scores.score(task, "joint").verdict,
            ]
            for task, metric in primary.items()
        ]
        found.append(
            Table(
                "By time: training before 2005, validation 2005 to 2007, test from 2008.",
                ["task", "metric", *MODELS, "joint: verdict"],
                rows,
            )
        )
    return found


def main() -> int:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(parser.parse_args().seeds)
    runs = []
    for seed in seeds:
        print(f"seed {seed}", flush=True)
        runs.append(run(seed, by_time=False))
    print("by time", flush=True)
    late = run(0, by_time=True)
    result = {"random": [told(r) for r in runs], "by_time": told(late)}
    for table in (made := tables(runs, late)):
        print(table.caption)
        for row in table.rows:
            print("  ", *(round(c, 4) if isinstance(c, float) else c for c in row))
    record("films", result, seeds=seeds, tables=made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
