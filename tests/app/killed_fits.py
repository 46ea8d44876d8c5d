"""Runs `umbel fit` in forked children, so that torch is imported once, stops and kills them, resumes, and
tells what came of it as JSON."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import torch
from killed import Fit, weights

from umbel.app.main import app

CONFIG = """\
problem: {targets: [score, passed]}
model:
  name: net
  folds: 0
  options: {width: 8, embedding: 4, epochs: 5, batch_size: 32, every: 2, balancing: uncertainty}
"""


def command(*arguments: str) -> int:
    """The command in this process; its exit code."""
    try:
        app(["fit", *arguments, "--quiet"])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def begin(said: Path, *arguments: str) -> int:
    """The command in a forked child, which writes what it says to a file; its process."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        with said.open("w") as file, contextlib.redirect_stderr(file), contextlib.redirect_stdout(file):
            code = command(*arguments)
    finally:
        os._exit(code)


def wait_for_step(out: Path, number: int) -> None:
    """Until a checkpoint of at least so many steps is there."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if any(int(p.name.split("-")[1]) >= 2 * number for p in out.glob("checkpoint/*/step-*")):
            return
        time.sleep(0.0005)
    raise TimeoutError


def ended(child: int) -> int:
    """Exit code, or the negative signal, of a child."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(place: Path) -> None:
    torch.set_num_threads(1)
    # a suite that runs in the background is deaf to it, and so would the children be
    signal.signal(signal.SIGINT, signal.default_int_handler)
    chance = random.Random(0)
    fit, out, said = Fit.write(place, CONFIG, rows=300), place / "run", place / "said.txt"
    job = (str(fit.table), "--config", str(fit.config))
    with contextlib.redirect_stdout(sys.stderr):
        assert command(*job, "--out", str(place / "whole")) == 0

    child = begin(said, *job, "--out", str(out))
    wait_for_step(out, 2)
    os.kill(child, signal.SIGINT)
    told = {"stopped": ended(child), "said": said.read_text(), "kills": [], "models": []}
    resume = ("--resume", "--out", str(out))
    for step in (8, 16, 24):
        child = begin(said, *resume)
        wait_for_step(out, step)
        time.sleep(chance.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        told["kills"].append(ended(child))
        told["models"].append((out / "model").exists())
    (out / ".model.0123abcd").mkdir(exist_ok=True)  # as a kill half-way through the saving leaves it
    told["resumed"] = ended(begin(said, *resume))
    told["alike"] = weights(out) == weights(place / "whole")
    told["left"] = sorted(p.name for p in out.iterdir())
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
