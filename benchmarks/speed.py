"""How fast: training beside a bare loop, starting up, encoding, and a table of a million rows.

    python benchmarks/speed.py [start] [encoding] [throughput] [table] [--rows 1000000]

CPU time, one thread. Each figure stands beside what is asked of it; one that misses it is told of as such
and ends the run with status 1. Only a whole run is recorded.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

from record import Table, record
from speed_bare import BareLoop

import umbel.training.learners.net as net_module
from umbel.data.films import films, films_problem
from umbel.data.prepare import Prepared, prepare
from umbel.encoders.space import FeatureSpace
from umbel.sharing.model import initialise
from umbel.training.learners.net import Net
from umbel.training.learners.net_parts import model_of
from umbel.training.losses import count_labels, likelihood
from umbel.training.making import make
from umbel.training.progress import Progress
from umbel.training.tabulate import encoded, fitted_space, space_key, tabulate

HERE = Path(__file__).resolve().parent
ROUND, ROUNDS = 40, 15
"""Steps of one loop before the other has its turn, and how often each has."""


class Turns(Progress):
    """Lets the bare loop run after every ``ROUND`` steps of umbel's, in the middle of its own fit.

    So both are measured in one process, in turns, whatever else the machine does. Validation after each
    epoch is measured by itself: the bare loop has none.
    """

    def __init__(self, bare: Callable[[int], None], *about: Any, **options: Any) -> None:
        super().__init__(*about, **options)
        self._bare = bare
        self._begin = self._last = time.process_time()
        self._apart = 0.0
        self.own: list[float] = []
        self.validation: list[float] = []
        self.bare: list[float] = []

    def step(self, number: int) -> None:
        """A step of umbel's is done."""
        super().step(number)
        self._last = time.process_time()
        if number % ROUND == 0:
            self.own.append(self._last - self._begin - self._apart)
            begin = time.process_time()
            self._bare(ROUND)
            self._begin = self._last = time.process_time()
            self.bare.append(self._begin - begin)
            self._apart = 0.0

    def epoch(self, epoch: int, losses: Mapping[str, float | None], best: Mapping[str, int]) -> None:
        """An epoch's validation is done."""
        super().epoch(epoch, losses, best)
        took = time.process_time() - self._last
        self._apart += took
        self.validation.append(took)


def _bare(prepared: Prepared, net: Net) -> BareLoop:
    """The bare loop over the same tensors, with a net of its own that starts alike; its losses agree."""
    import torch

    train, options = prepared.train, net.encoder_options()
    space = fitted_space(train, options)
    table = tabulate(train, encoded(train, space, space_key(train, options)), torch.float32)
    model = model_of(net, space, train.tasks)
    initialise(model, net.seed)
    loop = BareLoop(model, table, train.tasks, rows=net.batch_size, rate=net.lr, decay=net.weight_decay)
    rows = torch.arange(net.batch_size)
    batch = table.take(rows)
    model.eval()
    with torch.no_grad():
        ours = likelihood(model, batch, train.tasks, count_labels(batch, train.tasks)).sort().values
        theirs = torch.stack(loop.losses(rows)).sort().values
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    return loop


