"""Fits nets that are killed at random points and run again; tells whether they end bit for bit alike.

Each fit is a forked child, so that torch is imported once; a kill is a real SIGKILL, in a step or half-way
through the writing of a file.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from safetensors.numpy import save_file

from neural_tables import dataset, frame
from umbel.training import checkpoint, files, loop
from umbel.training.learners.net import Net
from umbel.training.packing import pack

CASES: dict[str, dict[str, Any]] = {
    "adamw": {"members": 2, "balancing": "uncertainty"},
    "head": {"stopping": "head", "schedule": "one_cycle", "average": 0.0, "judge_every": 2},
    "curriculum": {
        "curriculum": "competence",
        "curriculum_options": {"start": 0.4, "steps": 9, "folds": 2},
        "sampling": "uniform",
        "diagnose": False,
    },
    "lbfgs": {
        "optimizer": "lbfgs",
        "dropout": 0.0,
        "embedding_dropout": 0.0,
        "stopping": "none",
        "epochs": 9,
    },
}


def fit(case: str, folder: str | None, out: Path) -> None:
    data = dataset(frame(200, seed=6), ("height", "sick", "tags"), by="school" if case == "head" else None)
    odd = np.arange(len(data)) % 4 == 0
    options = {"width": 8, "embedding": 4, "epochs": 4, "batch_size": 32, "lr": 0.01, **CASES[case]}
    net = Net(**options, checkpoint=folder, every=2).fit(data.take(~odd), data.take(odd))
    value, arrays = pack([net.state(), net.notes])
    save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, out)
    out.with_suffix(".json").write_text(json.dumps(value, sort_keys=True))


def die_at(step: int, write: int) -> None:
    """Kill this process in a step, or when a file is half written."""
    own_step, left = loop.step, {"step": step, "write": write}

    def dying_step(*args: Any, **options: Any) -> Any:
        left["step"] -= 1
        if left["step"] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return own_step(*args, **options)

    def dying_write(path: Path, content: bytes) -> None:
        left["write"] -= 1
        if left["write"] == 0:
            path.with_name(f".{path.name}.half").write_bytes(content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        files.write_bytes(path, content)

    loop.step = dying_step
    checkpoint.write_bytes = dying_write


def child(case: str, folder: str | None, out: Path, *, step: int = 0, write: int = 0) -> int:
    """Run a fit in a fork; the signal that ended it, 0 for none."""
    pid = os.fork()
    if pid == 0:
        torch.set_num_threads(1)
        die_at(step, write)
        code = 1
        try:
            fit(case, folder, out)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status)


def main(place: Path, points: int) -> None:
    chance = random.Random(0)
    told = []
    torch.set_num_threads(1)
    fit("adamw", None, place / "warm.safetensors")  # what torch loads at first use is loaded once
    for case in CASES:
        whole = place / f"{case}.safetensors"
        assert child(case, None, whole) == 0
        folder, out = str(place / f"{case}-checkpoint"), place / f"{case}-again.safetensors"
        kills = 0
        for point in range(points):
            at = {"step": chance.randint(2, 4)} if point % 2 == 0 else {"write": chance.randint(2, 6)}
            kills += child(case, folder, out, **at) == signal.SIGKILL
        ended = child(case, folder, out)
        alike = all(
            a.read_bytes() == b.read_bytes()
            for a, b in ((whole, out), (whole.with_suffix(".json"), out.with_suffix(".json")))
        )
        told.append({"case": case, "kills": kills, "ended": ended, "alike": alike})
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
