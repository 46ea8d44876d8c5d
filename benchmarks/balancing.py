"""What balancing costs: a step of every method over a step by the plain sum of the losses, beside TorchJD.

    python benchmarks/balancing.py [features] [parameters] [subsample] [solve] [memory] [--rounds 5]

CPU time, one thread. All take a step in turn, in another order each round; a figure is the median over the
rounds of the ratio to the plain step of the same round. Each target stands beside what was measured; one
that is missed ends the run with status 1. Only a whole run is recorded.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import torch
from balancing_costs import COUNTS, LOOKS, PEER, memory, methods, solvers, steps, subsamples
from record import Table, record

PARTS = ("features", "parameters", "subsample", "solve", "memory")
ASKED: dict[str, tuple[float | None, ...]] = {
    "features": (1.15, 1.3, 1.5, 2.0),
    "parameters": (1.8, 4.6, 9.5, None),
    "subsample": (2.2, 2.2, 2.2, 2.2),
}
"""The most a step of a method that looks at gradients may cost, in plain steps, for 2, 8, 20, 40 tasks."""
SLOW_SOLVERS = ("upgrad", "dualproj")
NAMES = {"perceptron": "MLP 256-512-512-512", "lenet": "LeNet"}

Ratios = Mapping[str, Mapping[int, float]]


def check(what: str, measured: float | None, asked: float | None) -> dict[str, Any]:
    """A target and whether it is met."""
    met = None if measured is None or asked is None else measured <= asked
    return {"what": what, "measured": measured, "asked": asked, "met": met}


def step_targets(part: str, found: Mapping[str, Ratios]) -> list[dict[str, Any]]:
    """The dearest method against what is asked, and the worst ratio to TorchJD's own."""
    names = set(methods("parameters" if part == "parameters" else "features", {"gramian"}))
    kinds = [("", names)]
    if part == "parameters":
        kinds.append((" (methods of the whole Jacobian)", set(methods(part, {"jacobian"}))))
    lines = []
    for net, by_name in found.items():
        for kind, some in kinds:
            for count, asked in zip(COUNTS, ASKED[part], strict=True):
                dearest = max(
                    ratio[count] for name, ratio in by_name.items() if name in some and count in ratio
                )
                what = f"{part}, {NAMES[net]}, {count} tasks: the dearest method{kind}"
                lines.append(check(what, dearest, asked))
        for kind, some in kinds:
            beside = [
                ratio[count] / by_name[PEER + name][count]
                for name, ratio in by_name.items()
                for count in ratio
                if name in some and count in by_name.get(PEER + name, {})
            ]
            if beside:
                what = f"{part}, {NAMES[net]}: the worst of all ratios to TorchJD{kind}"
                lines.append(check(what, max(beside), 1.0 if part == "parameters" else None))
    return lines


