"""A large table, made, read, learned from: one process, so that its peak of memory is its own.

    python benchmarks/speed_table.py write FILE [--rows 1000000]
    python benchmarks/speed_table.py fit FILE

95 floats (ten of them with missing cells) and 5 categories, beside two targets, one of them half missing.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path

CHUNK = 50_000
FLOATS, CATEGORIES = 95, 5
OPTIONS = {"width": 64, "depth": 2, "epochs": 1, "batch_size": 1024, "device": "cpu"}


def write(path: Path, rows: int) -> None:
    """The table, part by part; CSV or Parquet by the file's name."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    chance = np.random.default_rng(0)
    slopes = chance.normal(size=FLOATS) / FLOATS**0.5
    writer = None
    for start in range(0, rows, CHUNK):
        size = min(CHUNK, rows - start)
        x = chance.normal(size=(size, FLOATS))
        levels = chance.integers(0, 50, size=(size, CATEGORIES))
        signal = x @ slopes + 0.1 * (levels[:, 0] % 7)
        y = signal + chance.normal(size=size)
        z = (signal + chance.normal(size=size) > 0).astype(float)
        z[chance.random(size) < 0.5] = np.nan
        x[:, :10][chance.random((size, 10)) < 0.05] = np.nan
        columns = {f"x{i}": x[:, i] for i in range(FLOATS)} | {"y": y, "z": z}
        table = pa.table({name: pa.array(cells, from_pandas=True) for name, cells in columns.items()})
        for j in range(CATEGORIES):
            names = np.array([f"level {k}" for k in range(50)], dtype=object)[levels[:, j]]
            table = table.append_column(f"c{j}", pa.array(names))
        if path.suffix == ".csv":  # as many digits as float32 has
            floats = [pa.float32() if pa.types.is_floating(f.type) else f.type for f in table.schema]
            table = table.cast(pa.schema(zip(table.column_names, floats, strict=True)))
        if writer is None:
            form = pa_csv.CSVWriter if path.suffix == ".csv" else pq.ParquetWriter
            writer = form(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def peak() -> int:
    """Bytes of memory this process had at most."""
    try:
        # a child's ru_maxrss begins with its parent's on Linux; the high-water mark is its own
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    except (OSError, IndexError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def fit(path: Path) -> dict[str, object]:
    """One epoch of the net through the estimator; peaks after each stage, in bytes."""
    import torch

    from umbel.data.read import read_table
    from umbel.training.estimator import MultiTask

    torch.set_num_threads(1)
    peaks = {"imports": peak()}
    frame = read_table(path)
    peaks["read"] = peak()
    rows, columns = frame.shape
    asked = {"y": "regression", "z": "binary"}
    model = MultiTask(asked, model="net", options=OPTIONS, folds=0).fit(frame)
    peaks["fit"] = peak()
    return {
        "rows": rows,
        "columns": columns,
        "format": path.suffix[1:],
        "peak_bytes": peaks["fit"],
        "peaks": peaks,
        "cpu_seconds": time.process_time(),
        "epochs": model.notes_["epochs"],
    }


def main() -> int:
    """Write or fit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["write", "fit"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    asked = parser.parse_args()
    if asked.what == "write":
        write(asked.file, asked.rows)
    else:
        print(json.dumps(fit(asked.file)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
