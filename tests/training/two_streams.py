"""Two forked processes stream one file together, and then one alone: tells how far apart their nets are.

A batch is the whole file, so that one process sees the same rows in each step.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed as dist

sys.path.insert(0, str(Path(__file__).parents[1]))

from neural_tables import COLUMNS, frame
from umbel.data.parquet import ParquetFile
from umbel.data.prepare import prepare
from umbel.data.problem import Problem
from umbel.data.split import Split
from umbel.training.learners.streamed_net import Source, StreamedNet

TRAIN, VALID = 240, 60


def fitted(folder: Path) -> tuple[np.ndarray, float]:
    """The parameters of a streamed net in a line, and its loss relative to the constant's."""
    table = frame(TRAIN + VALID, seed=3).assign(height=lambda f: f["height"].fillna(170.0))
    problem = Problem.of(["height", "sick"], inputs={c.name: c.type for c in COLUMNS[:3]})
    split = Split(np.arange(TRAIN), np.arange(TRAIN, TRAIN + VALID), np.arange(0))
    data = prepare(table, problem, split=split)
    source = Source(ParquetFile(folder / "train.parquet"), problem, buffer=1000)
    options: dict[str, Any] = {"width": 8, "dropout": 0.0, "embedding_dropout": 0.0, "dtype": "float64"}
    net = StreamedNet(**options, epochs=5, batch_size=TRAIN, lr=1e-2, stopping="none")
    net.fit_from(source, data.train, data.valid)
    (state,) = net.state()["members"][0]["states"].values()
    line = np.concatenate([value["__tensor__"].ravel() for value in state.values()])
    return line, float(net.notes["curves"]["height"][-1])


def child(folder: Path, rank: int) -> int:
    """A process of two."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        torch.set_num_threads(1)
        store = f"file://{folder / 'store'}"
        dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
        np.savez(folder / f"{rank}.npz", line=fitted(folder)[0])
        dist.destroy_process_group()
        code = 0
    finally:
        os._exit(code)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    for pid in [child(folder, rank) for rank in range(2)]:
        assert os.waitpid(pid, 0)[1] == 0
    lines = [np.load(folder / f"{rank}.npz") for rank in range(2)]
    alone, loss = fitted(folder)
    told = {
        "loss": loss,
        "apart": float(np.abs(lines[0]["line"] - lines[1]["line"]).max()),
        "from_one": float(np.abs(lines[0]["line"] - alone).max()),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