def targets(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All targets of the parts that were run."""
    lines = [line for part in ASKED if part in found for line in step_targets(part, found[part])]
    for name, line in found.get("solve", {}).items():
        for kind in ("random", "nearly singular"):
            asked = 10.0 if name in SLOW_SOLVERS else 1.0
            lines.append(check(f"solve, {name}, {kind}, 40 tasks: milliseconds", line[kind], asked))
    for line in found.get("memory", []):
        for way in ("parameters", "whole Jacobian"):
            what = f"memory at the parameters, {NAMES[line['net']]}, {line['tasks']} tasks: Jacobians"
            lines.append(check(what + ("" if way == "parameters" else f" ({way})"), line[way], 1.0))
    return lines


def step_tables(part: str, found: Mapping[str, Ratios]) -> list[Table]:
    """A table for each net: methods down, tasks across, TorchJD beside."""
    told = {
        "features": "gradients at the features (and, below, methods that look at losses alone)",
        "parameters": "gradients at the shared parameters",
        "subsample": "gradients at the shared parameters from a few rows of each task",
    }[part]
    tables = []
    for net, by_name in found.items():
        names = [name for name in by_name if not name.startswith(PEER) and name != "plain"]
        names.sort(key=lambda name: (name not in methods("parameters", LOOKS), name))
        columns = ["method", *(f"P={count}" for count in COUNTS)]
        beside = part != "subsample"
        columns += [f"{PEER}P={count}" for count in COUNTS] if beside else []
        rows = []
        for name in names:
            sides = [by_name[name], by_name.get(PEER + name, {})][: 2 if beside else 1]
            rows.append([name, *(side.get(count) for side in sides for count in COUNTS)])
        tables.append(Table(f"{NAMES[net]}, {told}: one step, in plain steps.", columns, rows))
    return tables


def tables(found: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> list[Table]:
    """What the docs show."""
    missed = [[line["what"], line["measured"], line["asked"]] for line in lines if line["met"] is False]
    told = f"{sum(line['met'] is True for line in lines)} targets are met; these are not."
    made = [Table(told, ["target", "measured", "asked"], missed)] if missed else []
    made += [table for part in ASKED for table in step_tables(part, found[part])]
    kinds = ["random", "nearly singular"]
    columns = [*kinds, *(PEER + kind for kind in kinds)]
    rows = [[name, *(line[column] for column in columns)] for name, line in found["solve"].items()]
    made.append(Table("From the Gramian of 40 tasks to weights, milliseconds.", ["method", *columns], rows))
    ways = [key for key in found["memory"][0] if key not in ("net", "tasks", "jacobian_mib", "plain_mib")]
    rows = [
        [NAMES[line["net"]], line["tasks"], line["plain_mib"], line["jacobian_mib"], *(line[w] for w in ways)]
        for line in found["memory"]
    ]
    columns = ["net", "tasks", "plain step, MiB", "one Jacobian, MiB", *ways]
    return [*made, Table("Memory beyond a plain step's at its peak, in Jacobians.", columns, rows)]


NOTES = [
    "One training step (zero_grad, forward, balanced backward, Adam) at batch 256 over the same step by the "
    "plain sum of the losses. MLP: 256 inputs, three hidden layers of 512, a linear head and a squared error "
    "per task. LeNet: 28 x 28 pixels, convolutions of 10 and 20 channels, 50 features, a linear head of 10 "
    "classes and cross-entropy per task. All take a step in turn, in another order each round; the figure is "
    "the median of the rounds' ratios. At the features and at the parameters: `umbel.balancing.backward` in "
    "a loop of one's own. On a subsample: umbel's own step of a net in two halves, over its own plain step.",
    "TorchJD 0.18 takes its gradients one by one, in one pass or by its engine: by what was fastest in three "
    "rounds before, for each net and number of tasks. At the features its pass ends at a detached copy. "
    "Memory is that of tensors alone, each allocation counted: of imtl_g, and, as 'whole Jacobian', of "
    "graddrop at the parameters. Of LeNet one Jacobian is small beside what one backward pass holds for a "
    "moment.",
]


def main() -> int:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    parser.add_argument("--rounds", type=int, default=5, help="more for steadier figures")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    # as in a long run: the memory of a large tensor that is freed is kept, not given back at each step
    del_me = torch.empty(2**23 - 2**10)
    del del_me
    begin = time.process_time()
    run = {
        "features": lambda: steps("features", asked.rounds),
        "parameters": lambda: steps("parameters", asked.rounds),
        "subsample": lambda: subsamples(asked.rounds),
        "solve": lambda: solvers(COUNTS[-1], asked.rounds),
        "memory": memory,
    }
    found = {part: run[part]() for part in PARTS if part in (asked.parts or PARTS)}
    lines = targets(found)
    for line in lines:
        state = {True: "met", False: "MISSED", None: "-"}[line["met"]]
        print(f"{state:7}{line['what']}: {line['measured']} (asked {line['asked']})")
    if set(found) == set(PARTS):
        record(
            "balancing",
            title="Balancing: what a step costs",
            seeds=[0],
            results={**found, "targets": lines},
            tables=tables(found, lines),
            cpu_seconds=time.process_time() - begin,
            notes=NOTES,
        )
    return 0 if all(line["met"] is not False for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
