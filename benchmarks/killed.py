"""kill -9 at random moments of `umbel fit`, then resume: is the model the same, byte for byte?

    python benchmarks/killed.py [--kills 20] [--seed 0]

Each kill is a run of its own. Its moment is drawn evenly between the first checkpoint and the saved model,
as an undisturbed run has them; a run that was done by then does not count, and another moment is drawn.
`umbel fit --resume` goes on, and the model's weights are compared with those of the undisturbed run.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import pandas as pd
from record import Table, record

CONFIG = """\
problem: {targets: [score, passed, visits]}
model:
  name: net
  folds: 0
  options: {width: 64, epochs: 6, patience: 6, batch_size: 32, every: 3, balancing: uncertainty}
"""


@dataclass(frozen=True)
class Fit:
    """The job: one table, one configuration.

    :param table: a CSV file.
    :param config: a YAML file.
    """

    table: Path
    config: Path

    @staticmethod
    def write(place: Path, config: str = CONFIG, rows: int = 800) -> Fit:
        """Write a table of numbers, a category and names, with labels missing, and the configuration."""
        chance = np.random.default_rng(0)
        x = chance.normal(size=(rows, 3))
        frame = pd.DataFrame(x, columns=["hours", "age", "noise"]).round(4)
        frame["club"] = chance.choice(["chess", "choir", "none"], rows)
        frame["friends"] = [", ".join(chance.choice(list("abcdefgh"), 2)) for _ in range(rows)]
        frame["score"] = (x @ [2.0, -1.0, 0.0] + chance.normal(size=rows)).round(3)
        frame["passed"] = np.where(x[:, 0] + chance.normal(size=rows) > 0, "yes", "no")
        frame["visits"] = chance.poisson(np.exp(0.3 * x[:, 1]))
        frame.loc[chance.random(rows) < 0.4, "passed"] = None
        frame.loc[chance.random(rows) < 0.6, "score"] = None
        fit = Fit(place / "table.csv", place / "config.yaml")
        frame.to_csv(fit.table, index=False)
        fit.config.write_text(config, encoding="utf-8")
        return fit

    def begin(self, out: Path, *, resume: bool = False) -> subprocess.Popen[str]:
        """Start the command in one thread."""
        job = ["--resume"] if resume else [str(self.table), "--config", str(self.config)]
        return subprocess.Popen(
            [sys.executable, "-m", "umbel", "fit", *job, "--out", str(out), "--quiet"],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, out: Path) -> None:
        """Resume until the run is done.

        :raises RuntimeError: the command fails.
        """
        child = self.begin(out, resume=True)
        said = child.communicate()[1]
        if child.returncode:
            raise RuntimeError(f"exit code {child.returncode}: {said}")


def weights(out: Path) -> bytes:
    """The saved weights of a run."""
    return (out / "model" / "model.safetensors").read_bytes()


def begun(child: subprocess.Popen[str], out: Path) -> float:
    """Wait until the first checkpoint is there; the moment."""
    while not any(out.glob("checkpoint/*/step-*")) and child.poll() is None:
        time.sleep(0.001)
    return time.monotonic()


def undisturbed(fit: Fit, out: Path) -> float:
    """Run to the end; seconds from its first checkpoint to its saved model.

    :raises RuntimeError: the command fails.
    """
    child = fit.begin(out)
    start = begun(child, out)
    while not (out / "model").exists() and child.poll() is None:
        time.sleep(0.001)
    seconds = time.monotonic() - start
    said = child.communicate()[1]
    if child.returncode:
        raise RuntimeError(said)
    return seconds


def kill(fit: Fit, out: Path, after: float) -> bool:
    """Begin a run, SIGKILL some seconds after its first checkpoint; False where it was done by then."""
    child = fit.begin(out)
    end = begun(child, out) + after
    while time.monotonic() < end and child.poll() is None:
        time.sleep(0.001)
    child.kill()
    child.communicate()
    return child.returncode < 0 and (out / "checkpoint").exists()


def left(out: Path) -> str:
    """What a killed run has left, in words."""
    steps = sorted(p.name for p in out.glob("checkpoint/*/step-*"))
    return steps[-1] + (", model written" if (out / "model").exists() else "")


def main() -> int:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    trials: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        fit = Fit.write(place)
        seconds = undisturbed(fit, place / "whole")
        whole = weights(place / "whole")
        print(f"undisturbed: {seconds:.1f} s from the first checkpoint, {len(whole):,} bytes", flush=True)
        while len(trials) < asked.kills:
            out, after = place / f"run-{len(trials)}-{chance.random()}", chance.uniform(0, seconds)
            if not kill(fit, out, after):
                continue  # it was done already: another moment
            found = left(out)
            fit.finish(out)
            same = weights(out) == whole
            trials.append({"after": round(after, 3), "left": found, "identical": same})
            word = "identical" if same else "DIFFERENT"
            print(f"  killed after {after:5.2f} s ({found}), resumed: {word}", flush=True)
    identical = sum(bool(t["identical"]) for t in trials)
    print(f"{identical}/{len(trials)} byte for byte identical")
    table = Table(
        "`umbel fit` killed by SIGKILL at random moments and resumed: final weights byte for byte as those "
        "of an undisturbed run (one thread, a checkpoint every 3 steps).",
        ["kills", "resumed and identical"],
        [[len(trials), identical]],
    )
    results = {"undisturbed_seconds": seconds, "config": CONFIG, "trials": trials}
    record("killed", results, seeds=[asked.seed], title="Killed and resumed", tables=[table])
    return 0 if identical == len(trials) else 1


if __name__ == "__main__":
    sys.exit(main())
