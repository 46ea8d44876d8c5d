"""A table that is streamed from Parquet against the same table held: peak memory, speed, scores.

    python benchmarks/stream.py [--rows 4000000] [--epochs 1] [--seed 0]

The script writes the file, piece by piece: 30 columns, of them 24 numbers, 3 categories, the entity and two
targets. Each fit is a process of its own, so that its peak of memory is its own, with one net and the same
options; rows of one eighth of the entities lie in a file apart, and both nets are scored on it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import pandas as pd
from record import Table, record

PIECE = 100_000
GROUP = 20_000
NUMBERS = 24
OPTIONS: dict[str, Any] = {"width": 128, "batch_size": 1024, "dropout": 0.1, "embedding_dropout": 0.0}
MIB = 2**20


def piece(rows: int, seed: int, number: int) -> pd.DataFrame:
    """Some rows of the table, drawn by themselves; two answers, one of them known in half of the rows."""
    chance = np.random.default_rng([seed, number])
    x = chance.normal(size=(rows, NUMBERS))
    found = pd.DataFrame(x, columns=[f"x{k}" for k in range(NUMBERS)])
    kinds = chance.integers(0, [8, 60, 400], (rows, 3))
    for k, name in enumerate(("small", "middle", "large")):
        found[name] = np.char.add(f"{name}-", kinds[:, k].astype(str))
    found["who"] = np.char.add("person-", chance.integers(0, 400_000, rows).astype(str))
    score = x[:, :6].sum(axis=1) + np.sin(3 * x[:, 6]) * x[:, 7] + 0.1 * (kinds[:, 1] % 7)
    found["amount"] = score + chance.normal(size=rows)
    chosen = np.where(score + 2 * x[:, 8] * x[:, 9] + chance.logistic(size=rows) > 0, "yes", "no")
    found["chosen"] = pd.Series(chosen).mask(chance.random(rows) < 0.5)
    return found


def write(folder: Path, rows: int, seed: int) -> dict[str, Any]:
    """Write the table and the rows to be scored; sizes of the table."""
    import pyarrow
    import pyarrow.parquet

    writers: dict[str, Any] = {}
    memory = written = 0
    for number in range(-(-rows // PIECE)):
        frame = piece(min(PIECE, rows - number * PIECE), seed, number)
        apart = frame["who"].str[-1].eq("7") & frame["who"].str[-2].isin(list("01234567"))
        for name, part in (("table", frame[~apart]), ("new", frame[apart])):
            table = pyarrow.Table.from_pandas(part, preserve_index=False)
            if name not in writers:
                writers[name] = pyarrow.parquet.ParquetWriter(folder / f"{name}.parquet", table.schema)
            writers[name].write_table(table, row_group_size=GROUP)
            if name == "table":
                memory += int(part.memory_usage(index=False, deep=True).sum())
                written += len(part)
    for writer in writers.values():
        writer.close()
    return {
        "rows": written,
        "columns": frame.shape[1],
        "memory_mib": memory / MIB,
        "file_mib": (folder / "table.parquet").stat().st_size / MIB,
    }


def peak_mib() -> float:
    """The most memory this process has had, MiB. (What getrusage tells begins with the parent's.)"""
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def fit(folder: Path, how: str, epochs: int, seed: int) -> dict[str, Any]:
    """One fit in this process: seconds, the peak of memory before it is scored, and its scores."""
    import umbel

    moments: list[tuple[str, float, float]] = []

    def note(text: str) -> None:
        moments.append((text, time.monotonic(), time.process_time()))

    if how == "nothing":  # a few rows: what the libraries take
        umbel.MultiTask(["amount", "chosen"], model="net", options={"epochs": 1}, folds=0).fit(
            piece(500, 0, 0)
        )
        return {"peak_mib": peak_mib()}
    model = umbel.MultiTask(
        ["amount", "chosen"],
        entity=["who"],
        model="net",
        options={**OPTIONS, "epochs": epochs},
        folds=0,
        stream={"test": 0.0, "baselines": ["constant"]} if how == "streamed" else None,
        seed=seed,
    )
    note("begin")
    model.fit(folder / "table.parquet", note=note)
    note("end")
    peak = peak_mib()
    start = next(k for k, moment in enumerate(moments) if moment[0].startswith("net"))
    first, last = moments[start], moments[start + 1]  # in the streamed fit a baseline comes after the net
    scores = model.evaluate(pd.read_parquet(folder / "new.parquet"), resamples=0)
    primary = scores.groupby("task").first()["value"]
    return {
        "peak_mib": peak,
        "seconds": moments[-1][1] - moments[0][1],
        "cpu_seconds": moments[-1][2] - moments[0][2],
        "net_seconds": last[1] - first[1],
        "net_cpu_seconds": last[2] - first[2],
        "amount_r2": float(primary["amount"]),
        "chosen_auc": float(primary["chosen"]),
        "train_rows": model.notes_["rows"]["train"] if how == "streamed" else None,
    }


def child(folder: Path, how: str, asked: argparse.Namespace) -> dict[str, Any]:
    """A fit in a fresh process."""
    command = [sys.executable, __file__, "--fit", how, "--folder", str(folder)]
    command += ["--epochs", str(asked.epochs), "--seed", str(asked.seed)]
    environment = {**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fit", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.fit:
        print(json.dumps(fit(asked.folder, asked.fit, asked.epochs, asked.seed)))
        return 0
    begin = os.times()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        table = write(folder, asked.rows, asked.seed)
        print(table, flush=True)
        found = {}
        for how in ("nothing", "streamed", "held"):
            found[how] = child(folder, how, asked)
            print(how, found[how], flush=True)
    end = os.times()
    base = found["nothing"]["peak_mib"]
    for how in ("streamed", "held"):
        one = found[how]
        rows = one.pop("train_rows") or round(0.85 * table["rows"])
        one["rows_per_second"] = rows * asked.epochs / one["net_seconds"]
        one["rows_per_cpu_second"] = rows * asked.epochs / one["net_cpu_seconds"]
        one["share_of_table"] = (one["peak_mib"] - base) / table["memory_mib"]
    lines = [
        [
            how,
            round(found[how]["peak_mib"]),
            round(found[how]["peak_mib"] - base),
            round(found[how]["share_of_table"], 2),
            round(found[how]["rows_per_second"]),
            round(found[how]["rows_per_cpu_second"]),
            found[how]["amount_r2"],
            found[how]["chosen_auc"],
        ]
        for how in ("streamed", "held")
    ]
    record(
        "stream",
        {"table": table, "fits": found},
        seeds=[asked.seed],
        title="A table that does not fit into memory",
        tables=[
            Table(
                f"{table['rows']:,} rows of {table['columns']} columns: {table['memory_mib']:,.0f} MiB as a "
                f"data frame, {table['file_mib']:,.0f} MiB as a Parquet file in row groups of {GROUP:,}. One "
                f"net of the same options, {asked.epochs} epoch(s); MiB at the peak of the process, and "
                f"without the {base:,.0f} MiB that a fit of 500 rows takes. Scores on rows of other people.",
                [
                    "fit",
                    "peak, MiB",
                    "of data, MiB",
                    "of the table",
                    "rows/s",
                    "rows/CPU-s",
                    "amount, R2",
                    "chosen, AUC",
                ],
                lines,
            )
        ],
        cpu_seconds=sum(end[:4]) - sum(begin[:4]),
        notes=[
            "Both fits hold validation rows (the streamed one about 100,000); the streamed one a sample of "
            "200,000 training rows, which its encoders are fitted on, and a buffer of 65,536 rows. Speed is "
            "that of the net's fit, encoding included. Other work ran on the machine: rows per CPU-second "
            "say more than rows per second.",
        ],
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
