"""Encoding: rows per second from a Parquet file to tensors, and what cutting batches costs.

    python benchmarks/encoding.py [--rows 1000000]

A table of 20 number and 5 category columns is written to a Parquet file, then read and encoded on one thread:
fitted on a tenth of its rows, all rows transformed. Batches of the encoded table are timed against training
steps of a net of three layers of 512 units, in turn, in CPU time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))

from record import Table, record

from umbel.data.batch import Batch
from umbel.data.cells import clean
from umbel.data.read import read_table
from umbel.data.schema import Column, Schema
from umbel.encoders.space import FeatureSpace

NUMBERS, CATEGORIES, LEVELS, BATCH = 20, 5, 50, 256
WANTED, SHARE = 200_000, 0.05


def table(rows: int) -> pd.DataFrame:
    """Numbers of which some are missing, and levels that are texts."""
    chance = np.random.default_rng(0)
    columns: dict[str, object] = {}
    for k in range(NUMBERS):
        x = chance.normal(size=rows)
        columns[f"x{k}"] = np.where(chance.random(rows) < 0.05, np.nan, x) if k % 4 == 0 else x
    levels = np.array([f"level {k}" for k in range(LEVELS)], dtype=object)
    for k in range(CATEGORIES):
        columns[f"c{k}"] = levels[chance.integers(0, LEVELS, rows)]
    return pd.DataFrame(columns)


def spent(work: Callable[[], object]) -> float:
    """CPU-seconds of some work."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def encode(path: Path, rounds: int) -> list[float]:
    """CPU-seconds from the file to tensors, each round."""
    columns = [Column(f"x{k}", "number") for k in range(NUMBERS)]
    columns += [Column(f"c{k}", "category") for k in range(CATEGORIES)]
    schema = Schema(tuple(columns))

    def cleaned(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({c.name: clean(frame[c.name], c) for c in schema.columns}, copy=False)

    whole = cleaned(read_table(path))
    space = FeatureSpace(schema).fit(whole.iloc[: len(whole) // 10])
    return [spent(lambda: space.transform(cleaned(read_table(path)))) for _ in range(rounds)]


def batches(rows: int, rounds: int) -> tuple[list[float], list[float]]:
    """CPU-seconds of 100 batches of an encoded table, and of 100 training steps, in turn."""
    chance = torch.Generator().manual_seed(0)
    held = Batch(
        {
            "numbers": torch.randn(rows, NUMBERS, generator=chance),
            "categories": torch.randint(0, LEVELS, (rows, CATEGORIES), generator=chance),
        },
        {"y": torch.randn(rows, generator=chance)},
        {"y": torch.ones(rows)},
        torch.arange(rows),
    )
    layers: list[nn.Module] = []
    for width in (NUMBERS + CATEGORIES * 16, 512, 512):
        layers += [nn.Linear(width, 512), nn.ReLU()]
    net = nn.Sequential(*layers, nn.Linear(512, 1))
    embed = nn.Embedding(LEVELS, 16)
    optimizer = torch.optim.AdamW([*net.parameters(), *embed.parameters()], fused=True)
    places = [torch.randint(0, rows, (BATCH,), generator=chance) for _ in range(100)]
    made = [held.take(place) for place in places]

    def cut() -> None:
        for place in places:
            held.take(place)

    def train() -> None:
        for batch in made:
            x = torch.cat([batch.inputs["numbers"], embed(batch.inputs["categories"]).flatten(1)], dim=1)
            loss = (net(x)[:, 0] - batch.targets["y"]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    train()
    pairs = [(spent(cut), spent(train)) for _ in range(rounds)]
    return [cutting for cutting, _ in pairs], [training for _, training in pairs]


def main() -> int:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    begin = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        table(asked.rows).to_parquet(path, index=False)
        seconds = encode(path, asked.rounds)
    speed = asked.rows / float(np.median(seconds))
    cutting, training = batches(asked.rows, asked.rounds)
    share = float(np.median(np.array(cutting) / np.array(training)))
    print(f"  {speed:,.0f} rows a second; a batch costs {share:.2%} of a training step", flush=True)
    rows = [
        ["rows a second, from the Parquet file to tensors", f"at least {WANTED:,}", round(speed)],
        ["a batch of 256 rows, share of a training step", f"below {SHARE:.0%}", f"{share:.2%}"],
    ]
    record(
        "encoding",
        {"seconds": seconds, "cutting": cutting, "training": training, "rows": asked.rows},
        seeds=[0],
        title="Encoding",
        tables=[Table("One core, CPU time, median of the rounds.", ["what", "asked", "measured"], rows)],
        cpu_seconds=time.process_time() - begin,
        notes=[
            f"{asked.rows:,} rows of {NUMBERS} number columns (one in four 5 % missing) and {CATEGORIES} "
            f"category columns of {LEVELS} levels. Fitting (on a tenth of the rows) is not counted, reading, "
            "checking cells and transforming are. The net: 3 layers of 512 units, batches of 256, AdamW.",
        ],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