def throughput(prepared: Prepared) -> dict[str, Any]:
    """Steps per CPU-second of the joint net's fit, over those of the bare loop: the median of rounds."""
    import torch

    torch.set_num_threads(1)
    batches = -(-len(prepared.train) // 256)
    epochs = -(-(ROUNDS + 1) * ROUND // batches)
    net = make("net", {"epochs": epochs, "patience": epochs, "batch_size": 256, "device": "cpu"})
    assert isinstance(net, Net)
    bare = _bare(prepared, net)
    made: list[Turns] = []

    def turns(*about: Any, **options: Any) -> Turns:
        made.append(Turns(bare.run, *about, **options))
        return made[-1]

    before, net_module.Progress = net_module.Progress, turns  # type: ignore[misc, assignment]
    try:
        net.fit(prepared.train, prepared.valid)
    finally:
        net_module.Progress = before  # type: ignore[misc]
    own, theirs = made[0].own[1 : ROUNDS + 1], made[0].bare[1 : ROUNDS + 1]  # the first round warms up
    ratios = [b / a for a, b in zip(own, theirs, strict=True)]
    checks = statistics.median(made[0].validation) * ROUND / batches
    checked = [b / (a + checks) for a, b in zip(own, theirs, strict=True)]
    return {
        "asked": "at least 0.7",
        "ratio": statistics.median(ratios),
        "met": statistics.median(ratios) >= 0.7,
        "low": min(ratios),
        "high": max(ratios),
        "ratio_with_validation": statistics.median(checked),
        "milliseconds_per_step": 1e3 * statistics.median(own) / ROUND,
        "milliseconds_per_bare_step": 1e3 * statistics.median(theirs) / ROUND,
        "parameters": net.parameters,
        "rounds": ROUNDS,
        "steps_per_round": ROUND,
    }


def _spent() -> float:
    """CPU-seconds of this process and its children so far."""
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def _child_seconds(command: list[str]) -> float:
    """CPU-seconds of a process, user and system."""
    before = _spent() - time.process_time()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return _spent() - time.process_time() - before


def start() -> dict[str, Any]:
    """CPU-seconds to ``umbel --help`` and ``import umbel``, median of 7."""
    script = Path(sys.executable).with_name("umbel")
    helped = [str(script)] if script.is_file() else [sys.executable, "-m", "umbel"]
    commands = {"help": [*helped, "--help"], "import": [sys.executable, "-c", "import umbel"]}
    found = {name: statistics.median(_child_seconds(c) for _ in range(7)) for name, c in commands.items()}
    return {"asked": "at most 0.35 each", "met": max(found.values()) <= 0.35, "cpu_seconds": found}


def encoding(prepared: Prepared) -> dict[str, Any]:
    """CPU-seconds to fit the feature space on all films and to transform them, median of 3."""
    source, schema = prepared.dataset.source, prepared.dataset.schema
    took = []
    for _ in range(3):
        begin = time.process_time()
        FeatureSpace(schema, Net().encoder_options()).fit(source).transform(source)
        took.append(time.process_time() - begin)
    seconds = statistics.median(took)
    return {"asked": "less than 3", "met": seconds < 3, "cpu_seconds": seconds, "rows": len(source)}


def table(rows: int) -> dict[str, Any]:
    """Peak memory and time of reading, preparing and one epoch on a large table, from both formats."""
    found: dict[str, Any] = {"asked": "less than 4 GiB"}
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("parquet", "csv"):
            path = Path(folder) / f"table.{kind}"
            child = [sys.executable, str(HERE / "speed_table.py")]
            subprocess.run([*child, "write", str(path), "--rows", str(rows)], check=True)
            told = subprocess.run([*child, "fit", str(path)], check=True, capture_output=True, text=True)
            found[kind] = {"file_bytes": path.stat().st_size, **json.loads(told.stdout)}
            path.unlink()
    most = max(found[kind]["peak_bytes"] for kind in ("parquet", "csv"))
    return {"met": most < 4 * 2**30, "peak_gib": most / 2**30, **found}


NOTES = [
    "CPU time on one thread. Training: umbel's own `fit` of the joint films net and a loop written by hand "
    "over the same tensors and the same net (benchmarks/speed_bare.py) take turns of "
    f"{ROUND} steps in one process; the median of {ROUNDS} ratios. Both losses are checked to agree. "
    "Validation after each epoch, which the bare loop has not, is left out of the ratio and told beside it.",
    "Memory: the highest resident memory of a process that reads the file, prepares the table and fits a "
    "net for one epoch through `MultiTask`; the interpreter with all libraries is 0.36 GiB of it.",
]


def rows_of(found: Mapping[str, Any]) -> list[list[Any]]:
    """Figure, measured, asked: for the docs."""
    speed, begun, films_, big = (found[k] for k in ("throughput", "start", "encoding", "table"))
    rows: list[list[Any]] = [
        ["training steps per second, over those of a bare loop", speed["ratio"], speed["asked"]],
        ["the same with validation after each epoch", speed["ratio_with_validation"], ""],
        ["`umbel --help`, CPU-seconds", begun["cpu_seconds"]["help"], begun["asked"]],
        ["`import umbel`, CPU-seconds", begun["cpu_seconds"]["import"], begun["asked"]],
        [f"encoding {films_['rows']:,} films, CPU-seconds", films_["cpu_seconds"], films_["asked"]],
    ]
    for kind in ("parquet", "csv"):
        one = big[kind]
        about = f"{one['rows']:,} rows x {one['columns']} columns, one epoch, from {kind}"
        rows.append([f"{about}: peak memory, GiB", one["peak_bytes"] / 2**30, big["asked"]])
        rows.append([f"{about}: CPU-seconds", one["cpu_seconds"], ""])
    return rows


def main() -> int:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", choices=["throughput", "start", "encoding", "table", []])
    parser.add_argument("--rows", type=int, default=1_000_000)
    asked = parser.parse_args()
    every = ["start", "encoding", "throughput", "table"]
    what = asked.what or every
    begin = _spent()
    prepared = prepare(films(), films_problem()) if {"encoding", "throughput"} & set(what) else None
    found: dict[str, Any] = {}
    for name in what:
        if name in ("encoding", "throughput"):
            assert prepared is not None
            found[name] = (encoding if name == "encoding" else throughput)(prepared)
        else:
            found[name] = start() if name == "start" else table(asked.rows)
        print(name, json.dumps(found[name], indent=1), flush=True)
    if set(what) == set(every):
        record(
            "speed",
            title="Speed",
            seeds=[0],
            results=[{"what": name, **part} for name, part in found.items()],
            tables=[Table("Speed and memory", ["figure", "measured", "asked"], rows_of(found))],
            cpu_seconds=_spent() - begin,
            notes=NOTES,
        )
    return 0 if all(part["met"] for part in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
